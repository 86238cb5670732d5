INSERT INTO listings VALUES (1,99,'closed','2021-05-01 10:00:00'),
  (2,5,'open','2021-05-01 10:00:00'),
  (3,7,'closed','2021-05-02 10:00:00'),
  (4,8,'closed','2021-04-01 00:00:00');
INSERT INTO audits VALUES (1,'listings',1,'robot','2021-05-01 09:00:00','{"price": 10.5, "status": "open"}'),
  (2,'listings',1,'robot','2021-05-01 10:00:00','{"price": 50}'),
  (3,'listings',3,'robot','2021-05-01 10:00:00','{"status": "draft"}'),
  (4,'listings',3,'ada','2021-05-02 10:00:00','{"price": 6}'),
  (5,'listings',2,'ada','2021-05-01 10:00:00','{"price": 4}'),
  (6,'users',4,'robot','2021-05-01 10:00:00','{"price": 1}');
