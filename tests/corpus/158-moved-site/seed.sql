INSERT INTO options VALUES
 (1, 'home', 'http://old.example'), (2, 'blogname', 'Old'), (3, 'widget', 'a:2:{s:3:"url";s:22:"http://old.example/a/b";s:5:"count";i:2;}'),
 (4, 'nested', 'a:2:{i:0;a:1:{s:4:"text";s:28:"é http://old.example — ü";}i:1;s:39:"http://old.example, http://old.example/";}'),
 (5, 'object', 'O:8:"stdClass":1:{s:1:"u";s:18:"http://old.example";}'), (6, 'broken', 'a:1:{s:1:"u";s:99:"http://old.example";}'), (7, 'none', NULL),
 (8, 'other', 'a:1:{s:1:"a";b:1;}'), (9, 'float', 'a:2:{s:1:"r";d:0.5;s:1:"u";s:18:"http://old.example";}');
