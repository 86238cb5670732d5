SELECT badge, user_id, post_id, seq, granted_at FROM user_badges ORDER BY 1, 2, 4;
