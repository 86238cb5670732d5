INSERT INTO filecache VALUES
 (1, 1, -1, '', true, 0), (2, 1, 1, 'files', true, 7), (3, 1, 2, 'a', true, -1), (4, 1, 3, 'b', true, 0), (5, 1, 4, 'x', false, 3000000000), (6, 1, 4, 'y', false, 0),
 (7, 1, 3, 'z', false, 10), (8, 1, 2, 'empty', true, 99), (9, 1, 1, 'trash', true, 0), (10, 1, 9, 't', false, 5), (11, 2, -1, '', true, 0), (12, 2, 11, 'd', true, 0),
 (13, 2, 12, 'u', false, -1), (14, 2, 11, 'e', true, 0), (15, 2, 14, 'v', false, 4), (16, 3, 999, 'lost', true, 1), (17, 3, 16, 'w', false, 6), (18, 1, 1, 'loose', false, -1), (19, 4, -1, '', true, 5);
