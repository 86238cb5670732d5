#!/usr/bin/env python3
"""PostgreSQL as a target: the README's job unchanged, kills, two runs at once, what is refused, and what is never printed.

The server is the one that tests/postgres.sh has started (BFL_POSTGRES names its folder); without it everything is skipped.
"""
import os
import pathlib
import random
import signal
import time

from harness import expect, main
from postgres_harness import SERVER, on_postgres, psql

KILLS = int(os.environ.get("BFL_KILLS", "8"))

BUMP_ONCE = """
job bump { why "Each row one higher, once." }
source shop = postgres(env("SHOP_URL"))
update bump of shop.orders {
  set line_count = line_count + 1
  once
  chunk 200
}
"""
ADD_TAX = """
job add { why "Tax is added where it is missing." }
source shop = postgres(env("SHOP_URL"))
update add of shop.orders where total == subtotal chunk 100 { set total = total + tax + 1 }
"""


@on_postgres
def readme_job(place, db):
    db.shop()
    place.example("fix_order_totals.bfl")
    source = ("--source", f"shop={db.url}")
    place.call("check", "fix_order_totals.bfl", *source)
    plan = place.call("plan", "fix_order_totals.bfl", *source).stdout
    expect("25 rows" in plan and db.value("SELECT to_regclass('bfl.meta') IS NULL") == "t", f"the plan is wrong or changed something:\n{plan}")
    place.call("run", "fix_order_totals.bfl", *source)
    wrong = "SELECT count(*) FROM orders WHERE created_at >= '2025-03-01' AND created_at < '2025-03-10' AND total IS DISTINCT FROM subtotal + tax"
    expect(db.value(wrong) == "0", "rows are still wrong")
    again = place.call("run", "fix_order_totals.bfl", *source).stdout
    expect("nothing to do" in again, f"the second run did something:\n{again}")
    expect("everything holds" in place.call("audit", "verify", "fix_order_totals.bfl", *source).stdout, "the ledger does not verify")
    db.sql("UPDATE bfl.step SET changed = changed + 1 WHERE name = 'fix_totals'")
    expect("changed: it holds" in place.call("audit", "verify", db.url, code=4).stdout, "an altered ledger verifies")


@on_postgres
def undo(place, db):
    db.shop()
    place.write("job.bfl", ADD_TAX + 'update mark of shop.orders where id <= 50 { set note = "seen" }\n')
    before = db.sql("SELECT * FROM orders ORDER BY id")
    place.call("run", "job.bfl", env=place.env)
    place.call("undo", "job.bfl", "--plan", env=place.env)
    expect(db.sql("SELECT * FROM orders ORDER BY id") != before, "the plan of an undo changed something")
    place.call("undo", "job.bfl", "--limit-chunks", "1", code=75, env=place.env)
    # `mark` is put back, and with `add` nothing was begun: what is put back is done again.
    expect("50 rows changed" in place.call("run", "job.bfl", env=place.env).stdout, "a run between two steps of an undo")
    db.sql("UPDATE orders SET total = 0 WHERE id = (SELECT min(id) FROM orders WHERE total > subtotal)")
    done = place.call("undo", "job.bfl", code=None, env=place.env)
    now = db.sql("SELECT * FROM orders ORDER BY id")
    edited = [row for row, was in zip(now, before) if row != was]
    expect(len(edited) == 1 and done.returncode in (0, 3), f"{len(edited)} rows are not as they were, expected the edited one\n{done.stdout}{done.stderr}")
    expect("everything holds" in place.call("audit", "verify", db.url).stdout, "the ledger does not verify")


