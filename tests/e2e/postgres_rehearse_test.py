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


REFUSED = {
    "a check": ("update u of db.c { set qty = 0 - 1 }", "c_qty_check"),
    "a check of a domain": ("update u of db.c { set size = 0 }", "c_size_check"),
    "a foreign key": ("update u of db.c { set p = 9 }", "c_p_fkey"),
    "a key by an expression": ('update u of db.c { set name = case { id == 1 => "A" else => "a" } }', "c_by_name"),
}


@on_postgres
def what_rows_have_to_hold_is_in_the_copy(place, db):
    db.sql("CREATE DOMAIN positive AS int CONSTRAINT positive_check CHECK (VALUE > 0); CREATE FUNCTION fits(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';"
           "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (id int PRIMARY KEY, p int REFERENCES p, qty int CHECK (qty >= 0), size positive, name text, CONSTRAINT own CHECK (fits(qty)));"
           "CREATE UNIQUE INDEX c_by_name ON c (lower(name)); INSERT INTO p VALUES (1), (2), (3); INSERT INTO c VALUES (1, 1, 1, 1, 'x'), (2, 2, 2, 2, 'y'), (3, 3, 3, 3, 'z')")
    head = 'job j { why "w" }\nsource db = postgres(env("SHOP_URL"))\n'
    for what, (step, name) in REFUSED.items():
        more = "update seen of db.p where id == 5 { set id = 6 }\n"  # so that its rows are copied
        place.write("job.bfl", head + more + step + "\n")
        said = place.call("rehearse", "job.bfl", "--server", db.server, code=1, env=place.env).stdout
        expect("does not pass" in said and name in said, f"{what}: {said}")
        expect("c.own, which cannot be had there" in said, said)
    for rows in ((), ("--rows", "1")):
        place.write("job.bfl", head + "delete d of db.p where id == 1 { cascades to db.c }\n")
        said = place.call("rehearse", "job.bfl", "--server", db.server, *rows, env=place.env).stdout
        expect("delete d: 2 rows deleted" in said and "every row is as it was" in said, said)
    expect(db.sql("SELECT count(*) FROM p") == [("3",)], "the rehearsal changed the database")


@on_postgres
def nothing_is_left_behind(place, db):
    db.shop(200)
    place.write("job.bfl", rehearsed.JOB.format(source=SOURCE))
    rehearsed.stopped(place, place.env, SOURCE, ("--server", db.server))


if __name__ == "__main__":
    main([a_job_passes, a_job_that_was_begun, a_job_fails, what_rows_have_to_hold_is_in_the_copy, nothing_is_left_behind])
