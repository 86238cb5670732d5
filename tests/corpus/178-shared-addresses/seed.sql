INSERT INTO people VALUES (1,'A','Main 1','Rome',NULL),(2,'B','Main 1','Rome',NULL),(3,'C',NULL,'Oslo',NULL),(4,'D',NULL,NULL,NULL),(5,'E','Main 1','Oslo',NULL);
