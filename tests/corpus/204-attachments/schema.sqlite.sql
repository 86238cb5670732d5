CREATE TABLE users (id INTEGER PRIMARY KEY, avatar_file_name TEXT, avatar_content_type TEXT, avatar_file_size BIGINT, avatar_updated_at TIMESTAMP);
CREATE TABLE products (id INTEGER PRIMARY KEY, image_file_name TEXT, image_content_type TEXT, image_file_size BIGINT, image_updated_at TIMESTAMP);
CREATE TABLE blobs (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, filename TEXT NOT NULL, content_type TEXT, metadata JSON, byte_size BIGINT NOT NULL, created_at TIMESTAMP NOT NULL);
CREATE TABLE attachments (id INTEGER PRIMARY KEY, name TEXT NOT NULL, record_type TEXT NOT NULL, record_id BIGINT NOT NULL, blob_id BIGINT NOT NULL REFERENCES blobs(id), created_at TIMESTAMP NOT NULL, UNIQUE (record_type, record_id, name, blob_id));
