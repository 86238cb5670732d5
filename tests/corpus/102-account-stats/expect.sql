SELECT account_id, statuses_count, following_count, followers_count, last_status_at FROM account_stats ORDER BY 1;
