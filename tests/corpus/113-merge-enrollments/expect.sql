SELECT id, user_id FROM enrollments ORDER BY 1;
SELECT * FROM scores ORDER BY 1;
SELECT * FROM notes ORDER BY 1;
