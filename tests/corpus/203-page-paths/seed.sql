INSERT INTO pages VALUES (1, NULL, 2, 'home', '0001', 1, 9), (2, NULL, 1, 'old', '0002', 1, 0), (3, 1, 5, 'a', '00010002', 2, 0), (4, 1, 5, 'b', '00010001', 2, 0), (5, 4, 1, 'deep', '0002000A', 3, 1);
INSERT INTO pages SELECT 100 + n, 5, n, 'p', 'x' || n, 0, 0 FROM (WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 37) SELECT n FROM s) AS t;
