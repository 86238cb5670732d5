CREATE TABLE t ("order" INTEGER PRIMARY KEY, "group" TEXT, "key" INTEGER);
INSERT INTO t VALUES (1, 'a', NULL), (2, 'b', 3);
