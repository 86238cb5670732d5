#!/usr/bin/env python3
"""The plan counts the rows that the database would not take, and the run meets just these: on SQLite."""
import json

import refused
from both_engines import OnSqlite
from harness import expect, main
from refused import as_planned, job, planned, words


def on_sqlite(test):
    def run(place):
        test(place, OnSqlite(place, 5))
    run.__name__ = test.__name__
    return run


def a_reference_that_dangles(place, db):
    """Asked of each row whose column is set, whatever it is set to."""
    refused.make(db)
    db.sql("UPDATE parts SET kind = 'zz' WHERE id = 4")
    name = job(place, db, 'update kept of shop.parts where id >= 4 { set kind = kind set n = n + 1 once quarantine <= 2 }')
    expect(words(as_planned(place, name, "kept"), "refers to no row of `kinds`") == (1, ["id = 4"]), "it refers to no row")


def a_reference_to_no_column(place, db):
    refused.make(db)
    db.sql("CREATE TABLE odd (id INTEGER PRIMARY KEY, kind TEXT REFERENCES kinds(nosuch))")
    db.sql("INSERT INTO odd VALUES (1, NULL)")
    step = planned(place, job(place, db, 'update kinded of shop.odd { set kind = "a" }'))["kinded"]
    expect("refused_rows" not in step and "`odd.kind`: `kinds` cannot be seen" in step["untried"][0], step)
    step = planned(place, job(place, db, 'delete gone of shop.kinds where code == "c" { }', "gone"))["gone"]
    expect("refused_rows" not in step, step)
    step = planned(place, job(place, db, 'update named of shop.kinds { set code = f"{code}1" once quarantine <= 2 }', "named"))["named"]
    expect("rows of `odd`" not in json.dumps(step), step)


def an_index_with_a_collation_of_its_own(place, db):
    refused.make(db)
    db.sql("CREATE TABLE codes (code TEXT PRIMARY KEY)")
    db.sql("CREATE UNIQUE INDEX one_code ON codes (code COLLATE NOCASE)")
    db.sql("INSERT INTO codes VALUES ('ONE'), ('seven')")
    db.sql("UPDATE wanted SET name = 'one' WHERE id = 1")
    name = job(place, db, 'insert add into shop.codes from shop.wanted where id <= 3 { set code = name ?? "" key (code) quarantine <= 2 }')
    expect(words(as_planned(place, name, "add"), "UNIQUE")[0] == 1, "`one` is there as `ONE`")


def rows_in_quarantine_are_counted_however_many_others_there_are(place, db):
    """Of more rows than are tried."""
    refused.make(db)
    db.sql("CREATE TABLE many (id INTEGER PRIMARY KEY, m INTEGER, n INTEGER CONSTRAINT few CHECK (n < 2000000))")
    db.sql("INSERT INTO many WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 500020) SELECT i, CASE WHEN i IN (3, 7) THEN 3000000 ELSE i END, NULL FROM s")
    name = job(place, db, "update filled of shop.many where id > 0 { set n = m chunk 10 quarantine <= 5 }")
    place.call("run", name, "--limit-chunks", "8", code=75, env=place.env)
    changed = db.number("SELECT count(*) FROM many WHERE n IS NOT NULL")
    step = planned(place, name)["filled"]
    expect(step["set_aside_before"] == 2 and changed > 0, step)
    expect(step["would_change"] == 500_020 - changed - 2, f"{step['would_change']}, {changed} are changed and 2 are in quarantine")
    expect("the most that are tried" in " ".join(step["untried"]), step)


if __name__ == "__main__":
    main(list(map(on_sqlite, [*refused.TESTS, a_reference_that_dangles, a_reference_to_no_column, an_index_with_a_collation_of_its_own,
                            rows_in_quarantine_are_counted_however_many_others_there_are])))
