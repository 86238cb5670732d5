#!/usr/bin/env python3
"""How many chunks are under way at a time: workers that rest where they are in the way, places that all runs share, a server without room."""
import os
import signal
import subprocess
import time

from harness import expect, main, wait_for
from postgres_harness import on_postgres

JOB = """
job NAME { why "Each row gets its mark." }
source shop = postgres(env("SHOP_URL"), SETTINGS)
update mark of shop.TABLE where n == 0 chunk 20 retry transient 20 times backoff 1ms..20ms { set n = 1 }
"""


def table(db, name="t", rows=2000, sleep=0.0, more=""):
    """Rows that take their time."""
    db.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, n int NOT NULL); INSERT INTO {name} SELECT i, 0 FROM generate_series(1, {rows}) i; ANALYZE {name};"
           f" CREATE FUNCTION slow_{name}(id int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN {more} PERFORM pg_sleep({sleep}); RETURN true; END $$;"
           f" ALTER TABLE {name} ADD CHECK (slow_{name}(id)) NOT VALID")


def write(place, settings, name="crew", of="t"):
    place.write(f"{name}.bfl", JOB.replace("NAME", name).replace("TABLE", of).replace("SETTINGS", settings))


def journal(place, kind, name="crew"):
    return place.journal(f"{name}.bfl", kind)


def marked(db, name="t"):
    return int(db.value(f"SELECT coalesce(sum(n), 0) FROM {name}"))


def at_work(db, *tables):
    of = ", ".join(f"'{name}'::regclass" for name in tables)
    return int(db.value(f"SELECT count(DISTINCT pid) FROM pg_locks WHERE relation IN ({of}) AND mode = 'RowExclusiveLock' AND granted"))


@on_postgres
def workers_rest_where_transactions_fail(place, db):
    # Those that are at work beside others fail as a deadlock does, for a while.
    db.sql("CREATE SEQUENCE fails")
    table(db, sleep=0.005, more="IF id % 20 = 0 AND nextval('fails') < 12 THEN RAISE 'deadlock detected' USING ERRCODE = '40P01'; END IF;")
    write(place, "workers: 4")
    place.call("run", "crew.bfl", env=place.env)
    expect(marked(db) == 2000, "all rows are changed, each once")
    said = [entry["reason"] for entry in journal(place, "workers_changed")]
    expect(said and said[0].startswith("2 at work: ") and "failed" in said[0], said)


@on_postgres
def workers_make_room_for_others(place, db):
    table(db, rows=4000, sleep=0.004)  # long enough for several looks
    os.environ.update(place.env)
    write(place, "workers: 4")
    run = place.start("run", "crew.bfl")
    others = [subprocess.Popen(["psql", "-X", "-q", "-d", db.url, "-c", f"DO $$ BEGIN FOR i IN 1..100000 LOOP PERFORM 1 FROM t WHERE id = 1 + (i * 7 + {k * 1000}) % 4000 FOR NO KEY UPDATE; COMMIT; PERFORM pg_sleep(0.002); END LOOP; END $$"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "PGAPPNAME": "other"}) for k in range(4)]
    try:
        end = time.monotonic() + 60
        while not journal(place, "workers_changed"):
            expect(time.monotonic() < end and run.poll() is None, "nobody rests")
            time.sleep(0.1)
    finally:
        db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'other'")
        for other in others:
            other.wait(timeout=30)
    out, err = run.communicate(timeout=120)
    expect(run.returncode == 0 and marked(db) == 4000, f"exit {run.returncode}\n{out}{err}")
    said = [entry["reason"] for entry in journal(place, "workers_changed")]
    expect(said[0].startswith("2 at work: ") and "waited for rows of theirs" in said[0], said)


@on_postgres
def places_are_shared_by_all_runs(place, db):
    for name in ("t", "o"):
        table(db, name, rows=600, sleep=0.003)
    os.environ.update(place.env)
    write(place, "workers: 3, at_once: 2", "one", "t")
    write(place, "workers: 3, at_once: 2", "two", "o")
    runs = [place.start("run", "one.bfl"), place.start("run", "two.bfl", "--state", "two.db")]
    seen = []
    while any(run.poll() is None for run in runs):
        seen.append(at_work(db, "t", "o"))
    for run in runs:
        out, err = run.communicate(timeout=60)
        expect(run.returncode == 0, f"exit {run.returncode}\n{out}{err}")
    expect(marked(db) == marked(db, "o") == 600, "all rows are changed")
    expect(max(seen) == 2, f"{max(seen)} chunks at a time")


@on_postgres
def who_waits_for_a_place_hears_orders(place, db):
    """Others have all places: an order, and a signal, end the wait within a second."""
    table(db)
    os.environ.update(place.env)
    other = subprocess.Popen(["psql", "-X", "-q", "-d", db.url], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        other.stdin.write("SELECT pg_advisory_lock(1650879600, 1), pg_advisory_lock(1650879600, 2);\n")
        other.stdin.flush()
        wait_for(lambda: db.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted") == "2", "the places")
        for workers, how, code in ((1, "cancel", 75), (1, "interrupt", 130), (3, "halt", 75)):
            write(place, f"workers: {workers}, at_once: 2")
            told = len(journal(place, "held_back"))
            run = place.start("run", "crew.bfl")
            wait_for(lambda: len(journal(place, "held_back")) > told or run.poll() is not None, "a run that waits")
            began = time.monotonic()
            if how == "interrupt":
                run.send_signal(signal.SIGINT)
            else:
                place.call(how, "crew.bfl")
            out, err = run.communicate(timeout=30)
            seconds = time.monotonic() - began
            expect(run.returncode == code and seconds < 2.5 and marked(db) == 0, f"{how}, {workers} workers: exit {run.returncode} after {seconds:.1f} s\n{out}{err}")
            if how == "halt":
                place.call("resume", "crew.bfl")
    finally:
        other.communicate("\\q\n", timeout=30)
    place.call("run", "crew.bfl")
    expect(marked(db) == 2000, "all rows are changed")


@on_postgres
def a_server_without_room_gets_fewer(place, db):
    table(db, rows=600)
    db.sql(f"DROP ROLE IF EXISTS few_{db.name}; CREATE ROLE few_{db.name} LOGIN CONNECTION LIMIT 3; GRANT ALL ON t TO few_{db.name}; GRANT CREATE ON DATABASE {db.name} TO few_{db.name}")
    write(place, "workers: 6")
    try:
        place.call("run", "crew.bfl", env={"SHOP_URL": db.url.replace("//bfl@", f"//few_{db.name}@")})
        expect(marked(db) == 600, "all rows are changed")
        said = [entry["reason"] for entry in journal(place, "workers_changed")]
        expect(said and said[0].startswith("2 of 6: ") and "too many connections" in said[0], said)
    finally:
        db.sql(f"DROP OWNED BY few_{db.name} CASCADE; DROP ROLE few_{db.name}")


if __name__ == "__main__":
    main([workers_rest_where_transactions_fail, workers_make_room_for_others, places_are_shared_by_all_runs, who_waits_for_a_place_hears_orders, a_server_without_room_gets_fewer])
