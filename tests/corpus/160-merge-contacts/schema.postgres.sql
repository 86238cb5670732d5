CREATE TABLE contacts (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, email TEXT, phone TEXT, created_at TIMESTAMP NOT NULL, last_activity_at TIMESTAMP, attributes JSONB NOT NULL DEFAULT '{}');
CREATE TABLE conversations (id INTEGER PRIMARY KEY, contact_id INTEGER NOT NULL REFERENCES contacts(id));
CREATE TABLE labels (contact_id INTEGER NOT NULL REFERENCES contacts(id), label TEXT NOT NULL, PRIMARY KEY (contact_id, label));
