INSERT INTO groups VALUES (1, 'admins'), (2, 'moderators'), (3, 'staff'), (41, 'Équipe');
INSERT INTO site_settings VALUES (1, 'a', 20, 'staff|admins'), (2, 'b', 20, ' Staff |nobody|STAFF|moderators'), (3, 'c', 20, 'nobody'), (4, 'd', 20, ''), (5, 'e', 20, NULL), (6, 'f', 1, 'staff'), (7, 'g', 20, '||équipe||'), (8, 'h', 20, '3|staff');
