CREATE TABLE orders (id INTEGER PRIMARY KEY, discount_cents INT NOT NULL);
CREATE TABLE order_lines (id INTEGER PRIMARY KEY, order_id INT NOT NULL, total_cents INT NOT NULL, discount_cents INT NOT NULL DEFAULT 0);
