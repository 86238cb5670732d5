CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  email TEXT NOT NULL
);
INSERT INTO customers (name, email) VALUES
  ('Ann', ' Ann@Example.com'), ('Bob', 'bob@example.com'), ('Chen', 'CHEN@EXAMPLE.COM'), ('Dana', 'dana@example.com '), ('Eve', 'eve@example.com');