@on_postgres
def undo_against_constraints(place, db):
    """A row that a constraint keeps from going back is a conflict, whenever the server tests it; the others go back."""
    for deferred in ("", "DEFERRABLE INITIALLY DEFERRED"):
        db.sql(f"""DROP SCHEMA IF EXISTS bfl CASCADE; DROP TABLE IF EXISTS t, owner;
               CREATE TABLE owner (id int PRIMARY KEY); INSERT INTO owner VALUES (1), (2);
               CREATE TABLE t (id int PRIMARY KEY, code text UNIQUE {deferred}, owner int REFERENCES owner (id) {deferred});
               INSERT INTO t SELECT i, 'c' || i, 1 + i % 2 FROM generate_series(1, 50) AS i""")
        place.write("job.bfl", """
job move { why "All go to the second, with new codes." }
source db = postgres(env("SHOP_URL"))
update move of db.t { set owner = 2 set code = "new" + to_text(id) }
""")
        place.call("run", "job.bfl", env=place.env)
        db.sql("INSERT INTO t VALUES (100, 'c7', 2), (101, 'c31', 2); DELETE FROM owner WHERE id = 1")
        done = place.call("undo", "job.bfl", code=3, env=place.env)
        back = [int(key) for (key,) in db.sql("SELECT id FROM t WHERE code = 'c' || id ORDER BY id")]
        expect(back == [i for i in range(1, 51) if i % 2 and i not in (7, 31)], f"{deferred}: {back}\n{done.stdout}")
        expect("t 31: duplicate key value" in done.stdout and "t 32: " in done.stdout and "violates foreign key" in done.stdout, done.stdout)
        expect("everything holds" in place.call("audit", "verify", db.url).stdout, "the ledger does not verify")


@on_postgres
def an_undo_puts_keys_back(place, db):
    db.sql("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t SELECT i, i FROM generate_series(1, 50) AS i")
    before = db.sql("SELECT * FROM t ORDER BY id")
    for values in ("set id = id + 1000", "set id = id + 1000 set n = 7"):
        place.write("job.bfl", f'job move {{ why "w" }}\nsource db = postgres(env("SHOP_URL"))\nupdate move of db.t where id <= 30 {{ {values} }}\n')
        place.call("run", "job.bfl", env=place.env)
        expect(db.value("SELECT count(*) FROM t WHERE id > 1000") == "30", "the keys were not moved")
        place.call("undo", "job.bfl", env=place.env)
        expect(db.sql("SELECT * FROM t ORDER BY id") == before, f"{values}: the undo left other rows")
    expect("everything holds" in place.call("audit", "verify", db.url).stdout, "the ledger does not verify")


@on_postgres
def an_undo_asks_for_many_rows_at_once(place, db):
    """The server's log counts its statements: rows that were changed, added and deleted go back by the hundred, by their keys that move as well."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, n int, code text UNIQUE); INSERT INTO t SELECT i, i, 'c' || i FROM generate_series(1, 3000) AS i; CREATE TABLE more (id int PRIMARY KEY, n int);"
           "INSERT INTO more SELECT 3000 + i, i FROM generate_series(1, 1000) AS i; CREATE TABLE kept (id int PRIMARY KEY, t int REFERENCES t (id))")
    place.write("job.bfl", """
