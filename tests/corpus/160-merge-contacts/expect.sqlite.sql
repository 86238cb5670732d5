SELECT id, account_id, email, phone, strftime('%Y-%m-%d', last_activity_at) FROM contacts ORDER BY 1;
SELECT c.id, key, CASE type WHEN 'object' THEN 'object' WHEN 'array' THEN 'array' ELSE atom END FROM contacts c, json_each(c.attributes) ORDER BY 1, 2;
SELECT id, contact_id FROM conversations ORDER BY 1;
SELECT contact_id, label FROM labels ORDER BY 1, 2;
