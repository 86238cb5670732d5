SELECT id, lft, rgt, depth, pretty_name FROM taxons ORDER BY lft;
