#!/usr/bin/env python3
"""The plan counts the rows that the database would not take, and the run meets just these: on SQLite."""
import refused
from both_engines import OnSqlite
from harness import main


def on_sqlite(test):
    def run(place):
        test(place, OnSqlite(place, 5))
    run.__name__ = test.__name__
    return run


if __name__ == "__main__":
    main(list(map(on_sqlite, refused.TESTS)))
