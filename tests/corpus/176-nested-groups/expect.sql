SELECT user_id, repo, level FROM access ORDER BY 1, 2;
