SELECT id, user_id, to_char("start", 'HH24:MI:SS.MS'), to_char("end", 'DD HH24:MI:SS.MS') FROM intervals ORDER BY 1;
