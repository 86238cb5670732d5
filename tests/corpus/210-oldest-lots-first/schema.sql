CREATE TABLE lots (id INTEGER PRIMARY KEY, item_id BIGINT NOT NULL, received_on DATE NOT NULL, quantity BIGINT NOT NULL, unit_cents BIGINT NOT NULL);
CREATE TABLE sales (id INTEGER PRIMARY KEY, item_id BIGINT NOT NULL, sold_on DATE NOT NULL, quantity BIGINT NOT NULL, cost_cents BIGINT);
CREATE TABLE sale_lots (sale_id BIGINT NOT NULL, lot_id BIGINT NOT NULL, quantity BIGINT NOT NULL, PRIMARY KEY (sale_id, lot_id));
