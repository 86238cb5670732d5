CREATE TABLE messages (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, stream_id INTEGER, subject TEXT NOT NULL, edit_history TEXT);
