CREATE TABLE t (id INTEGER PRIMARY KEY, doc TEXT NOT NULL);
INSERT INTO t VALUES (1, '{"b": 1, "a": [1, 2]}'), (2, '{}'), (3, '{"seen": true}');
