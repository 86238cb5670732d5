CREATE TABLE group_members (group_id INTEGER NOT NULL, member_kind TEXT NOT NULL, member_id INTEGER NOT NULL, PRIMARY KEY (group_id, member_kind, member_id));
CREATE TABLE grants (group_id INTEGER NOT NULL, repo TEXT NOT NULL, level INTEGER NOT NULL, PRIMARY KEY (group_id, repo));
CREATE TABLE access (user_id INTEGER NOT NULL, repo TEXT NOT NULL, level INTEGER NOT NULL, PRIMARY KEY (user_id, repo));
