INSERT INTO users VALUES (1, 'me.png', 'image/png', 120, '2024-01-01 00:00:00'), (2, NULL, NULL, NULL, NULL), (3, ' ', 'image/png', 0, '2024-01-01 00:00:00'), (1234567, 'Ä b.jpg', NULL, NULL, '2024-02-01 00:00:00');
INSERT INTO products VALUES (1, 'me.png', 'image/png', 7, '2024-03-01 00:00:00');
