CREATE TABLE content_types (id INTEGER PRIMARY KEY, app_label TEXT NOT NULL, model TEXT NOT NULL, UNIQUE(app_label, model));
CREATE TABLE auth_permission (id INTEGER PRIMARY KEY, content_type_id INT NOT NULL, codename TEXT NOT NULL, name TEXT NOT NULL, UNIQUE(content_type_id, codename));
CREATE TABLE auth_group_permissions (id INTEGER PRIMARY KEY, group_id INT NOT NULL, permission_id INT NOT NULL REFERENCES auth_permission(id), UNIQUE(group_id, permission_id));
