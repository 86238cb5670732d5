INSERT INTO projects VALUES (1), (2), (3), (4);
INSERT INTO statistics VALUES (1, '2024-02-27', 0, 2, NULL), (1, '2024-03-02', 1, 0, NULL), (1, '2024-03-03', 0, 0, 'a'), (2, '2024-03-05', 0, 0, NULL), (3, '2024-03-06', 0, 1, NULL), (9, '2024-03-03', 1, 1, NULL);
