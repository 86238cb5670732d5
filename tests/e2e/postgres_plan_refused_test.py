#!/usr/bin/env python3
"""The plan counts the rows that the database would not take, and the run meets just these: on PostgreSQL."""
import functools

import refused
from both_engines import on_server
from harness import expect, main
from refused import as_planned, job, planned, words


there = functools.partial(on_server, rows=5)


@there
def exclusion_lengths_and_unproven_checks(place, db):
    refused.make(db)
    db.sql("CREATE TABLE slots (id int PRIMARY KEY, room text, place int, code varchar(3), CONSTRAINT one_place EXCLUDE USING btree (place WITH =));"
           " INSERT INTO slots VALUES (1, 'long', 1, 'a'), (2, 'b', 2, 'x'), (3, 'c', 3, 'x'), (4, 'd', 4, 'd'); ALTER TABLE slots ADD CONSTRAINT later CHECK (id <> 3) NOT VALID")
    name = job(place, db, "update codes of shop.slots { set code = room quarantine <= 5 }")
    step = as_planned(place, name, "codes")
    expect(words(step, "too long") == (1, ["id = 1"]) and words(step, "later") == (1, ["id = 3"]), step)
    name = job(place, db, "update placed of shop.slots where id != 3 { set place = 4 quarantine <= 5 }", "placed")
    step = as_planned(place, name, "placed")
    expect(step["would_change"] == 2 and words(step, "one_place") == (2, ["id = 1", "id = 2"]), step)


@there
def what_is_asked_at_the_end_is_said(place, db):
    refused.make(db)
    db.sql("CREATE TABLE late (id int PRIMARY KEY, n int, CONSTRAINT late_n UNIQUE (n) DEFERRABLE INITIALLY DEFERRED); INSERT INTO late VALUES (1, 1), (2, 2)")
    name = job(place, db, "update moved of shop.late { set n = n + 1 once }")
    step = planned(place, name)["moved"]
    expect("`late_n` is asked at the end of a transaction" in step["untried"][0], step)


@there
def a_reference_of_another_type(place, db):
    """What the column that it refers to could never hold is not there."""
    refused.make(db)
    db.sql("CREATE TABLE whole (id int PRIMARY KEY, n int UNIQUE); INSERT INTO whole VALUES (1, 1), (2, 2);"
           " CREATE TABLE large (id int PRIMARY KEY, whole bigint REFERENCES whole(n), was bigint); INSERT INTO large VALUES (1, 1, 3000000000), (2, 1, 2)")
    name = job(place, db, "update moved of shop.large { set whole = was quarantine <= 2 }")
    expect(words(as_planned(place, name, "moved"), "refers to no row of `whole`") == (1, ["id = 1"]), "so large a number is not there")


@there
def a_reference_that_is_null_in_a_part(place, db):
    refused.make(db)
    db.sql("CREATE TABLE pairs (a int, b int, PRIMARY KEY (a, b)); INSERT INTO pairs VALUES (1, 1);"
           " CREATE TABLE of_pairs (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES pairs MATCH FULL); INSERT INTO of_pairs VALUES (1, 1, 1)")
    step = planned(place, job(place, db, "update halved of shop.of_pairs { set b = null }"))["halved"]
    expect("refused_rows" not in step and "may be null as a whole" in step["untried"][0], step)


@there
def expressions_of_any_index_and_checks_of_whole_rows(place, db):
    refused.make(db)
    db.sql("CREATE TABLE shares (id int PRIMARY KEY, n int, m int); CREATE INDEX by_part ON shares ((100 / n)); INSERT INTO shares VALUES (1, 1, 1), (2, 2, 1), (3, 3, 1)")
    name = job(place, db, "update less of shop.shares { set n = n - 1 once quarantine <= 2 }")
    expect(words(as_planned(place, name, "less"), "division by zero") == (1, ["id = 1"]), "its index divides by it")
    db.sql("CREATE FUNCTION fits(shares) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.m < 3'; ALTER TABLE shares ADD CONSTRAINT all_fits CHECK (fits(shares.*))")
    name = job(place, db, "update more of shop.shares { set m = id quarantine <= 2 }", "more")
    step = planned(place, name)["more"]
    expect("refused_rows" not in step and "cannot be copied" in step["untried"][0], step)


@there
def of_more_than_a_thousand_there_are_at_least_so_many(place, db):
    refused.make(db)
    db.sql("CREATE TABLE many (id int PRIMARY KEY, n int CHECK (n < 1000)); INSERT INTO many SELECT i, 1 FROM generate_series(1, 2500) AS i")
    step = planned(place, job(place, db, "update more of shop.many { set n = id + 900 quarantine <= 5000 }"))["more"]["refused_rows"]
    expect(step["rows"] == 1_000 and not step["all"], step)


if __name__ == "__main__":
    main([*map(there, refused.TESTS), exclusion_lengths_and_unproven_checks, what_is_asked_at_the_end_is_said, a_reference_of_another_type, a_reference_that_is_null_in_a_part,
          expressions_of_any_index_and_checks_of_whole_rows, of_more_than_a_thousand_there_are_at_least_so_many])
