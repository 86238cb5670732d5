CREATE TABLE conversations (id INTEGER PRIMARY KEY, uri TEXT, created_at TIMESTAMP NOT NULL);
CREATE TABLE statuses (id INTEGER PRIMARY KEY, in_reply_to_id BIGINT, conversation_id BIGINT, created_at TIMESTAMP NOT NULL);
