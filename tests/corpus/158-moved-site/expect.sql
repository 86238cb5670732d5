SELECT id, value FROM options ORDER BY 1;
