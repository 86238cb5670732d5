CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL, parent_id INTEGER);
CREATE TABLE tag_hierarchies (ancestor_id INTEGER NOT NULL, descendant_id INTEGER NOT NULL, generations INTEGER NOT NULL, UNIQUE (ancestor_id, descendant_id, generations));
