CREATE TABLE orders (id INTEGER PRIMARY KEY, note TEXT);
CREATE TABLE lines (order_id INTEGER NOT NULL, position INTEGER NOT NULL, product_id INTEGER NOT NULL, PRIMARY KEY (order_id, position)) WITHOUT ROWID;
INSERT INTO orders VALUES (1, '[2, 1]'), (2, NULL), (3, '[]'), (4, '[3,2]'), (5, NULL);
INSERT INTO lines VALUES (1, 1, 1), (1, 2, 2), (2, 1, 3), (3, 1, 2), (4, 1, 1), (4, 2, 2), (4, 3, 3);