job many { why "Much is changed." }
source db = postgres(env("SHOP_URL"))
update higher of db.t where id <= 2000 { set n = id + 1 }
update moved of db.t where id <= 1500 and id > 1000 { set id = id + 100_000 }
insert added into db.t from db.more { set id = id set n = n set code = "m" + to_text(id) key id }
delete gone of db.t where id > 2000 and id <= 3000
""")
    before = db.sql("SELECT * FROM t ORDER BY id")
    place.call("run", "job.bfl", env=place.env)
    db.sql("UPDATE t SET n = 0 WHERE id = 7; INSERT INTO kept VALUES (1, 3500)")
    log = pathlib.Path((SERVER / "place").read_text().strip(), "log")
    db.sql(f"ALTER DATABASE {db.name} SET log_statement = 'all'")
    begin = log.stat().st_size
    done = place.call("undo", "job.bfl", code=3, env=place.env).stdout
    db.sql(f"ALTER DATABASE {db.name} RESET log_statement")
    with open(log, errors="replace") as text:
        text.seek(begin)
        sent = sum("step='undo" in line and ("LOG:  execute" in line or "LOG:  statement" in line) for line in text)
    expect("`n` was changed since" in done and "a row of `kept` refers to it" in done, done)
    expect(db.sql("SELECT * FROM t WHERE id NOT IN (7, 3500) ORDER BY id") == [row for row in before if row[0] != "7"], "the undo left more than the two conflicts")
    expect(sent < 1500, f"{sent} statements for 4,500 rows")
    expect("everything holds" in place.call("audit", "verify", db.url).stdout, "the ledger does not verify")


def killed_at_random(place, db, job, column, expected):
    place.write("job.bfl", job)
    chance = random.Random(seed := int(os.environ.get("BFL_SEED", random.randrange(1 << 30))))
    before = dict(db.sql(f"SELECT id, {column} FROM orders"))
    os.environ["SHOP_URL"] = db.url
    for _ in range(KILLS):
        process = place.start("run", "job.bfl")
        try:
            process.wait(chance.uniform(0, 0.5))
        except Exception:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        expect(process.returncode in (-9, 0), f"seed {seed}: exit {process.returncode}")
    place.call("run", "job.bfl", env=place.env)
    after = dict(db.sql(f"SELECT id, {column} FROM orders"))
    wrong = [key for key in before if after[key] != expected(key, before[key])]
    expect(not wrong, f"seed {seed}: {len(wrong)} rows were not changed exactly once, the first is {wrong[:1]}: {before[wrong[0]] if wrong else ''}")
    gaps = db.sql("SELECT step, lane FROM bfl.ledger GROUP BY step, lane HAVING count(*) <> max(seq) - min(seq) + 1 OR min(seq) > 1")
    expect(not gaps, f"seed {seed}: the chunks have gaps: {gaps}")
    expect("nothing to do" in place.call("run", "job.bfl", env=place.env).stdout, "a finished job did something")


@on_postgres
def killed_on_the_direct_route(place, db):
    db.shop(4000)
    db.sql("UPDATE orders SET total = subtotal")
    tax = dict(db.sql("SELECT id, subtotal + tax + 1 FROM orders"))
    killed_at_random(place, db, ADD_TAX, "total", lambda key, _: tax[key])


@on_postgres
def killed_on_the_sealed_route(place, db):
    db.shop(3000)
    killed_at_random(place, db, BUMP_ONCE, "line_count", lambda _, value: str(int(value) + 1))


@on_postgres
def two_at_once(place, db):
    db.shop(20000)
    place.write("job.bfl", BUMP_ONCE)
    os.environ["SHOP_URL"] = db.url
    first = place.start("run", "job.bfl")
    limit = time.monotonic() + 60
    while time.monotonic() < limit and first.poll() is None:
        if db.value("SELECT to_regclass('bfl.ledger') IS NOT NULL") == "t" and db.value("SELECT count(*) > 1 FROM bfl.ledger") == "t":
            break
    second = place.call("run", "job.bfl", "--state", "other.db", code=None, env=place.env)
    if first.poll() is None:
        expect(second.returncode == 75 and "BFL0508" in second.stderr, f"the second run: {second.returncode}\n{second.stdout}{second.stderr}")
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=120)
    expect(first.returncode in (0, 130), f"the first run ended with {first.returncode}")


@on_postgres
def killed_server_connection(place, db):
    """Its sessions are ended by the server again and again: it connects anew and goes on."""
    db.shop(3000)
    place.write("job.bfl", BUMP_ONCE)
    os.environ["SHOP_URL"] = db.url
    process = place.start("run", "job.bfl")
    while process.poll() is None:
        psql(db.server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{db.name}' AND application_name LIKE 'bfl%'")
        time.sleep(0.3)
    out, err = process.communicate()
    expect(process.returncode in (0, 5, 75), f"exit {process.returncode}\n{out}{err}")
    place.call("run", "job.bfl", env=place.env)
    expect(db.value("SELECT sum(seq) FROM bfl.lane") != "", "no lanes")
    once = db.value("SELECT count(*) FROM bfl.step WHERE name = 'bump' AND changed = 3000 AND state = 'done'")
    expect(once == "1", "not every row was changed once")


@on_postgres
def a_view_is_no_target(place, db):
    db.shop(10)
    db.sql("CREATE VIEW late AS SELECT * FROM orders")
    place.write("job.bfl", ADD_TAX.replace("shop.orders", "shop.late"))
    said = place.call("check", "job.bfl", code=2, env=place.env).stderr
    expect("view" in said, said)


@on_postgres
def triggers_are_refused(place, db):
    db.shop(10)
    db.sql("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;"
           "CREATE TRIGGER touch BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()")
    place.write("job.bfl", ADD_TAX)
    said = place.call("check", "job.bfl", code=2, env=place.env).stderr
    expect("touch" in said, said)


@on_postgres
def missing_rights_are_found_before_the_run(place, db):
    db.shop(10)
    user = "u_" + db.name
    db.sql(f"CREATE ROLE {user} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}")
    try:
        place.write("job.bfl", ADD_TAX)
        said = place.call("check", "job.bfl", code=5, env={"SHOP_URL": db.url.replace("bfl@", f"{user}@")}).stderr
        expect("total" in said and "UPDATE" in said, said)
    finally:
        db.sql(f"DROP OWNED BY {user}; DROP ROLE {user}")


@on_postgres
def row_level_security_is_found_in_the_plan(place, db):
    db.shop(10)
    user = "u_" + db.name
    db.sql(f"CREATE ROLE {user} LOGIN; GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO {user};"
           "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY half ON orders USING (id > 5)")
    try:
        place.write("job.bfl", ADD_TAX)
        said = place.call("plan", "job.bfl", code=None, env={"SHOP_URL": db.url.replace("bfl@", f"{user}@")})
        expect(said.returncode == 5 and "policy" in said.stderr, f"{said.returncode}{said.stderr}")
    finally:
        db.sql(f"DROP OWNED BY {user}; DROP ROLE {user}")


@on_postgres
def passwords_are_never_printed(place, db):
    db.shop(10)
    place.write("job.bfl", ADD_TAX)
    for url in (db.url.replace("bfl@", "bfl:s3cretword@"), db.url.replace("bfl@", "nobody_there:s3cretword@"),
                "postgres://bfl:s3cretword@127.0.0.1:1/x", "postgres:host=127.0.0.1 port=1 password='s3cretword x'", "postgres://bfl:s3cretword@:x:y/"):
        for words in (("plan", "job.bfl"), ("run", "job.bfl"), ("run", "job.bfl", "--json"), ("log",), ("status",)):
            done = place.call(*words, code=None, env={"SHOP_URL": url})
            expect("s3cretword" not in done.stdout + done.stderr, f"{' '.join(words)} with {url} shows the password:\n{done.stdout}{done.stderr}")
    state = b"".join(file.read_bytes() for file in (place.folder / ".bfl").glob("*"))
    expect(b"s3cretword" not in state, "the password is in the state file")


@on_postgres
def hostile_columns_and_values(place, db):
    """Types, names and edges: images before and after are what the server holds."""
    db.sql("""
