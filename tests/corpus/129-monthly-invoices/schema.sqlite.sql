CREATE TABLE subscriptions (id INTEGER PRIMARY KEY, started_on DATE NOT NULL, ended_on DATE, price DECIMAL(10,2) NOT NULL);
CREATE TABLE invoices (id INTEGER PRIMARY KEY, subscription_id INT NOT NULL, period DATE NOT NULL, amount DECIMAL(10,2) NOT NULL, UNIQUE(subscription_id, period));
