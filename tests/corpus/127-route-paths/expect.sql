SELECT source_type, source_id, path FROM routes ORDER BY 1,2;
