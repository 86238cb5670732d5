#!/usr/bin/env python3
"""Rows on their way through a program of the user's, on SQLite."""
import outside
from harness import main

ENV = {"HOUSE_KEY": outside.KEY}


def emails_of(place):
    return lambda: dict(place.sql("SELECT id, email FROM customers"))


def goes_well(place):
    place.shop(10)
    outside.write(place, 'sqlite("shop.db")')
    outside.goes_well(place, emails_of(place), ENV)


def goes_wrong(place):
    place.shop(10)
    outside.write(place, 'sqlite("shop.db")')
    outside.goes_wrong(place, emails_of(place), ENV)


def survives_a_kill(place):
    place.shop(10)
    outside.write(place, 'sqlite("shop.db")')
    outside.survives_a_kill(place, emails_of(place), ENV)


def is_ended_with_the_run(place):
    place.shop(10)
    outside.write(place, 'sqlite("shop.db")')
    outside.is_ended_with_the_run(place, emails_of(place), ENV)


if __name__ == "__main__":
    main([goes_well, goes_wrong, survives_a_kill, is_ended_with_the_run])
