#!/usr/bin/env python3
"""Rows that exchange their values under a unique key: what one of them holds meanwhile must fit its column."""
import json

from both_engines import call, on_both, sound
from harness import expect, main

COLUMNS = {
    "INTEGER NOT NULL UNIQUE CHECK (n > 0)": ("1", "2"),
    "SMALLINT NOT NULL UNIQUE": ("-32768", "32767"),
    "VARCHAR(3) NOT NULL UNIQUE": ("'abc'", "'def'"),
    "NUMERIC(3,0) NOT NULL UNIQUE": ("999", "-999"),
    "DATE NOT NULL UNIQUE": ("'2025-01-01'", "'2025-01-02'"),
    "UUID NOT NULL UNIQUE": ("'58dc0f06-936c-43b3-93bb-71693f1b6570'", "'58dc0f06-936c-43b3-93bb-71693f1b6571'"),
}
JOB = """
job NAME { why "The two were mixed up." }
source shop = SOURCE
let others = shop.NAME keep { at = 3 - id, n }
update fix of shop.NAME join one others as o on o.at == id else skip "alone" { set n = o.n once }
"""

SEATS = """
job seats { why "The two were mixed up." }
source shop = SOURCE
let others = shop.seats keep { at = partner, n }
update fix of shop.seats join one others as o on o.at == id else skip "alone" { set n = o.n set note = "moved" once }
"""
PAIRS = [(1, 2), (11, 12), (21, 22), (31, 32), (41, 42)]
BEFORE = [(id, id) for pair in PAIRS for id in pair]
EXCHANGED = [pair for a, b in PAIRS for pair in ((a, b), (b, a))]


def job(place, shop, name):
    place.write("job.bfl", JOB.replace("SOURCE", shop.source).replace("NAME", name))


def values_of_many_types_are_exchanged(place, shop):
    for i, (column, (one, two)) in enumerate(COLUMNS.items()):
        shop.sql(f"CREATE TABLE pairs{i} (id INTEGER PRIMARY KEY, n {column})")
        shop.sql(f"INSERT INTO pairs{i} VALUES (1, {one}), (2, {two})")
    for i, (column, (one, two)) in enumerate(COLUMNS.items()):
        job(place, shop, f"pairs{i}")
        call(place, "run", "job.bfl")
        expect(shop.number(f"SELECT count(*) FROM pairs{i} WHERE (id = 1 AND n = {two}) OR (id = 2 AND n = {one})") == 2, f"{column}: not exchanged")


# Rows that the step leaves alone fill the values above those that are exchanged.
def a_value_that_others_have_is_passed_over(place, shop):
    shop.sql("CREATE TABLE places (id INTEGER PRIMARY KEY, n INTEGER NOT NULL UNIQUE)")
    shop.sql("INSERT INTO places VALUES " + ", ".join(f"({id}, {id})" for id in range(1, 101)))
    job(place, shop, "places")
    call(place, "run", "job.bfl")
    expect(shop.number("SELECT count(*) FROM places WHERE n = 3 - id AND id < 3 OR n = id AND id > 2") == 100, "not exchanged")


# No value can be made up for these, and the plan says so.
def what_cannot_be_exchanged_is_planned_so(place, shop):
    shop.sql("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    shop.sql("INSERT INTO parents VALUES (1), (2)")
    shop.sql("CREATE TABLE children (id INTEGER PRIMARY KEY, n INTEGER NOT NULL UNIQUE REFERENCES parents(id))")
    shop.sql("CREATE TABLE truths (id INTEGER PRIMARY KEY, n BOOLEAN NOT NULL UNIQUE)")
    shop.sql("INSERT INTO children VALUES (1, 1), (2, 2)")
    shop.sql("INSERT INTO truths VALUES (1, TRUE), (2, FALSE)")
    for name, why in {"children": "it refers to rows of another table", "truths": "it is bool"}.items():
        job(place, shop, name)
        for command in "plan", "run":
            said = call(place, command, "job.bfl", code=1).stderr
            expect(f"rows exchange their values of `n`, and no other value can hold the place meanwhile: {why}" in said and "skip where" in said, f"{command}: {said}")


# Pairs of rows that have exchanged their numbers.
def exchanged(place, shop):
    shop.sql("CREATE TABLE seats (id INTEGER PRIMARY KEY, n INTEGER NOT NULL UNIQUE, note TEXT, partner INTEGER NOT NULL)")
    shop.sql("INSERT INTO seats VALUES " + ", ".join(f"({a}, {a}, 'a', {b}), ({b}, {b}, 'b', {a})" for a, b in PAIRS))
    place.write("job.bfl", SEATS.replace("SOURCE", shop.source))
    call(place, "run", "job.bfl")
    expect(numbers(shop) == EXCHANGED, f"{numbers(shop)}")


def numbers(shop):
    return [(int(id), int(n)) for id, n in shop.sql("SELECT id, n FROM seats ORDER BY id")]


def undone(place, *words, code=0):
    """An undo, and that its preview had told the same."""
    looked = json.loads(call(place, "undo", "job.bfl", *words, "--plan", "--json").stdout)
    events = [json.loads(line) for line in call(place, "undo", "job.bfl", *words, "--json", code=code).stdout.splitlines()]
    done = [(event["rows_changed"], event.get("conflicts", 0)) for event in events if event["kind"] == "step_finished"]
    expect([(step["put_back"], step["conflicts"]) for step in looked] == done, f"looked at {looked}, done {done}")


# A row of a circle goes back with the others or not at all: alone it would be left with what it held in between.
def a_part_of_a_circle_stays(place, shop):
    exchanged(place, shop)
    for keys, left in {"1..1": EXCHANGED, "2..2": EXCHANGED, "1..11": BEFORE[:2] + EXCHANGED[2:]}.items():
        undone(place, "--step", "fix", "--keys", keys, code=3)
        expect(numbers(shop) == left, f"{keys}: {numbers(shop)}")
    call(place, "undo", "job.bfl", "--step", "fix")
    expect(numbers(shop) == BEFORE, f"{numbers(shop)}")
    sound(place)


def a_circle_with_a_row_changed_since_stays(place, shop):
    exchanged(place, shop)
    for change in "note = 'mine' WHERE id = 2", "note = 'mine' WHERE id = 11", "n = 50 WHERE id = 21", "n = 60 WHERE id = 32":
        shop.sql(f"UPDATE seats SET {change}")
    changed = numbers(shop)
    undone(place, code=3)
    expect(numbers(shop) == changed[:8] + BEFORE[8:], f"{numbers(shop)}")
    sound(place)


if __name__ == "__main__":
    main([*on_both(values_of_many_types_are_exchanged), *on_both(a_value_that_others_have_is_passed_over), *on_both(what_cannot_be_exchanged_is_planned_so),
          *on_both(a_part_of_a_circle_stays), *on_both(a_circle_with_a_row_changed_since_stays)])
