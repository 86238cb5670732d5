INSERT INTO wp_usermeta VALUES (1,1,'wp_capabilities','a:1:{s:13:"administrator";b:1;}'),
  (2,2,'wp_capabilities','a:2:{s:6:"editor";b:1;s:9:"moderator";b:1;}'),
  (3,3,'wp_capabilities','a:2:{s:6:"author";b:0;s:5:"café";b:1;}'),
  (4,4,'wp_capabilities','broken'),
  (5,5,'nickname','x'),
  (6,6,'wp_capabilities','a:0:{}');
