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


if __name__ == "__main__":
    main([*map(on_sqlite, on_top.TESTS), the_file_stays_as_it_is])
