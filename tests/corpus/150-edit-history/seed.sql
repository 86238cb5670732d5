INSERT INTO messages VALUES
 (1, 2, 10, 'now', NULL),
 (2, 2, 10, 'now', '[]'),
 (3, 2, 10, 'now', '[{"user_id":5,"timestamp":300,"prev_subject":"then"},{"user_id":5,"timestamp":200,"prev_content":"x","prev_rendered_content":null},{"user_id":6,"timestamp":100,"prev_subject":"früher"}]'),
 (4, 2, 11, 'é', '[{"timestamp":300,"prev_topic":"a","prev_stream":10},{"timestamp":200,"prev_stream":9},{"timestamp":100,"prev_subject":"","prev_content":"c"},{"timestamp":50,"prev_topic":"z"}]'),
 (5, 1, NULL, '', '[{"timestamp":100,"prev_subject":"stray","prev_content":"hello"}]'),
 (6, 2, 12, 'kept', '[{"timestamp":100,"prev_content":"only"}]');
