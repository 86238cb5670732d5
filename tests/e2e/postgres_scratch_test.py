#!/usr/bin/env python3
"""`bfl test` on PostgreSQL: scratch databases on a server that was given, and nothing of them left, whatever happens."""
import json
import signal
import subprocess
import time
import uuid

from harness import expect, main
from postgres_harness import on_postgres, psql

SCHEMA = """
CREATE SCHEMA sales;
CREATE TYPE sales.state AS ENUM ('new', 'paid', 'sent');
CREATE DOMAIN sales.cents AS bigint CHECK (VALUE >= 0);
CREATE FUNCTION sales.next_ref() RETURNS text LANGUAGE sql AS $$ SELECT 'R' || random()::text $$;
CREATE TABLE sales.orders (
  id bigserial PRIMARY KEY, state sales.state NOT NULL, states sales.state[], net sales.cents NOT NULL, tax numeric(8,2) NOT NULL DEFAULT 0,
  twice bigint GENERATED ALWAYS AS (net * 2) STORED, note text COLLATE "C", ref text DEFAULT sales.next_ref(), made timestamptz NOT NULL DEFAULT now(),
  code uuid DEFAULT gen_random_uuid(), span int4range, UNIQUE (note));
CREATE TABLE sales.log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, order_id bigint NOT NULL REFERENCES sales.orders, what text NOT NULL DEFAULT 'seen');
CREATE TABLE plain (k text PRIMARY KEY, n integer NOT NULL);
CREATE VIEW sales.big AS SELECT id, net FROM sales.orders WHERE net > 100;
INSERT INTO sales.orders (state, net, note) VALUES ('new', 5, 'of production');
INSERT INTO plain VALUES ('production', 1);
"""

JOB = """job ship { why "Paid orders are sent." }
source shop = postgres(env("SHOP_URL"))
update send of shop.sales.orders where state == "paid" and twice > 10 {
  set state = "sent"
  set net = net + 1
}
insert tell into shop.sales.log from shop.sales.orders where state == "sent" {
  set order_id = id
  once per id
}
update count_up of shop.plain where n < 100 { set n = n + 100 }

test "paid ones are sent" {
  given shop.sales.orders [
    { id: 7, state: "paid", net: 10, note: "a", made: 2025-01-02T03:04:05Z },
    { state: "paid", net: 1 },
    { id: 9, net: 50 }
  ]
  given shop.plain [{ k: "x", n: 1 }, { k: "y", n: 200 }]
  expect shop.sales.orders [
    { id: 7, state: "sent", net: 11, twice: 22, note: "a", made: 2025-01-02T03:04:05Z },
    { id: 2, state: "paid", twice: 2 },
    { id: 9, state: "new", net: 50 }
  ]
  expect shop.sales.log [{ id: 1, order_id: 7, what: "seen" }]
  expect shop.plain [{ k: "x", n: 101 }, { k: "y", n: 200 }]
  expect changed send == 1
}
"""

MORE = "".join(f"""
test "again {n}" {{
  given shop.plain [{{ k: "x", n: 1 }}]
  expect shop.plain [{{ k: "x", n: 101 }}]
}}
""" for n in range(10))


def ready(place, db, text=JOB):
    db.sql(SCHEMA)
    place.write("ship.bfl", text)
    return db.sql("SELECT * FROM sales.orders"), db.sql("SELECT * FROM plain")


def scratch(db):
    return [name for (name,) in psql(db.server, "SELECT datname FROM pg_database WHERE datname LIKE 'bfl\\_test\\_%'")]


def nobody_at_work(db):
    """The server sees after a moment that its client is gone."""
    for _ in range(1_000):
        if not psql(db.server, f"SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = {0x62666c74}"):
            return
        time.sleep(0.01)


