CREATE TABLE filecache (fileid INTEGER PRIMARY KEY, storage INTEGER NOT NULL, parent INTEGER NOT NULL, name TEXT NOT NULL, is_dir BOOLEAN NOT NULL, size BIGINT NOT NULL);
CREATE INDEX filecache_parent ON filecache (parent);
