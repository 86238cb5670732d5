SELECT product_id, since, until, CAST(round(amount * 100) AS INTEGER) FROM periods ORDER BY 1, 2;
