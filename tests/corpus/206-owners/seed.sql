INSERT INTO ownership VALUES (1, '# code
path:src/* #backend ann@example.com

url:*/pay/*   #money', NULL), (2, 'path:a #x
nonsense line', NULL), (3, NULL, NULL), (4, '  # only a comment', NULL), (5, 'tags.color:red bob@example.com', NULL), (6, 'path:lonely', NULL);
