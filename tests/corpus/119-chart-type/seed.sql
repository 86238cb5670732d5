INSERT INTO slices VALUES (1,'dist_bar','{"viz_type":"dist_bar","groupby":["a"],"columns":["b"],"bar_stacked":true,"x_axis_label":"X","adhoc":{"time_range":"No filter","n":1}}'),
  (2,'pie','{"viz_type":"pie"}'),
  (3,'dist_bar','not json'),
  (4,'dist_bar',NULL),
  (5,'dist_bar','{"viz_type":"dist_bar","groupby":[],"adhoc":{}}');
