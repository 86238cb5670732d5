SELECT project_id, day, critical, high, grade FROM statistics ORDER BY 1, 2;
