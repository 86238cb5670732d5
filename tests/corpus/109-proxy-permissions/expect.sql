SELECT * FROM auth_permission ORDER BY 1;
SELECT * FROM auth_group_permissions ORDER BY 1;
