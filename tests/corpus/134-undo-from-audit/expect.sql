SELECT id, CAST(round(price * 100) AS INTEGER), status FROM listings ORDER BY 1;
