#!/usr/bin/env python3
"""`bfl setup`: bfl's tables made beforehand; a role that may create nothing runs jobs in them. `run --evict` and `state rebuild`."""
import os
import shutil
import sqlite3
import subprocess
import uuid

from both_engines import POSTGRES, SQLITE, OnSqlite, call, on_both, sound, told
from harness import expect, main
from postgres_harness import on_postgres, psql

JOB = """
job fix_totals {{ why "Tax was left out." }}
source shop = {source}
update fix of shop.orders where total != subtotal + tax {{ set total = subtotal + tax chunk 10 }}
update raise of shop.orders where id <= 50 {{ set line_count = line_count + 1 once chunk 10 }}
{more}"""


def made_beforehand(place, shop):
    said = call(place, "setup", shop.address).stdout
    expect("were made, format " in said, said)
    expect("are there already" in call(place, "setup", shop.address).stdout, "twice")
    place.write("job.bfl", JOB.format(source=shop.source, more=""))
    call(place, "run", "job.bfl")
    sound(place)
    (made,) = told(place, "setup", "job.bfl", "--print")
    expect(made["engine"] == shop.engine and len(made["statements"]) > 8 and bool(made["grants"]) == (shop.engine == "postgres"), f"{made}")


def sqlite_by_hand(place):
    OnSqlite(place, 50)
    script = place.call("setup", "sqlite:none.db", "--print").stdout
    db = sqlite3.connect(place.folder / "shop.db")
    db.executescript(script)
    db.close()
    place.write("job.bfl", JOB.format(source=SQLITE, more=""))
    call(place, "run", "job.bfl")
    sound(place)


