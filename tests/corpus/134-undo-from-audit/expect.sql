SELECT id, price, status FROM listings ORDER BY 1;