CREATE SCHEMA "Weird one"; CREATE DOMAIN cents AS numeric(9,2); CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy');
CREATE TABLE "Weird one"."Order Lines" ("Id" uuid PRIMARY KEY, "select" cents, mood mood, tags text[], doc jsonb, raw json, big numeric,
  at timestamptz, stamp timestamp, day date, b bytea, fixed char(6), f8 float8, f4 real, flag boolean, small smallint,
  ip inet, span interval, done int NOT NULL DEFAULT 0, twice bigint GENERATED ALWAYS AS (small * 2) STORED);
INSERT INTO "Weird one"."Order Lines" SELECT md5(i::text)::uuid, i / 100.0, (ARRAY['sad', 'so so', 'happy'])[1 + i % 3]::mood, ARRAY['a', NULL, 'b,c'],
  '{"a": 1.50, "b": [null]}', '{"b" : 1, "b": 2}', 10::numeric ^ (i % 40) + 0.10,
  CASE i % 4 WHEN 0 THEN 'infinity'::timestamptz WHEN 1 THEN '-infinity' WHEN 2 THEN '4713-01-01 00:00:00 BC' ELSE now() END,
  CASE i % 3 WHEN 0 THEN '294276-12-31 23:59:59'::timestamp ELSE '2024-02-29 12:00:00.123456' END, CASE i % 3 WHEN 0 THEN 'infinity'::date ELSE '0001-01-01' END,
  decode('00ff', 'hex'), 'ab', CASE i % 3 WHEN 0 THEN 'NaN'::float8 ELSE '-0' END, 0.1, i % 2 = 0, i, inet '10.0.0.1/8', interval '1 mon 2 days 3 us'
