SELECT message_id, attachment_id FROM attachment_messages ORDER BY 1, 2;
