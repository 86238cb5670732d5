INSERT INTO dag_run VALUES (1,'d1','manual__1','2021-01-01 00:00:00'),
  (2,'d1','sched__2','2021-01-02 00:00:00'),
  (3,'d2','sched__1','2021-01-01 00:00:00');
INSERT INTO task_instance VALUES ('t1','d1','2021-01-01 00:00:00','success',NULL),
  ('t2','d1','2021-01-01 00:00:00','failed','old'),
  ('t1','d1','2021-01-03 00:00:00','failed',NULL),
  ('t1','d2','2021-01-01 00:00:00',NULL,NULL),
  ('t1','d3','2021-01-01 00:00:00','x',NULL);
