SELECT id, account_id, email, phone, last_activity_at::date FROM contacts ORDER BY 1;
SELECT c.id, key, CASE jsonb_typeof(value) WHEN 'object' THEN 'object' WHEN 'array' THEN 'array' ELSE value #>> '{}' END FROM contacts c, jsonb_each(c.attributes) ORDER BY 1, 2;
SELECT id, contact_id FROM conversations ORDER BY 1;
SELECT contact_id, label FROM labels ORDER BY 1, 2;
