SELECT subscription_id, period, CAST(round(amount * 100) AS INTEGER) FROM invoices ORDER BY 1,2;
