CREATE TABLE projects (id INTEGER PRIMARY KEY);
CREATE TABLE statistics (project_id INTEGER NOT NULL, day DATE NOT NULL, critical INTEGER NOT NULL, high INTEGER NOT NULL, grade TEXT, PRIMARY KEY (project_id, day));
