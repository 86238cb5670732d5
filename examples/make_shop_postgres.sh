#!/bin/sh
# make_shop_postgres.sh URL [ROWS]: the same small web shop as make_shop.sh makes, row by row, in a PostgreSQL database that
# has no such tables yet. ROWS is the number of orders (1,000 unless told).
set -eu
url=${1:?usage: make_shop_postgres.sh URL [ROWS]}
rows=${2:-1000}
case $rows in *[!0-9]* | '') echo "error: ROWS is \`$rows\`, expected a number" >&2; exit 2 ;; esac

psql -X -q -v ON_ERROR_STOP=1 -d "$url" <<SQL
BEGIN;
CREATE TABLE customers (
  id integer PRIMARY KEY, email text NOT NULL, name text NOT NULL, country text NOT NULL
);
CREATE TABLE products (
  id integer PRIMARY KEY, sku text NOT NULL UNIQUE, name text NOT NULL, price numeric(10,2) NOT NULL
);
CREATE TABLE orders (
  id bigint PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customers (id),
  created_at timestamp NOT NULL,
  subtotal numeric(12,2) NOT NULL,
  tax numeric(12,2) NOT NULL,
  total numeric(12,2),
  country text,
  line_count integer NOT NULL DEFAULT 0,
  note text
);
CREATE TABLE lines (
  order_id bigint NOT NULL REFERENCES orders (id), position integer NOT NULL,
  product_id integer NOT NULL REFERENCES products (id), quantity integer NOT NULL,
  PRIMARY KEY (order_id, position)
);
INSERT INTO customers SELECT i,
  CASE i % 5 WHEN 0 THEN '  Customer' || i || '@Example.COM ' WHEN 1 THEN 'CUSTOMER' || i || '@example.com'
    ELSE 'customer' || i || '@example.com' END,
  'Customer ' || i, substr('DEFRITESPT', 1 + 2 * (i % 5), 2)
FROM generate_series(1, 200) AS n(i);
INSERT INTO products SELECT i, 'SKU-' || lpad(i::text, 4, '0'), 'Product ' || i, 1.99 + i * 0.5 FROM generate_series(1, 50) AS n(i);
INSERT INTO orders SELECT i, 1 + h % 200, at, cents / 100.0, tax_cents / 100.0,
  CASE WHEN NOT wrong THEN (cents + tax_cents) / 100.0 WHEN h % 50 = 0 THEN NULL ELSE cents / 100.0 END,
  CASE WHEN h % 3 = 0 THEN NULL ELSE substr('DEFRITESPT', 1 + 2 * ((1 + h % 200) % 5)::integer, 2) END,
  CASE WHEN i <= 20000 AND h % 7 <> 0 THEN 1 + i % 3 ELSE 0 END,
  CASE WHEN h % 4 = 0 THEN NULL
    ELSE substr('leave it at the door, the bell is broken and the dog is loud', 1, (10 + h % 50)::integer) END
FROM (SELECT *, cents / 5 AS tax_cents, at >= '2025-03-01' AND at < '2025-03-10' AS wrong FROM (
  SELECT i, (i * 2654435761) % 4294967296 AS h, 500 + (i * 7919) % 90000 AS cents,
    timestamp '2025-01-01' + (i - 1) * 31536000 / $rows * interval '1 second' AS at
  FROM generate_series(1, $rows::bigint) AS n(i)) AS v) AS w;
INSERT INTO lines SELECT i, k, 1 + (i * 31 + k * 7) % 50, 1 + (i + k) % 4
FROM generate_series(1, least($rows, 20000)) AS n(i), generate_series(1, 3) AS p(k) WHERE k <= 1 + i % 3;
COMMIT;
ANALYZE;
SQL
