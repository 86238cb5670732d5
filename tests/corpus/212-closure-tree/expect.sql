SELECT ancestor_id, descendant_id, generations FROM tag_hierarchies ORDER BY 1, 2, 3;
