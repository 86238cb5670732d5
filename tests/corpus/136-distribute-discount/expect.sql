SELECT id, discount_cents FROM order_lines ORDER BY 1;
