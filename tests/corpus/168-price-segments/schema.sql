CREATE TABLE prices (id INTEGER PRIMARY KEY, product_id INTEGER NOT NULL, since DATE NOT NULL, until DATE, priority INTEGER NOT NULL, amount NUMERIC(10,2) NOT NULL);
CREATE TABLE periods (product_id INTEGER NOT NULL, since DATE NOT NULL, until DATE, amount NUMERIC(10,2) NOT NULL, PRIMARY KEY (product_id, since));
