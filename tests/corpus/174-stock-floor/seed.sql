INSERT INTO items VALUES (1, 99), (2, 0), (3, 5);
INSERT INTO movements VALUES (1,1,5,NULL),(2,1,-8,NULL),(3,1,2,NULL),(4,2,-1,NULL),(5,1,-1,1),(6,1,-3,NULL),(7,1,4,NULL),(8,2,0,NULL),(9,2,7,NULL);
