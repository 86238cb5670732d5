SELECT id, agent_id FROM tickets ORDER BY id;
SELECT id, handed_out FROM teams ORDER BY id;
