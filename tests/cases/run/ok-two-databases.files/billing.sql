CREATE TABLE accounts (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE COLLATE NOCASE, country TEXT NOT NULL, credit NUMERIC(10,2), junk BLOB);
INSERT INTO accounts VALUES (1, 'ann@example.com', 'AT', 9.99, x'00'), (2, 'çetin@example.com', 'TR', 0, NULL), (3, 'zoe@example.com', 'TR', 3.5, NULL), (4, 'old@example.com', 'gone', 1, NULL);
