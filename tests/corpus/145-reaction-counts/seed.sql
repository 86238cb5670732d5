INSERT INTO posts VALUES (1,NULL),
  (2,'{"like":1}'),
  (3,'{"like":9}');
INSERT INTO reactions VALUES (1,1,'like'),
  (2,1,'like'),
  (3,1,'heart'),
  (4,2,'like');
