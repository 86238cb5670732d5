SELECT conversation_id, name, CAST(seconds AS INTEGER), began, ended FROM reporting_events ORDER BY conversation_id, began;
