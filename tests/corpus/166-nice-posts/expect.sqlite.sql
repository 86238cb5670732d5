SELECT badge, user_id, post_id, seq, strftime('%Y-%m-%d %H:%M:%S', granted_at) FROM user_badges ORDER BY 1, 2, 4;
