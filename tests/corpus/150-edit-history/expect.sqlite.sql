SELECT mid, j.key, v ->> '$.timestamp', v ->> '$.user_id', v ->> '$.topic', v ->> '$.prev_topic', v ->> '$.stream', v ->> '$.prev_stream', v ->> '$.prev_content', (SELECT group_concat(k, ' ') FROM (SELECT key k FROM json_each(j.v) ORDER BY 1))
FROM (SELECT messages.id AS mid, e.key, e.value AS v FROM messages, json_each(edit_history) e) j ORDER BY 1, 2;
SELECT id, edit_history IS NULL, json_array_length(edit_history) FROM messages ORDER BY 1;
