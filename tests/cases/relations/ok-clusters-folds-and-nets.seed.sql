CREATE TABLE persons (id INTEGER PRIMARY KEY, email TEXT, phone TEXT, merged_into BIGINT, chained TEXT);
INSERT INTO persons (id, email, phone) VALUES (1, 'A@x', NULL), (2, 'a@X', '1'), (3, NULL, '1'), (4, '', NULL), (5, '', NULL);
CREATE TABLE knows (a INTEGER NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID;
INSERT INTO knows VALUES (1, 2), (2, 1), (2, 3), (3, 1), (4, 5);
