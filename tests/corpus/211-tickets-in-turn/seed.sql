INSERT INTO teams VALUES (1, 0), (2, 0), (3, 0);
INSERT INTO agents VALUES (11, 1, TRUE), (12, 1, FALSE), (13, 1, TRUE), (14, 1, TRUE), (21, 2, TRUE), (22, 2, TRUE), (31, 3, FALSE);
INSERT INTO tickets VALUES (1, 1, NULL, 'open', '2025-03-01 10:00:00'), (2, 1, NULL, 'open', '2025-03-01 09:00:00'), (3, 1, 14, 'open', '2025-03-01 08:00:00'),
 (4, 1, NULL, 'closed', '2025-03-01 08:30:00'), (5, 1, NULL, 'open', '2025-03-01 10:00:00'), (6, 1, NULL, 'open', '2025-03-02 10:00:00'), (7, 1, NULL, 'open', '2025-03-03 10:00:00'),
 (8, 2, NULL, 'open', '2025-03-01 10:00:00'), (9, 3, NULL, 'open', '2025-03-01 10:00:00');
