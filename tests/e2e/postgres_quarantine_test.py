#!/usr/bin/env python3
"""Quarantine on a server: by constraints at once and at COMMIT, by overflow, and by workers beside each other."""
import json

from harness import expect, main
from postgres_harness import on_postgres

TABLE = """
CREATE TABLE t (id int PRIMARY KEY, raw text, m bigint, n int);
INSERT INTO t SELECT i, m, m::bigint FROM (SELECT i, CASE WHEN i IN (17, 18, 500, 1000) THEN 'BROKEN' ELSE (i + 10000)::text END AS m FROM generate_series(1, 1000) i) AS given;
"""
BAD = ("17", "18", "500", "1000")
JOB = """
job fix { why "Numbers were kept as texts." }
source db = postgres(env("SHOP_URL")WORKERS)
update fix of db.t { set n = VALUE quarantine <= MOST MORE }
"""


def run(place, db, broken, more="", workers="", most=10, code=3, table="", value="m"):
    db.sql(TABLE.replace("BROKEN", broken) + table)
    place.write("job.bfl", JOB.replace("MOST", str(most)).replace("MORE", more).replace("WORKERS", workers).replace("VALUE", value))
    return place.call("run", "job.bfl", env=place.env, code=code)


def right(place, db, bad=BAD):
    expect(db.sql("SELECT id FROM t WHERE n IS NULL ORDER BY id") == [(i,) for i in bad], db.sql("SELECT id FROM t WHERE n IS NULL ORDER BY id LIMIT 10"))
    expect(db.value("SELECT count(*) FROM t WHERE n = id + 10000") == str(1000 - len(bad)), "every other row is right")
    rows = json.loads(place.call("quarantine", "list", "job.bfl", "--json", env=place.env).stdout)
    expect(sorted(row["key"] for row in rows) == sorted(bad), rows)
    place.call("audit", "verify", "job.bfl", env=place.env)
    return rows


@on_postgres
def overflow_of_what_is_sealed(place, db):
    run(place, db, "3000000000", value="to_int(raw)")
    right(place, db)
    db.sql("UPDATE t SET raw = id + 10000")
    place.call("quarantine", "retry", "job.bfl", env=place.env)
    right(place, db, ())


@on_postgres
def what_cannot_be_computed_is_set_aside(place, db):
    for more in ("", "once", "chunk 7"):
        db.sql("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS bfl CASCADE;" + TABLE.replace("BROKEN", "1") + "UPDATE t SET raw = 'x' || id WHERE id IN (17, 18, 500, 1000)")
        place.write("job.bfl", JOB.replace("MOST", "4").replace("MORE", more).replace("WORKERS", "").replace("VALUE", "to_int(raw)"))
        done = place.call("run", "job.bfl", env=place.env, code=3)
        expect("the row with key 500 is put in quarantine" in done.stdout and "996 rows changed" in done.stdout, done.stdout)
        rows = right(place, db)
        expect(all("x" + row["key"] in row["error"] for row in rows), rows)
        place.call("run", "job.bfl", env=place.env, code=3)
        db.sql("UPDATE t SET raw = id + 10000")
        place.call("quarantine", "retry", "job.bfl", env=place.env)
        right(place, db, ())
        place.call("undo", "job.bfl", env=place.env)
        expect(db.value("SELECT count(*) FROM t WHERE n IS NOT NULL") == "0", "all of it is put back")


@on_postgres
def one_more_than_is_allowed_stops_the_seal(place, db):
    db.sql(TABLE.replace("BROKEN", "1") + "UPDATE t SET raw = 'x' WHERE id IN (17, 18, 500, 1000)")
    place.write("job.bfl", JOB.replace("MOST", "3").replace("MORE", "").replace("WORKERS", "").replace("VALUE", "to_int(raw)"))
    done = place.call("run", "job.bfl", env=place.env, code=1)
    expect("the row with id = 1000" in done.stderr and "as many as `quarantine` allows" in done.stderr and db.value("SELECT count(*) FROM t WHERE n IS NOT NULL") == "0", done.stderr)


@on_postgres
def what_depends_on_other_rows_stops_the_seal(place, db):
    db.sql(TABLE.replace("BROKEN", "1") + "UPDATE t SET raw = 'x' WHERE id = 500")
    place.write("job.bfl", JOB.replace("MOST", "5").replace("MORE", "").replace("WORKERS", "").replace("VALUE", "to_int(raw) + count(db.t)"))
    done = place.call("run", "job.bfl", env=place.env, code=1)
    expect("so that none can be set aside" in done.stderr and db.value("SELECT count(*) FROM t WHERE n IS NOT NULL") == "0", done.stderr)


@on_postgres
def overflow(place, db):
    run(place, db, "3000000000", more="chunk 50")
    right(place, db)


@on_postgres
def a_constraint_by_workers(place, db):
    run(place, db, "666", more="chunk 20", workers=", workers: 3", table="ALTER TABLE t ADD CHECK (n <> 666)")
    rows = right(place, db)
    expect(all("check constraint" in row["error"] for row in rows), rows)
    expect(db.value("SELECT quarantined FROM bfl.step WHERE name = 'fix'") == "4", "the step counts them")


@on_postgres
def workers_keep_the_limit(place, db):
    done = run(place, db, "666", more="chunk 20", workers=", workers: 3", table="ALTER TABLE t ADD CHECK (n <> 666)", most=2, code=1)
    expect("as many as `quarantine` allows" in done.stderr, done.stderr)
    expect(db.value("SELECT quarantined FROM bfl.step WHERE name = 'fix'") == "2", "not one more")
    db.sql("UPDATE t SET m = id + 10000 WHERE m = 666")
    place.call("run", "job.bfl", env=place.env, code=3)
    expect(db.value("SELECT count(*) FROM t WHERE n IS NULL") == "2", "those that were set aside wait")


@on_postgres
def a_constraint_that_speaks_at_commit(place, db):
    run(place, db, "666", more="once chunk 100", table="""CREATE TABLE allowed (n int PRIMARY KEY);
INSERT INTO allowed SELECT i + 10000 FROM generate_series(1, 1000) i;
ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES allowed DEFERRABLE INITIALLY DEFERRED""")
    right(place, db)


if __name__ == "__main__":
    main([overflow_of_what_is_sealed, what_cannot_be_computed_is_set_aside, one_more_than_is_allowed_stops_the_seal, what_depends_on_other_rows_stops_the_seal, overflow, a_constraint_by_workers, workers_keep_the_limit, a_constraint_that_speaks_at_commit])
