INSERT INTO accounts VALUES (1,'a'),
  (2,'b'),
  (3,'c');
INSERT INTO statuses VALUES (1,1,NULL,0,'2020-01-01 00:00:00'),
  (2,1,NULL,3,'2020-01-05 00:00:00'),
  (3,2,1,0,'2020-01-04 00:00:00'),
  (4,1,NULL,1,'2020-01-03 00:00:00');
INSERT INTO follows VALUES (1,1,2),
  (2,3,2),
  (3,2,1);
INSERT INTO account_stats VALUES (1,1,99,0,5,'2019-01-01 00:00:00');
