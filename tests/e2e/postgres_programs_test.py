#!/usr/bin/env python3
"""Rows on their way through a program of the user's, on PostgreSQL."""
import outside
from harness import main
from postgres_harness import on_postgres

ENV = {"HOUSE_KEY": outside.KEY}
SOURCE = 'postgres(env("SHOP_URL"))'


def emails_of(db):
    return lambda: {int(key): email for key, email in db.sql("SELECT id, email FROM customers")}


@on_postgres
def goes_well(place, db):
    db.shop(10)
    outside.write(place, SOURCE)
    outside.goes_well(place, emails_of(db), {**place.env, **ENV})


@on_postgres
def goes_wrong(place, db):
    db.shop(10)
    outside.write(place, SOURCE)
    outside.goes_wrong(place, emails_of(db), {**place.env, **ENV})


@on_postgres
def survives_a_kill(place, db):
    db.shop(10)
    outside.write(place, SOURCE)
    outside.survives_a_kill(place, emails_of(db), {**place.env, **ENV})


if __name__ == "__main__":
    main([goes_well, goes_wrong, survives_a_kill])
