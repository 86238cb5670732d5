#!/usr/bin/env python3
"""The plan counts the rows that the database would not take, and the run meets just these: on PostgreSQL."""
import refused
from both_engines import OnPostgres
from harness import expect, main
from postgres_harness import on_postgres
from refused import as_planned, job, planned, words


def there(test):
    @on_postgres
    def run(place, database):
        test(place, OnPostgres(place, database, 5))
    run.__name__ = test.__name__
    return run


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


if __name__ == "__main__":
    main([*map(there, refused.TESTS), exclusion_lengths_and_unproven_checks, what_is_asked_at_the_end_is_said])
