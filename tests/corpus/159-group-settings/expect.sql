SELECT id, value FROM site_settings ORDER BY 1;