FROM generate_series(1, 50) AS n(i)""")
    place.write("job.bfl", """
job weird { why "Every type keeps its image." }
use std.math
source shop = postgres(env("SHOP_URL"))
update flags of shop.`Weird one.Order Lines` where done == 0 chunk 7 {
  set done = 1
  set `select` = round(`select` * 2, 2)
}
""")
    before = db.sql('SELECT * FROM "Weird one"."Order Lines" ORDER BY 1')
    place.call("plan", "job.bfl", env=place.env)
    place.call("run", "job.bfl", env=place.env)
    expect(db.value('SELECT count(*) FROM "Weird one"."Order Lines" WHERE done = 1') == "50", "not every row was changed")
    after = db.sql('SELECT * FROM "Weird one"."Order Lines" ORDER BY 1')
    expect([row[2:-2] for row in before] == [row[2:-2] for row in after], "another column changed")


@on_postgres
def children_are_found_where_rows_are_computed_elsewhere(place, db):
    """What PostgreSQL has no words for is computed on rows that are brought elsewhere: their foreign keys come along."""
    db.sql("CREATE TABLE t (id int PRIMARY KEY, s text NOT NULL); CREATE TABLE u (id int PRIMARY KEY, t_id int NOT NULL REFERENCES t ON DELETE CASCADE);"
           "INSERT INTO t SELECT i, 'Row' || i FROM generate_series(1, 9) AS n(i); INSERT INTO u SELECT i, i FROM generate_series(1, 9) AS n(i)")
    job = 'job j { why "Rows go." }\nsource db = postgres(env("SHOP_URL"))\nuse std.text\ndelete d of db.t where lower(s) in ("row3", "row4") { CASCADES }\n'
    place.write("job.bfl", job.replace("CASCADES", ""))
    said = place.call("run", "job.bfl", code=1, env=place.env).stderr
    expect("BFL0515" in said and "2 rows of `db.u`" in said and db.value("SELECT count(*) FROM u") == "9", said)
    place.write("job.bfl", job.replace("CASCADES", "cascades to db.u"))
    place.call("run", "job.bfl", env=place.env)
    expect((db.value("SELECT count(*) FROM t"), db.value("SELECT count(*) FROM u")) == ("7", "7"), "other rows are gone than those")


if __name__ == "__main__":
    main([readme_job, killed_on_the_direct_route, killed_on_the_sealed_route, two_at_once, killed_server_connection, a_view_is_no_target,
          triggers_are_refused, missing_rights_are_found_before_the_run, row_level_security_is_found_in_the_plan, passwords_are_never_printed,
          hostile_columns_and_values, undo, an_undo_puts_keys_back, an_undo_asks_for_many_rows_at_once, undo_against_constraints, children_are_found_where_rows_are_computed_elsewhere])
