SELECT sale_id, lot_id, quantity FROM sale_lots ORDER BY sale_id, lot_id;
SELECT id, cost_cents FROM sales ORDER BY id;
