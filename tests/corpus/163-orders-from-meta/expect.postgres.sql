SELECT id, status, round(total * 100), round(tax * 100), customer_id, billing_email, created_at, paid_at FROM wc_orders ORDER BY 1;
