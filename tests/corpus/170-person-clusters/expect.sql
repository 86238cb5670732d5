SELECT id, merged_into FROM persons ORDER BY 1;
