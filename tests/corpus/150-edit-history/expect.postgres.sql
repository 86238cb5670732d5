SELECT m.id, ord - 1, v ->> 'timestamp', v ->> 'user_id', v ->> 'topic', v ->> 'prev_topic', v ->> 'stream', v ->> 'prev_stream', v ->> 'prev_content', (SELECT string_agg(k, ' ' ORDER BY k) FROM jsonb_object_keys(v) k)
FROM messages m, jsonb_array_elements(edit_history::jsonb) WITH ORDINALITY j(v, ord) ORDER BY 1, 2;
SELECT id, (edit_history IS NULL)::int, jsonb_array_length(edit_history::jsonb) FROM messages ORDER BY 1;
