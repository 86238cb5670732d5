CREATE TRIGGER t AFTER UPDATE ON orders BEGIN UPDATE customers SET name = name || '!' WHERE id = new.customer_id; END;
