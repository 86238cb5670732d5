INSERT INTO mimetypes VALUES (1,'httpd/unix-directory'),
  (2,'application/octet-stream'),
  (3,'application'),
  (4,'image');
INSERT INTO filecache VALUES (1,'files',1,1),
  (2,'files/a.WEBP',2,3),
  (3,'files/b.heic',2,3),
  (4,'files/c.bin',2,3),
  (5,'files/d.org',2,3),
  (6,'files/e.webp',1,1);
