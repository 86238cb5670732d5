SELECT id, round(charged * 1000), charge_status FROM orders ORDER BY 1;
