CREATE TABLE posts (id INTEGER PRIMARY KEY, post_type TEXT NOT NULL, post_status TEXT NOT NULL, post_date TIMESTAMP NOT NULL);
CREATE TABLE postmeta (meta_id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, meta_key TEXT, meta_value TEXT);
CREATE TABLE wc_orders (id BIGINT NOT NULL PRIMARY KEY, status TEXT NOT NULL, total NUMERIC(12,2) NOT NULL, tax NUMERIC(12,2) NOT NULL, customer_id BIGINT, billing_email TEXT, created_at TIMESTAMP NOT NULL, paid_at TIMESTAMP);
