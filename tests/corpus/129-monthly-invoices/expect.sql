SELECT subscription_id, period, amount FROM invoices ORDER BY 1,2;
