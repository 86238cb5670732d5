CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, deleted_at TIMESTAMP);
CREATE TABLE likes (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, user_id INTEGER NOT NULL, created_at TIMESTAMP NOT NULL, deleted_at TIMESTAMP);
CREATE TABLE user_badges (id INTEGER PRIMARY KEY, badge TEXT NOT NULL, user_id INTEGER NOT NULL, post_id INTEGER NOT NULL, seq INTEGER NOT NULL, granted_at TIMESTAMP NOT NULL, UNIQUE (badge, user_id, post_id), UNIQUE (badge, user_id, seq));
