#!/usr/bin/env python3
"""Sensitive columns on SQLite: what they hold is in no output and in no file but the database."""
import contextlib
import sqlite3

import marked
from harness import main

SOURCE, FILES = 'sqlite("hr.db")', ("hr.db",)


def people(place):
    with contextlib.closing(sqlite3.connect(place.folder / "hr.db")) as db, db:
        db.executescript(marked.TABLES + ";\n".join(marked.ROWS))


def nothing_is_shown(place):
    people(place)
    marked.every_word(place, SOURCE, {}, FILES + ("job.plan",))
    marked.history_and_undo(place, {}, lambda: place.sql("UPDATE people SET salary = salary + 5, label = 'other' || label WHERE id < 4", "hr.db"))


def failures_tell_nothing(place):
    people(place)
    marked.failing_jobs(place, SOURCE, {}, FILES)


def what_the_database_makes_of_them_is_not_shown(place):
    def run(statements):
        with contextlib.closing(sqlite3.connect(place.folder / "hr.db")) as db, db:
            db.executescript(statements)

    marked.made_by_the_database(place, SOURCE, {}, run)


if __name__ == "__main__":
    main([nothing_is_shown, failures_tell_nothing, what_the_database_makes_of_them_is_not_shown])
