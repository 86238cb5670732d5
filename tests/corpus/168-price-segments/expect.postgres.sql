SELECT product_id, since, until, round(amount * 100) FROM periods ORDER BY 1, 2;
