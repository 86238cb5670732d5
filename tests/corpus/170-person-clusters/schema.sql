CREATE TABLE persons (id INTEGER PRIMARY KEY, email TEXT, phone TEXT, merged_into INTEGER);
