INSERT INTO namespaces VALUES (1,NULL,'root'),
  (2,1,'sub'),
  (3,2,'leaf'),
  (4,NULL,'other'),
  (5,99,'lost');
INSERT INTO routes VALUES (1,'Namespace',2,'old/sub'),
  (2,'Project',2,'x');
