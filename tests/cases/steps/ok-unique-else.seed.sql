CREATE TABLE streams (id INTEGER PRIMARY KEY, realm_id INTEGER NOT NULL, name TEXT NOT NULL);
CREATE UNIQUE INDEX names ON streams (realm_id, name);
INSERT INTO streams VALUES (1, 1, 'a*'), (2, 1, 'a@'), (3, 1, 'A'), (4, 2, 'a*'), (5, 1, 'a-1');
