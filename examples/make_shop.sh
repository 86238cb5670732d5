#!/bin/sh
# make_shop.sh FILE [ROWS]: a small web shop as a SQLite file, the same on every machine. ROWS is the number of orders
# (1,000 unless told; tried up to 10,000,000). Orders written from 1 to 9 March 2025 lack their tax in the total.
set -eu
file=${1:?usage: make_shop.sh FILE [ROWS]}
rows=${2:-1000}
case $rows in *[!0-9]* | '') echo "error: ROWS is \`$rows\`, expected a number" >&2; exit 2 ;; esac
rm -f "$file" "$file-wal" "$file-shm"

sqlite3 "$file" <<SQL >/dev/null
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE customers (
  id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL, country TEXT NOT NULL
);
CREATE TABLE products (
  id INTEGER PRIMARY KEY, sku TEXT NOT NULL UNIQUE, name TEXT NOT NULL, price NUMERIC(10,2) NOT NULL
);
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
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
INSERT INTO customers SELECT i,
  CASE i % 5 WHEN 0 THEN '  Customer' || i || '@Example.COM ' WHEN 1 THEN 'CUSTOMER' || i || '@example.com'
    ELSE 'customer' || i || '@example.com' END,
  'Customer ' || i, substr('DEFRITESPT', 1 + 2 * (i % 5), 2)
FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
INSERT INTO products SELECT i, 'SKU-' || printf('%04d', i), 'Product ' || i, 1.99 + i * 0.5 FROM n;
-- A year of orders: cents are computed as integers, so that no total is off by a binary fraction.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows),
  v AS (SELECT i, (i * 2654435761) % 4294967296 AS h, 500 + (i * 7919) % 90000 AS cents,
    datetime(1735689600 + (i - 1) * 31536000 / $rows, 'unixepoch') AS at FROM n),
  w AS (SELECT *, cents / 5 AS tax_cents, at >= '2025-03-01' AND at < '2025-03-10' AS wrong FROM v)
INSERT INTO orders SELECT i, 1 + h % 200, at, cents / 100.0, tax_cents / 100.0,
  CASE WHEN NOT wrong THEN (cents + tax_cents) / 100.0 WHEN h % 50 = 0 THEN NULL ELSE cents / 100.0 END,
  CASE WHEN h % 3 = 0 THEN NULL ELSE substr('DEFRITESPT', 1 + 2 * ((1 + h % 200) % 5), 2) END,
  CASE WHEN i <= 20000 AND h % 7 <> 0 THEN 1 + i % 3 ELSE 0 END,
  CASE WHEN h % 4 = 0 THEN NULL ELSE substr('leave it at the door, the bell is broken and the dog is loud', 1, 10 + h % 50) END
FROM w;
-- Lines for the first 20,000 orders; one count in seven was never written.
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < min($rows, 20000)), p(k) AS (VALUES (1), (2), (3))
INSERT INTO lines SELECT i, k, 1 + (i * 31 + k * 7) % 50, 1 + (i + k) % 4 FROM n JOIN p ON k <= 1 + i % 3;
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);
SQL
