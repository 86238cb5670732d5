SELECT group_id, environment, first_seen, last_seen, first_release, times_seen FROM group_environments ORDER BY group_id, environment;
