#!/usr/bin/env python3
"""Steps that look at what others change are planned on top of it, and the file stays as it is, byte for byte: on SQLite."""
import hashlib
import os

import on_top
from both_engines import OnSqlite
from harness import expect, main


def on_sqlite(test):
    def run(place):
        test(place, OnSqlite(place, 5))
    run.__name__ = test.__name__
    return run


def the_file_stays_as_it_is(place):
    db = OnSqlite(place, 5)
    on_top.make(place, db)
    place.write("chain.bfl", on_top.JOB.format(source=db.source))
    figure = lambda: hashlib.sha256((place.folder / "shop.db").read_bytes()).hexdigest()
    before = figure()
    os.chmod(place.folder / "shop.db", 0o444)
    place.call("plan", "chain.bfl")
    wal = place.folder / "shop.db-wal"
    expect(figure() == before and not (wal.exists() and wal.stat().st_size), "the plan wrote")


def numbers_that_were_given_are_not_given_again(place):
    OnSqlite(place, 5)
    place.sql("CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)")
    place.sql("INSERT INTO counted (id, name) VALUES (1, 'a'), (40, 'gone')")
    place.sql("DELETE FROM counted WHERE id = 40")
    place.write("counts.bfl", """
job counts { why "Numbers go on behind those that were given." }
source shop = sqlite("shop.db")
insert more into shop.counted from shop.counted where name == "a" { set name = "b" key (name) }
update marked of shop.counted where id == 41 { set name = "the 41st" }
verify end { assert count(shop.counted where id == 41) == 1 }
""")
    place.sql("CREATE UNIQUE INDEX counted_names ON counted (name)")
    steps = on_top.plan(place, "counts.bfl")
    expect(steps["marked"]["would_change"] == 1 and steps["end"]["asserts"][0]["holds"], steps)
    place.call("run", "counts.bfl")


if __name__ == "__main__":
    main([numbers_that_were_given_are_not_given_again, *map(on_sqlite, on_top.TESTS), the_file_stays_as_it_is])
