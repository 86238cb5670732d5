SELECT id, strftime('%Y-%m-%d %H:%M:%f', created_at), strftime('%Y-%m-%d %H:%M:%f', valid_from), strftime('%Y-%m-%d %H:%M:%f', valid_until) FROM journals ORDER BY 1;
