CREATE TABLE enrollments (id INTEGER PRIMARY KEY, user_id INT NOT NULL, course_id INT NOT NULL, state TEXT NOT NULL, created_at TIMESTAMP NOT NULL);
CREATE TABLE scores (id INTEGER PRIMARY KEY, enrollment_id INT NOT NULL REFERENCES enrollments(id), period INT NOT NULL, score NUMERIC, UNIQUE(enrollment_id, period));
CREATE TABLE notes (id INTEGER PRIMARY KEY, enrollment_id INT REFERENCES enrollments(id), body TEXT);
