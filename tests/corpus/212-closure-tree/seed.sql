INSERT INTO tags VALUES (1,'r',NULL),(2,'a',1),(3,'b',1),(4,'c',2),(5,'d',4),(6,'r2',NULL),(7,'orphan',99),(8,'under orphan',7);
INSERT INTO tag_hierarchies VALUES (1,1,0),(1,2,1),(1,3,2),(3,4,1),(77,78,1),(6,6,0),(2,2,0);
