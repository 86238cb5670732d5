-- The shop that most cases use: small enough to read.
CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, country TEXT, age INTEGER);
CREATE TABLE products (id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, price NUMERIC(10,2) NOT NULL);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  created_at DATETIME NOT NULL,
  subtotal NUMERIC(12,2) NOT NULL,
  tax NUMERIC(12,2) NOT NULL,
  total NUMERIC(12,2),
  country TEXT,
  line_count INTEGER NOT NULL DEFAULT 0,
  note TEXT
);
CREATE TABLE lines (
  order_id INTEGER NOT NULL REFERENCES orders (id), position INTEGER NOT NULL,
  product_id INTEGER NOT NULL REFERENCES products (id), quantity INTEGER NOT NULL,
  PRIMARY KEY (order_id, position)
) WITHOUT ROWID;
CREATE TABLE heap (a TEXT, b TEXT);
CREATE TABLE loose (id INTEGER PRIMARY KEY, v);
CREATE VIEW big AS SELECT * FROM orders WHERE total > 100;
INSERT INTO customers VALUES (1, 'ann@example.com', 'Ann', 'DE', 31), (2, ' Bob@Example.COM ', 'Bob', 'FR', NULL), (3, 'çetin@example.com', 'Çetin', NULL, 44);
INSERT INTO products VALUES (1, 'A-1', 'Apple', 1.5), (2, 'B-2', 'Bread', 3.25), (3, 'C-3', 'Cheese', 10);
INSERT INTO orders VALUES
  (1, 1, '2025-02-28 09:00:00', 10, 2, 12, 'DE', 2, NULL),
  (2, 1, '2025-03-02 10:00:00', 10.1, 2.2, 10.1, NULL, 0, ''),
  (3, 2, '2025-03-03 11:30:00', 99.99, 20, 99.99, 'FR', 1, 'late'),
  (4, 2, '2025-03-09 23:59:59', 5, 1, NULL, NULL, 0, ' x '),
  (5, 3, '2025-03-10 00:00:00', 7, 1.4, 8.4, NULL, 0, 'ok');
INSERT INTO lines VALUES (1, 1, 1, 2), (1, 2, 2, 1), (2, 1, 3, 1), (3, 1, 2, 4), (4, 1, 1, 1), (4, 2, 2, 2), (4, 3, 3, 3);
INSERT INTO heap VALUES ('x', 'y'), ('x', 'y');
INSERT INTO loose VALUES (1, 1), (2, 'two');
CREATE TRIGGER t AFTER UPDATE ON orders BEGIN UPDATE customers SET name = name || '!' WHERE id = new.customer_id; END;
