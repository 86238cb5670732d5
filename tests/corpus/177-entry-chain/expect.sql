SELECT id, prev_hash, hash FROM audit ORDER BY id;
