CREATE TABLE t (code TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL DEFAULT 0);
INSERT INTO t (code) VALUES (''), ('a'), ('Ä'), ('zz'), ('𝄞'), ('a b');
