CREATE TABLE t (id INTEGER PRIMARY KEY, parent_id INTEGER, grp TEXT, n INTEGER, price NUMERIC(10,2), at DATETIME, tags TEXT);
INSERT INTO t VALUES (1, NULL, 'a', 3, 1.10, '2025-03-01 10:00:00', '["x","y"]'), (2, 1, 'a', 5, 2.20, '2025-03-01 10:00:00', '[]'),
  (3, 2, 'b', 5, 0.1, NULL, NULL), (4, 2, 'b', 1, NULL, NULL, '["y"]'), (5, 3, 'a', NULL, 3.3, NULL, '["z","x"]');
CREATE TABLE o (id INTEGER PRIMARY KEY, ids TEXT, total NUMERIC(10,2), at DATETIME, k TEXT);
