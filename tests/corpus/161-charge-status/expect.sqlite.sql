SELECT id, CAST(round(charged * 1000) AS INTEGER), charge_status FROM orders ORDER BY 1;
