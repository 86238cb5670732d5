CREATE TABLE wp_usermeta (umeta_id INTEGER PRIMARY KEY, user_id INT NOT NULL, meta_key TEXT, meta_value TEXT);
CREATE TABLE user_roles (user_id INT NOT NULL, role TEXT NOT NULL, PRIMARY KEY (user_id, role));
