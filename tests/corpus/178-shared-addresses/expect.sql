SELECT p.id, a.street, a.city FROM people p LEFT JOIN addresses a ON a.id = p.address_id ORDER BY p.id;
SELECT count(*) FROM addresses;
