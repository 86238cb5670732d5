SELECT id, path, depth, numchild FROM pages WHERE id < 102 OR id IN (110, 135, 136, 137) ORDER BY id;
SELECT count(DISTINCT path), min(length(path)), max(length(path)) FROM pages;