def untouched(db, before):
    expect((db.sql("SELECT * FROM sales.orders"), db.sql("SELECT * FROM plain")) == before, "a test changed the database of the job")
    expect(db.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'bfl'") == "0", "a test made bfl's tables in the database of the job")


@on_postgres
def a_server_is_named(place, db):
    ready(place, db)
    said = place.call("test", "ship.bfl", code=5, env=place.env).stderr
    expect("needs a server" in said and "--server" in said, said)
    expect(scratch(db) == [], "a scratch database without a server")
    expect("holds" not in said, said)
    place.write("none.bfl", JOB.split("test \"")[0])
    expect("has no `test`" in place.call("test", "none.bfl", env=place.env).stdout, "a job without tests needs no server")


@on_postgres
def plays_on_the_server(place, db):
    before = ready(place, db)
    for words, env in ((["--server", db.server], place.env), ([], {**place.env, "BFL_TEST_SERVER": db.server})):
        done = place.call("test", "ship.bfl", *words, env=env)
        expect("ok    paid ones are sent" in done.stdout, done.stdout + done.stderr)
    untouched(db, before)
    expect(scratch(db) == [], f"left: {scratch(db)}")
    # The server of the source is as good as any: its databases are not touched.
    place.call("test", "ship.bfl", "--server", db.url, env=place.env)
    untouched(db, before)
    expect(scratch(db) == [], f"left: {scratch(db)}")


@on_postgres
def a_failure_shows_rows(place, db):
    ready(place, db, JOB.replace("net: 11", "net: 12").replace("order_id: 7", "order_id: 8"))
    done = place.call("test", "ship.bfl", "--server", db.server, code=1, env=place.env)
    expect("sales.orders id = 7: net is 11, expected 12" in done.stderr and "sales.log id = 1: order_id is 7, expected 8" in done.stderr, done.stderr)
    told = json.loads(place.call("test", "ship.bfl", "--server", db.server, "--json", code=1, env=place.env).stdout)
    expect(not told["ok"] and any("expected 12" in problem for problem in told["tests"][0]["problems"]), f"{told}")
    place.write("ship.bfl", JOB.replace('given shop.plain [', 'given shop.sales.log [{ id: 1, order_id: 1 }, { id: 1, order_id: 2 }]\n  given shop.plain ['))
    expect("rows given of `sales.log`" in place.call("test", "ship.bfl", "--server", db.server, code=1, env=place.env).stderr, "two rows of one key")
    place.write("ship.bfl", JOB.replace("net: 10,", "net: 10, twice: 20,"))
    expect("computed by the database" in place.call("test", "ship.bfl", "--server", db.server, code=1, env=place.env).stderr, "a computed column is given")
    expect(scratch(db) == [], f"left: {scratch(db)}")


def under_way(place, db, words, env):
    """A run of the tests that has its scratch databases."""
    process = place.start("test", "ship.bfl", *words, env=env)
    for _ in range(1_000):
        if scratch(db) or process.poll() is not None:
            break
        time.sleep(0.01)
    expect(process.poll() is None, "the tests were over before they could be disturbed")
    return process


@on_postgres
def what_a_killed_test_left_goes(place, db):
    before = ready(place, db, JOB + MORE)
    words = ["--server", db.server]
    process = under_way(place, db, words, place.env)
    process.send_signal(signal.SIGSTOP)  # alive, and in no hurry
    mine = scratch(db)
    beside = place.call("test", "ship.bfl", *words, env=place.env)
    expect("dropped" not in beside.stderr, f"a test that was alive lost its database:\n{beside.stderr}")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = scratch(db)
    expect(left == mine, f"{left} is left of {mine}")
    nobody_at_work(db)
    done = place.call("test", "ship.bfl", *words, env=place.env)
    expect(all(f"dropped what a test before had left: {name}" in done.stderr for name in left), done.stderr)
    expect(scratch(db) == [], f"left: {scratch(db)}")
    untouched(db, before)


@on_postgres
def ctrl_c_leaves_nothing(place, db):
    before = ready(place, db, JOB + MORE)
    for sent, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = under_way(place, db, ["--server", db.server], place.env)
        process.send_signal(sent)
        out, err = process.communicate(timeout=60)
        expect(process.returncode == code, f"exit {process.returncode}\n{out}{err}")
        expect(scratch(db) == [], f"left: {scratch(db)}")
    untouched(db, before)


def role_without_rights(db):
    name = "r_" + uuid.uuid4().hex[:10]
    psql(db.server, f"CREATE ROLE {name} LOGIN")
    psql(db.server, f"CREATE DATABASE {name} OWNER {name}")
    return name, db.server.replace("//bfl@", f"//{name}@").rsplit("/", 1)[0] + "/" + name


@on_postgres
def a_role_that_may_not_create_databases(place, db):
    before = ready(place, db)
    name, url = role_without_rights(db)
    relations = "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    try:
        place.call("test", "ship.bfl", "--server", url, env=place.env)
        expect(psql(url, relations) == [] and psql(url, "SELECT nspname FROM pg_namespace WHERE nspname IN ('bfl', 'sales')") == [], "something was left")
        # Left by a test that was killed: marked, and nobody's.
        place.write("ship.bfl", JOB + MORE)
        process = place.start("test", "ship.bfl", "--server", url, env=place.env)
        for _ in range(1_000):
            process.send_signal(signal.SIGSTOP)
            if psql(url, relations):
                break
            process.send_signal(signal.SIGCONT)
            time.sleep(0.01)
        said = place.call("test", "ship.bfl", "--server", url, code=5, env=place.env).stderr
        expect("another test is at work" in said, said)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        nobody_at_work(db)
        place.write("ship.bfl", JOB)
        done = place.call("test", "ship.bfl", "--server", url, env=place.env)
        expect("dropped what a test before had left" in done.stderr and psql(url, relations) == [], done.stderr)
        # What is somebody's stays, and no test is played beside it.
        psql(url, "CREATE TABLE theirs (id int)")
        said = place.call("test", "ship.bfl", "--server", url, code=5, env=place.env).stderr
        expect("is not empty: it has `public.theirs`" in said, said)
        expect(psql(url, relations) == [("public.theirs",)], "a table of somebody's is gone")
    finally:
        psql(db.server, f"DROP DATABASE {name} WITH (FORCE)")
        psql(db.server, f"DROP ROLE {name}")
    untouched(db, before)


@on_postgres
def tables_from_a_file(place, db):
    place.write("ship.bfl", JOB)
    place.write("schema.sql", "\\restrict abc\n" + SCHEMA + "\\unrestrict abc\n")
    nowhere = {"SHOP_URL": "postgres://nobody@127.0.0.1:1/none"}
    done = place.call("test", "ship.bfl", "--server", db.server, "--schema", "shop=schema.sql", env=nowhere)
    expect("ok    paid ones are sent" in done.stdout, done.stdout + done.stderr)
    place.write("schema.sql", "CREATE TABLE x (;")
    said = place.call("test", "ship.bfl", "--server", db.server, "--schema", "shop=schema.sql", code=5, env=nowhere).stderr
    expect("the schema of `shop`" in said and "syntax error" in said, said)
    said = place.call("test", "ship.bfl", "--server", db.server, "--schema", "shop=none.sql", code=5, env=nowhere).stderr
    expect("none.sql" in said, said)
    expect(scratch(db) == [], f"left: {scratch(db)}")
    # From the catalogue that the project keeps.
    db.sql(SCHEMA)
    place.write("plain.bfl", 'job up { why "n" }\nsource shop = postgres(env("SHOP_URL"))\nupdate up of shop.plain where n < 100 { set n = n + 100 }\n' + MORE)
    place.call("schema", "pull", "plain.bfl", env=place.env)
    done = place.call("test", "plain.bfl", "--offline", "--server", db.server, env=nowhere)
    expect("10 tests, 0 failed" in done.stdout and scratch(db) == [], done.stdout + done.stderr)
    # The same on SQLite, without a server.
    place.write("lite.bfl", 'job lite { why "n" }\nsource shop = sqlite("nowhere.db")\nupdate up of shop.plain where n < 100 { set n = n + 100 }\n'
                            'test "up" { given shop.plain [{ k: "x", n: 1 }] expect shop.plain [{ k: "x", n: 101, note: "new" }] }\n')
    place.write("lite.sql", "CREATE TABLE plain (k text PRIMARY KEY, n integer NOT NULL, note text NOT NULL DEFAULT 'new');")
    said = place.call("test", "lite.bfl", "--schema", "shop=lite.sql", code=1).stderr
    expect('note is "", expected "new"' in said, said)
    place.write("lite.bfl", (place.folder / "lite.bfl").read_text().replace(', note: "new"', ""))
    place.call("test", "lite.bfl", "--schema", "shop=lite.sql")


if __name__ == "__main__":
    main([a_server_is_named, plays_on_the_server, a_failure_shows_rows, what_a_killed_test_left_goes, ctrl_c_leaves_nothing,
          a_role_that_may_not_create_databases, tables_from_a_file])
