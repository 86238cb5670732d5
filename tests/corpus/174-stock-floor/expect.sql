SELECT id, balance FROM movements ORDER BY 1;
SELECT id, on_hand FROM items ORDER BY 1;
