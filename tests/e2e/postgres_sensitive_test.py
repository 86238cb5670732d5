#!/usr/bin/env python3
"""Sensitive columns on PostgreSQL: what they hold is in no output and in no file."""
import marked
from harness import main
from postgres_harness import on_postgres

SOURCE = 'postgres(env("SHOP_URL"))'


def people(db):
    db.sql(marked.TABLES + ";\n".join(marked.ROWS))


@on_postgres
def nothing_is_shown(place, db):
    people(db)
    marked.every_word(place, SOURCE, place.env, ("job.plan",), ("--server", db.url))
    marked.history_and_undo(place, place.env, lambda: db.sql("UPDATE people SET salary = salary + 5, label = 'other' || label WHERE id < 4"))


@on_postgres
def failures_tell_nothing(place, db):
    people(db)
    marked.failing_jobs(place, SOURCE, place.env, ())


@on_postgres
def what_the_database_makes_of_them_is_not_shown(place, db):
    marked.made_by_the_database(place, SOURCE, place.env, db.sql)


if __name__ == "__main__":
    main([nothing_is_shown, failures_tell_nothing, what_the_database_makes_of_them_is_not_shown])