@on_postgres
def a_role_without_create(place, db):
    db.shop(200)
    role = "r_" + uuid.uuid4().hex[:12]
    psql(db.server, f"CREATE ROLE {role} LOGIN PASSWORD 'secret'")
    try:
        db.sql(f"REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; GRANT UPDATE ON orders TO {role}")
        host = db.url.split("@")[-1] if "@" in db.url else db.url.split("://")[1]
        place.env["SHOP_URL"] = f"postgres://{role}:secret@{host}"
        place.write("job.bfl", JOB.format(source=POSTGRES, more=""))
        refused = call(place, "run", "job.bfl", code=5).stderr
        expect("permission" in refused and "secret" not in refused, refused)
        refused = call(place, "setup", "job.bfl", code=5).stderr
        expect("bfl setup job.bfl --print" in refused, refused)
        script = call(place, "setup", "job.bfl", "--print", "--role", role).stdout
        db.sql(script)
        expect("are there already" in call(place, "setup", "job.bfl").stdout, "the role sees them")
        db.sql("UPDATE orders SET total = 0 WHERE id <= 40")
        call(place, "run", "job.bfl", "--limit-chunks", "2", code=75)
        call(place, "run", "job.bfl")
        expect(db.value("SELECT count(*) FROM orders WHERE total = 0") == "0", "the run")
        sound(place)
        call(place, "undo", "job.bfl")
        call(place, "pause", "job.bfl")
        call(place, "resume", "job.bfl")
        call(place, "run", "job.bfl")
        call(place, "registry", "job.bfl")
        sound(place)
        said = call(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w", code=5).stderr
        expect("permission denied" in said, said)
        # Relations that are kept need one grant more, which the script has.
        place.write("job.bfl", JOB.format(source=POSTGRES, more='snapshot big = shop.orders where id <= 3 keep { id }\nupdate noted of shop.orders where id in (id from big) { set note = "big" }\n'))
        call(place, "run", "job.bfl")
    finally:
        db.sql(f"DROP OWNED BY {role}")
        psql(db.server, f"DROP ROLE {role}")


@on_postgres
def a_session_in_the_way_is_ended(place, db):
    """A session that the server has kept holds the lane of a run that is gone."""
    db.shop(200)
    place.write("job.bfl", JOB.format(source=POSTGRES, more=""))
    db.sql("UPDATE orders SET total = 0")
    call(place, "run", "job.bfl", "--limit-chunks", "2", code=75)
    with subprocess.Popen(["psql", "-X", "-q", "-At", "-d", db.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as session:
        session.stdin.write("BEGIN;\nUPDATE bfl.lane SET seq = seq;\nSELECT 'locked';\n")
        session.stdin.flush()
        expect(session.stdout.readline().strip() == "locked", "the lane is locked")
        done = call(place, "run", "job.bfl", "--evict")
        session.stdin.close()
    expect("kept the job's rows, and was ended" in done.stderr, done.stderr)
    expect(db.value("SELECT count(*) FROM orders WHERE total = 0") == "0" and db.value("SELECT count(*) FROM bfl.ledger WHERE entry LIKE '%\"kind\":\"evict\"%'") == "1", "each row once")
    sound(place)


@on_postgres
def a_session_at_work_is_not_ended(place, db):
    """A run on another host that is one transaction cannot renew its lease, and works on."""
    db.shop(200)
    place.write("job.bfl", JOB.format(source=POSTGRES, more=""))
    db.sql("UPDATE orders SET total = 0")
    call(place, "run", "job.bfl", "--limit-chunks", "2", code=75)
    db.sql("UPDATE bfl.job SET holder = 'another', host = 'elsewhere', pid = 1, pid_start = 1, lease_end = 0")
    with subprocess.Popen(["psql", "-X", "-q", "-At", "-d", db.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as session:
        session.stdin.write("BEGIN;\nUPDATE bfl.lane SET seq = seq;\nSELECT 'locked';\nSELECT 1 FROM pg_sleep(90);\n")
        session.stdin.flush()
        expect(session.stdout.readline().strip() == "locked", "the lane is locked")
        said = call(place, "run", "job.bfl", "--evict", code=75).stderr
        expect(session.poll() is None and db.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(90)%' AND state = 'active' AND pid <> pg_backend_pid()") == "1", "the session lives")
        db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(90)%' AND pid <> pg_backend_pid()")
        session.stdin.close()
    expect("was ended" not in said, said)


def sqlite_says_who_writes(place):
    OnSqlite(place, 50)
    place.write("job.bfl", JOB.format(source=SQLITE, more=""))
    call(place, "setup", "job.bfl")
    other = sqlite3.connect(place.folder / "shop.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    said = call(place, "run", "job.bfl", "--evict", code=75).stderr
    other.execute("ROLLBACK")
    expect(f"process {os.getpid()} (python3" in said, said)


def state_is_shown_and_rebuilt(place):
    shop = OnSqlite(place)
    place.write("job.bfl", JOB.format(source=SQLITE, more=""))
    shop.sql("UPDATE orders SET total = 0 WHERE id <= 40")
    counts = shop.value("SELECT sum(line_count) FROM orders")
    call(place, "run", "job.bfl", "--limit-chunks", "2", code=75)
    place.sql(f"VACUUM INTO '{place.folder / 'older.db'}'")
    call(place, "run", "job.bfl", "--limit-chunks", "1", code=75)
    shown = told(place, "state", "show")
    expect(shown["runs"] == 2 and shown["sound"] and shown["targets"][0]["steps"] == [{"row": 2, "chunks": 3}], f"{shown}")
    expect("3 chunks of the step" in call(place, "state", "show", "job.bfl").stdout, "the text")
    expect("nothing to rebuild" in call(place, "state", "rebuild", "job.bfl", "--from", "shop", "--lost", "redo").stdout, "nothing is lost")

    for left in ("shop.db-wal", "shop.db-shm"):
        (place.folder / left).unlink(missing_ok=True)
    shutil.copy(place.folder / "older.db", place.folder / "shop.db")
    said = call(place, "run", "job.bfl", code=4).stderr
    expect("is older than the local state" in said and "--lost redo" in said, said)
    done = call(place, "state", "rebuild", "job.bfl", "--from", "shop", "--lost", "redo").stdout
    expect("3 chunks of `fix` were seen, and it shows 2" in done or "revision" in done, done)
    call(place, "run", "job.bfl")
    expect(shop.value("SELECT count(*) FROM orders WHERE total = 0") == 0 and shop.value("SELECT sum(line_count) FROM orders") == counts + 50, "each row once")
    sound(place)
    expect("lost redo" in call(place, "log", "job.bfl").stdout and '"kind":"rebuild"' in "".join(row[0] for row in shop.sql("SELECT entry FROM bfl_ledger")), "recorded")


def what_only_the_ledger_lost(place):
    shop = OnSqlite(place)
    place.write("job.bfl", JOB.format(source=SQLITE, more="").replace("update fix", "update raise_first").replace("where total != subtotal + tax", "where id <= 40").replace("set total = subtotal + tax", "set line_count = line_count + 1 once"))
    counts = shop.value("SELECT sum(line_count) FROM orders")
    call(place, "run", "job.bfl", "--limit-chunks", "2", code=75)
    shop.keep_own_tables()
    call(place, "run", "job.bfl", "--limit-chunks", "1", code=75)
    # Rows are kept, bfl's tables are as they were.
    shop.put_back_own_tables()
    call(place, "run", "job.bfl", code=4)
    done = call(place, "state", "rebuild", "job.bfl", "--from", "shop", "--lost", "keep").stdout
    expect("taken as done" in done, done)
    call(place, "run", "job.bfl")
    expect(shop.value("SELECT sum(line_count) FROM orders") == counts + 40 + 50, "each row once")
    target = sound(place)
    expect(target["images"] == 80, f"{target}")


main([*on_both(made_beforehand), sqlite_by_hand, a_role_without_create, a_session_in_the_way_is_ended, a_session_at_work_is_not_ended, sqlite_says_who_writes, state_is_shown_and_rebuilt, what_only_the_ledger_lost])
