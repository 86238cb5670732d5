INSERT INTO users VALUES (1,'Ada','2020-01-01 00:00:00'),
  (2,'ada','2021-01-01 00:00:00'),
  (3,'ADA',NULL),
  (4,'bob',NULL),
  (5,'ada2','2019-01-01 00:00:00');
