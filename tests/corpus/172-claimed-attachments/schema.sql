CREATE TABLE messages (id INTEGER PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE attachments (id INTEGER PRIMARY KEY, path_id TEXT NOT NULL UNIQUE);
CREATE TABLE attachment_messages (attachment_id INTEGER NOT NULL, message_id INTEGER NOT NULL, PRIMARY KEY (attachment_id, message_id));
