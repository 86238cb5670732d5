SELECT id, to_char(created_at, 'YYYY-MM-DD HH24:MI:SS.MS'), to_char(valid_from, 'YYYY-MM-DD HH24:MI:SS.MS'), to_char(valid_until, 'YYYY-MM-DD HH24:MI:SS.MS') FROM journals ORDER BY 1;
