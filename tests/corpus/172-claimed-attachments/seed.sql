INSERT INTO attachments VALUES (1, '1/ab/a.png'), (2, '1/cd/b%20c.txt'), (3, '2/ef/é.pdf'), (4, '1/zz/unused.txt');
INSERT INTO messages VALUES (1, 'see [a](/user_uploads/1/ab/a.png) and ![b](https://z.example/user_uploads/1/cd/b%20c.txt), again /user_uploads/1/ab/a.png'), (2, '/user_uploads/2/ef/é.pdf'), (3, 'nothing'), (4, '/user_uploads/1/xx/gone.txt /user_uploads/'), (5, ''), (6, '(/user_uploads/2/ef/é.pdf)(/user_uploads/1/ab/a.png)');
INSERT INTO attachment_messages VALUES (1, 1);
