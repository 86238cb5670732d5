CREATE TABLE namespaces (id INTEGER PRIMARY KEY, parent_id INT, path TEXT NOT NULL);
CREATE TABLE routes (id INTEGER PRIMARY KEY, source_type TEXT NOT NULL, source_id INT NOT NULL, path TEXT NOT NULL UNIQUE, UNIQUE(source_type, source_id));
