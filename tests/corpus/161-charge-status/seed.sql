INSERT INTO currencies VALUES ('EUR', 2), ('USD', 2), ('JPY', 0), ('KWD', 3);
INSERT INTO rates VALUES ('USD', 'EUR', '2024-01-01', 0.9), ('USD', 'EUR', '2024-02-01', 0.925), ('USD', 'EUR', '2024-02-02', 0.5), ('EUR', 'JPY', '2024-01-01', 150.5), ('EUR', 'KWD', '2024-01-01', 0.33333);
INSERT INTO orders (id, currency, total) VALUES (1, 'EUR', 10), (2, 'JPY', 151), (3, 'KWD', 3.333), (4, 'EUR', 0), (5, 'EUR', 20), (6, 'USD', 5), (7, 'EUR', 5), (8, 'EUR', 7);
UPDATE orders SET charged = 99, charge_status = 'full' WHERE id IN (6, 8);
INSERT INTO transactions VALUES
 (1, 1, 'charge', true, 10.01, 'USD', '2024-02-01 00:00:00'), (2, 1, 'charge', true, 0.75, 'EUR', '2024-02-01 00:00:00'), (3, 1, 'charge', false, 50, 'EUR', '2024-02-01 00:00:00'),
 (4, 2, 'charge', true, 1, 'EUR', '2024-03-01 00:00:00'), (5, 2, 'charge', true, 1, 'EUR', '2024-03-01 00:00:00'), (6, 3, 'charge', true, 10, 'EUR', '2024-03-01 10:00:00'),
 (7, 5, 'charge', true, 30, 'EUR', '2024-03-01 10:00:00'), (8, 5, 'refund', true, 10, 'EUR', '2024-03-02 10:00:00'), (9, 6, 'charge', true, 5, 'EUR', '2024-03-02 10:00:00'),
 (10, 7, 'refund', true, 1, 'USD', '2024-01-31 23:59:59'), (11, 2, 'refund', true, 2, 'JPY', '2024-03-02 10:00:00'), (12, 7, 'charge', true, 0.05, 'USD', '2024-02-01 12:00:00');
