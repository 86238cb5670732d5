SELECT * FROM projects ORDER BY id;
