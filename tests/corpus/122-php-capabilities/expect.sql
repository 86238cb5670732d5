SELECT * FROM user_roles ORDER BY 1,2;
