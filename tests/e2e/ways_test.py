#!/usr/bin/env python3
"""Rows of other tables beside those that a step changes: they bring what the job names of them, and no key columns of the step's."""
import contextlib
import sqlite3

from both_engines import OnSqlite, call, on_both
from harness import expect, main

JOB = """
job up {{ why "Pairs that the tree does not have go." }}
source shop = {source}
{more}
let closure = {tree}.tags
  follow one {tree}.tags as up on up.id == prev.parent_id
  keep {{ a = up.id, d = id }}
delete stale of shop.pairs where (a, d) not in ((a, d) from closure)
"""
TREE = "CREATE TABLE tags (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, parent_id INTEGER); INSERT INTO tags VALUES (1, 'r', NULL), (2, 'a', 1), (3, 'b', 2)"


def pairs_in(place, shop, job):
    shop.sql("CREATE TABLE pairs (a INTEGER NOT NULL, d INTEGER NOT NULL, PRIMARY KEY (a, d))")
    shop.sql("INSERT INTO pairs VALUES (1, 1), (1, 3), (9, 9)")
    place.write("job.bfl", job)
    call(place, "run", "job.bfl")
    expect(shop.number("SELECT count(*) FROM pairs") == 2 and shop.number("SELECT count(*) FROM pairs WHERE a = 9") == 0, "the pairs")


def a_way_carries_what_it_asks_for(place, shop):
    for statement in TREE.split(";"):
        shop.sql(statement)
    pairs_in(place, shop, JOB.format(source=shop.source, tree="shop", more=""))


def a_way_in_another_database(place):
    shop = OnSqlite(place, 10)
    with contextlib.closing(sqlite3.connect(place.folder / "other.db")) as other:
        other.executescript(TREE)
    pairs_in(place, shop, JOB.format(source=shop.source, tree="other", more='source other = sqlite("other.db")'))


# The key of the step's table is its fourth column; the other table has two.
def the_other_table_is_narrower(place, shop):
    shop.sql("CREATE TABLE wide (x VARCHAR(9), y VARCHAR(9), z VARCHAR(9), id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
    shop.sql("INSERT INTO wide VALUES (NULL, NULL, NULL, 1, 1), (NULL, NULL, NULL, 2, 5)")
    shop.sql("CREATE TABLE small (v INTEGER PRIMARY KEY, up INTEGER)")
    shop.sql("INSERT INTO small VALUES (1, NULL), (2, 1)")
    place.write("job.bfl", f"""
job narrow {{ why "a test" }}
source shop = {shop.source}
let few = shop.small where v > 0 order by v limit 5
let some = shop.wide where n > 0 order by id limit 10
let ways = shop.small follow one shop.small as up on up.v == prev.up keep {{ a = up.v, d = v }}
update marked of some where n not in (v from few where up == null) {{ set y = to_text(count(few)) }}
update joined of some join optional few as f on f.v == id {{ set z = to_text(f.v ?? 0) }}
delete stale of shop.wide where n not in (a from ways)
""")
    call(place, "run", "job.bfl")
    expect(shop.number("SELECT count(*) FROM wide WHERE id = 1 AND y IS NULL AND z = '1'") == 1 and shop.number("SELECT count(*) FROM wide") == 1, "the rows")


if __name__ == "__main__":
    main([*on_both(a_way_carries_what_it_asks_for), a_way_in_another_database, *on_both(the_other_table_is_narrower)])
