INSERT INTO content_types VALUES (1,'shop','order'),
  (2,'shop','specialorder'),
  (3,'shop','line');
INSERT INTO auth_permission VALUES (1,1,'add_order','Can add order'),
  (2,1,'add_specialorder','Can add special order'),
  (3,1,'delete_specialorder','Can delete special order'),
  (4,2,'delete_specialorder','Can delete special order'),
  (5,3,'add_line','Can add line');
INSERT INTO auth_group_permissions VALUES (1,1,1),
  (2,1,2),
  (3,1,3),
  (4,1,4),
  (5,2,3),
  (6,3,4);
