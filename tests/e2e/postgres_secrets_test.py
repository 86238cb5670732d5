#!/usr/bin/env python3
"""Secrets on PostgreSQL: no byte of one in what is printed, in the state file, or in bfl's tables; nor of the URL's password."""
import hidden
from harness import expect, main
from postgres_harness import on_postgres

ENV = {"BFL_TEST_PEPPER": hidden.CANARY}
HEAD = 'source shop = postgres(env("SHOP_URL"))'


def search_target(db):
    opened = 0
    tables = db.sql("SELECT c.oid::regclass, coalesce(string_agg(CASE WHEN a.atttypid = 'bytea'::regtype THEN a.attname END, ','), '') FROM pg_class c JOIN pg_namespace n"
                    " ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 WHERE n.nspname = 'bfl' AND c.relkind = 'r' GROUP BY 1")
    for table, blobs in tables:
        hidden.search("\n".join("\t".join(row) for row in db.sql(f"SELECT * FROM {table}")).encode(), table)
        for column in filter(None, blobs.split(",")):
            opened += hidden.search_values([[bytes.fromhex(raw)] for (raw,) in db.sql(f"SELECT encode({column}, 'hex') FROM {table} WHERE {column} IS NOT NULL")], f"{table}.{column}")
    return opened


@on_postgres
def a_secret_leaves_nothing(place, db):
    db.shop(40)
    place.write("job.bfl", hidden.JOB.replace("SOURCE", 'postgres(env("SHOP_URL"))'))
    hidden.every_word(place, "job.bfl", {**place.env, **ENV}, hidden.COMMANDS)
    expect(search_target(db) > 5, "no pack was looked into")
    expect(db.value("SELECT count(*) FROM customers WHERE length(email) = 20") == "200", "the job did not do its work")


@on_postgres
def failures_tell_nothing(place, db):
    db.shop(40)
    hidden.failing_jobs(place, HEAD, {**place.env, **ENV}, lambda name: db.value("SELECT to_regclass('bfl.meta') IS NULL") == "t" or search_target(db))


@on_postgres
def a_password_is_in_no_table(place, db):
    db.shop(10)
    place.write("job.bfl", f'job a {{ why "a" }}\n{HEAD}\nupdate u of shop.orders {{ set note = "x" }}\n')
    url = db.url.replace("bfl@", "bfl:canary-zq7wx@")
    for words in (("run", "job.bfl"), ("run", "job.bfl", "--json"), ("plan", "job.bfl", "--json"), ("undo", "job.bfl")):
        done = place.call(*words, code=None, env={"SHOP_URL": url})
        hidden.show(done.stdout + done.stderr, " ".join(words))
    search_target(db)
    hidden.search_state(place)


if __name__ == "__main__":
    main([a_secret_leaves_nothing, failures_tell_nothing, a_password_is_in_no_table])
