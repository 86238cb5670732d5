INSERT INTO projects VALUES (1,1,'123','One'),
  (2,1,'Web','Web'),
  (3,1,'web','Web 2'),
  (4,2,'123','Other'),
  (5,2,'web-1','w'),
  (6,2,'WEB','w'),
  (7,2,'web','w'),
  (8,1,'p-123','x');
