CREATE TABLE accounts (id INTEGER PRIMARY KEY, username TEXT NOT NULL);
CREATE TABLE statuses (id INTEGER PRIMARY KEY, account_id INT NOT NULL, reblog_of_id INT, visibility INT NOT NULL, created_at TIMESTAMP NOT NULL);
CREATE TABLE follows (id INTEGER PRIMARY KEY, account_id INT NOT NULL, target_account_id INT NOT NULL, UNIQUE(account_id, target_account_id));
CREATE TABLE account_stats (id INTEGER PRIMARY KEY, account_id INT NOT NULL UNIQUE, statuses_count INT NOT NULL DEFAULT 0, following_count INT NOT NULL DEFAULT 0, followers_count INT NOT NULL DEFAULT 0, last_status_at TIMESTAMP);
