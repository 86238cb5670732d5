INSERT INTO submissions VALUES (1, 1, 1, 10, 'graded'), (2, 1, 2, 20, 'graded'), (3, 1, 3, 30, 'graded'), (4, 1, 4, 45, 'graded'), (5, 1, 5, 99, 'deleted'), (6, 1, 6, NULL, 'graded'),
 (7, 2, 1, 7.5, 'graded'), (8, 3, 1, NULL, 'submitted'), (9, 4, 1, 1, 'graded'), (10, 4, 2, 2, 'graded'), (11, 4, 3, 4, 'graded');
INSERT INTO score_statistics VALUES (1, 0, 0, 0, 0, 0, 0, 0), (3, 1, 1, 1, 1, 1, 1, 1), (9, 1, 1, 1, 1, 1, 1, 1);
