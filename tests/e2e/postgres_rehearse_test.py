#!/usr/bin/env python3
"""Rehearsals on PostgreSQL: the tables that the job uses, in scratch databases that are gone at the end."""
import rehearsed
from harness import expect, main
from postgres_harness import on_postgres

SOURCE = 'postgres(env("SHOP_URL"))'


def figures(db):
    return lambda: [db.sql(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("orders", "lines", "products", "customers")] + db.sql("SELECT nspname FROM pg_namespace ORDER BY 1")


@on_postgres
def a_job_passes(place, db):
    db.shop(400)
    rehearsed.passes(place, place.env, SOURCE, figures(db), ("--server", db.server))
    told = place.call("rehearse", "job.bfl", "--server", db.server, "--rows", "100", env=place.env).stdout
    expect("update notes: 100 rows changed" in told and "the first 100 rows by key" in told, told)


@on_postgres
def a_job_that_was_begun(place, db):
    db.shop(400)
    rehearsed.begun_before(place, place.env, SOURCE, figures(db), ("--server", db.server))


@on_postgres
def a_job_fails(place, db):
    db.shop(400)
    rehearsed.fails(place, place.env, SOURCE, figures(db), ("--server", db.server))
    place.write("job.bfl", rehearsed.JOB.format(source=SOURCE))
    expect("--server" in place.call("rehearse", "job.bfl", code=5, env={**place.env, "BFL_TEST_SERVER": ""}).stderr, "it does not ask for a server")


@on_postgres
def nothing_is_left_behind(place, db):
    db.shop(200)
    place.write("job.bfl", rehearsed.JOB.format(source=SOURCE))
    rehearsed.stopped(place, place.env, SOURCE, ("--server", db.server))


if __name__ == "__main__":
    main([a_job_passes, a_job_that_was_begun, a_job_fails, nothing_is_left_behind])
