SELECT id, depth, children FROM prefixes ORDER BY id;
