#!/usr/bin/env python3
"""Rollouts on a server: by one worker and by several beside each other, on both routes."""
import json

from harness import expect, main
from postgres_harness import on_postgres

JOB = """
job fill { why "Each row gets its mark." rollback when verify_failed }
source db = postgres(env("SHOP_URL")WORKERS)
update mark of db.t where note == null chunk 20 {
  set note = "seen"
  MORE
  rollout HOW {
    2% then assert count(db.t where note == "bad") == 0 then wait for approval
    30%
    100%
  }
}
verify done { assert count(db.t where note == null) == 0 }
"""
WAYS = [("direct", "", "", ""), ("beside", "", "", ", workers: 3"), ("sealed", "once", "", ", workers: 3"), ("by hash", "", "by hash", "")]


def count(db):
    return int(db.value("SELECT count(*) FROM t WHERE note = 'seen'"))


@on_postgres
def stages_on_a_server(place, db):
    for way, more, how, workers in WAYS:
        db.sql("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS bfl CASCADE; CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t SELECT i, NULL FROM generate_series(1, 1000) i")
        (place.folder / ".bfl/state.db").unlink(missing_ok=True)
        place.write("fill.bfl", JOB.replace("MORE", more).replace("HOW", how).replace("WORKERS", workers))
        done = place.call("run", "fill.bfl", env=place.env, code=75)
        expect("waits for approval" in done.stderr, done.stderr)
        expect(count(db) == 20 if way != "by hash" else 5 < count(db) < 60, f"{way}: {count(db)} rows")
        place.call("approve", "fill.bfl", env=place.env)
        place.call("run", "fill.bfl", env=place.env)
        expect(count(db) == 1000, f"{way}: {count(db)} rows")
        place.call("audit", "verify", "fill.bfl", env=place.env)
        kinds = [json.loads(row[0])["kind"] for row in db.sql("SELECT entry FROM bfl.ledger ORDER BY id") if '"stage"' in row[0]]
        expect(kinds == ["open", "stage_passed", "stage_approved", "stage", "stage_passed", "stage", "stage_passed"], f"{way}: {kinds}")
        place.call("undo", "fill.bfl", env=place.env)
        expect(count(db) == 0, f"{way}: {count(db)} rows are left")


@on_postgres
def a_stage_that_fails_is_put_back(place, db):
    for way, more, how, workers in WAYS:
        db.sql("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS bfl CASCADE; CREATE TABLE t (id int PRIMARY KEY, note text);"
               " INSERT INTO t SELECT i, CASE i WHEN 7 THEN 'bad' END FROM generate_series(1, 1000) i")
        (place.folder / ".bfl/state.db").unlink(missing_ok=True)
        place.write("fill.bfl", JOB.replace("MORE", more).replace("HOW", how).replace("WORKERS", workers))
        failed = place.call("run", "fill.bfl", env=place.env, code=1)
        expect("BFL0541" in failed.stderr and "BFL0526" in failed.stderr and count(db) == 0, f"{way}: {count(db)} rows\n{failed.stderr}")


if __name__ == "__main__":
    main([stages_on_a_server, a_stage_that_fails_is_put_back])
