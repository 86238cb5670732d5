INSERT INTO orders VALUES (1,100),
  (2,0),
  (3,10),
  (4,7);
INSERT INTO order_lines VALUES (1,1,100,0),
  (2,1,100,0),
  (3,1,100,0),
  (4,2,50,0),
  (5,3,1,0),
  (6,3,2,0),
  (7,4,0,0);
