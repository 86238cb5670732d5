CREATE TABLE events (id INTEGER PRIMARY KEY, group_id BIGINT NOT NULL, environment TEXT, received_at TIMESTAMP NOT NULL, release TEXT);
CREATE TABLE group_environments (group_id BIGINT NOT NULL, environment TEXT NOT NULL, first_seen TIMESTAMP NOT NULL, last_seen TIMESTAMP NOT NULL, first_release TEXT, times_seen BIGINT NOT NULL, PRIMARY KEY (group_id, environment));
