SELECT id, login FROM users ORDER BY 1;
