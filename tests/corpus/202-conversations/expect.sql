SELECT s.id, c.uri, c.created_at, (SELECT min(o.id) FROM statuses o WHERE o.conversation_id = s.conversation_id) FROM statuses s LEFT JOIN conversations c ON c.id = s.conversation_id ORDER BY s.id;
SELECT count(*) FROM conversations;
