#!/usr/bin/env python3
"""Independent steps at the same time: that they are, that they are no more than is said, and what becomes of the others when one fails,
is cancelled or is interrupted."""
import json
import os
import signal
import time

from harness import expect, main, wait_for
from postgres_harness import on_postgres, psql

JOB = """
job side { why "Each row of four tables gets its mark." }
source shop = postgres(env("SHOP_URL")SETTINGS)
update mark_a of shop.a where n == 0 chunk 10 { set n = 1 }
update mark_b of shop.b where n == 0 chunk 10 { set n = 1 }
update mark_c of shop.c { set n = n + 1 once chunk 10 }
update mark_d of shop.d where n == 0 and id in (id from shop.a where n == 1) chunk 10 { set n = 1 }
verify all_marked { assert count(shop.a where n == 1) == count(shop.a) and count(shop.d where n == 0) == 0 }
"""
TABLES = "abcd"


def each_row_takes(db, seconds):
    db.sql(f"CREATE OR REPLACE FUNCTION slow(id int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN true; END $$")


def tables(db, rows=200, sleep=0.002):
    each_row_takes(db, sleep)
    for name in TABLES:
        db.sql(f"CREATE TABLE {name} (id int PRIMARY KEY, n int NOT NULL); INSERT INTO {name} SELECT i, 0 FROM generate_series(1, {rows}) i; ANALYZE {name};"
               f"ALTER TABLE {name} ADD CHECK (slow(id)) NOT VALID")
    os.environ["SHOP_URL"] = db.url


def write(place, settings="", more=""):
    place.write("side.bfl", JOB.replace("SETTINGS", settings) + more)


def marked(db):
    return [int(db.value(f"SELECT sum(n) FROM {name}")) for name in TABLES]


def events(place, *words, code=0):
    return [json.loads(line) for line in place.call("run", "side.bfl", "--json", *words, code=code).stdout.splitlines()]


def most_under_way(all_events):
    """Of the steps that change rows."""
    under_way, most = set(), 0
    for event in all_events:
        if event["kind"] in ("step_started", "step_resumed") and event["step"].startswith("mark_"):
            under_way.add(event["step"])
        elif event["kind"] in ("step_finished", "step_failed"):
            under_way.discard(event["step"])
        most = max(most, len(under_way))
    return most


def order(all_events, kind):
    return [event["step"] for event in all_events if event["kind"] == kind and event["step"]]


@on_postgres
def as_many_as_is_said(place, db):
    tables(db, rows=100)
    for words, settings, most in (((), "", 1), (("--steps", "4"), "", 3), (("--steps", "2"), ", steps: 4", 2), ((), ", steps: 3", 3), (("--steps", "4"), ", workers: 2, at_once: 1", 3)):
        db.sql("DROP SCHEMA IF EXISTS bfl CASCADE;" + ";".join(f"UPDATE {name} SET n = 0" for name in TABLES))
        write(place, settings)
        seen = events(place, *words, "--state", f"{len(words)}{settings}.db".replace(" ", "").replace(":", ""))
        expect(most_under_way(seen) == most, f"{most_under_way(seen)} at a time, expected {most}: {words} {settings}")
        expect(marked(db) == [100] * 4, marked(db))
        told = [(event["kind"], event["step"]) for event in seen]
        expect(told.index(("step_finished", "mark_a")) < told.index(("step_started", "mark_d")) and
               told.index(("step_started", "all_marked")) > max(told.index(("step_finished", name)) for name in ("mark_a", "mark_d")), told)
        chunks = [event for event in seen if event["kind"] == "chunk_committed" and event["step"] == "mark_b"]
        expect([event["chunk"] for event in chunks] == list(range(1, len(chunks) + 1)), "chunks of a step are numbered in their order")
        place.call("audit", "verify", "side.bfl")
    expect("nothing to do" in place.call("run", "side.bfl", "--steps", "4").stdout, "the second run did something")


@on_postgres
def one_fails_the_others_go_on(place, db):
    tables(db)
    db.sql("ALTER TABLE b ADD CHECK (id <> 150 OR n = 0)")
    write(place, more="update after_b of shop.b where n == 1 chunk 10 { set n = 2 }\n")
    seen = events(place, "--steps", "4", code=1)
    expect(marked(db)[0] == marked(db)[2] == marked(db)[3] == 200, marked(db))
    expect(order(seen, "step_failed") == ["mark_b"] and order(seen, "step_blocked") == ["after_b"], seen[-3:])
    db.sql("ALTER TABLE b DROP CONSTRAINT b_id_check1") if "b_id_check1" in str(db.sql("SELECT conname FROM pg_constraint WHERE conrelid = 'b'::regclass")) else db.sql("ALTER TABLE b DROP CONSTRAINT b_check")
    place.call("run", "side.bfl", "--steps", "4")
    expect(marked(db) == [200, 400, 200, 200], marked(db))
    place.call("audit", "verify", "side.bfl")


def entered(db, kind):
    """Entries of an order in the ledger."""
    return int(db.value(f"SELECT count(*) FROM bfl.ledger WHERE entry LIKE '%given_by%' AND entry LIKE '%\"{kind}\"%'"))


def begun(place, db):
    """A run of which three steps have changed rows."""
    before = marked(db)
    run = place.start("run", "side.bfl", "--steps", "3")
    wait_for(lambda: run.poll() is not None or all(now > was for now, was in zip(marked(db)[:3], before)), "three steps that have begun")
    expect(run.poll() is None, "the run was over at once")
    return run


@on_postgres
def all_stop_and_go_on(place, db):
    tables(db, rows=500, sleep=0.04)  # a loaded machine may take seconds to start whatever is to stop it
    write(place)
    for how, code in (("interrupt", 130), ("at once", 130), ("cancel", 75), ("kill", -signal.SIGKILL)):
        run = begun(place, db)
        if how == "cancel":
            place.call("cancel", "side.bfl")
        elif how == "kill":
            run.kill()
        else:
            run.send_signal(signal.SIGINT)
            if how == "at once":
                run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
        expect(run.returncode == code, f"{how}: exit {run.returncode}\n{out}{err}")
        expect(all(0 < count < 500 for count in marked(db)[:3]), f"{how}: {marked(db)}")
        if how == "cancel":
            ended = [entry["step"] for entry in place.journal("side.bfl", "draining") if entry["reason"] == "another step has stopped the run"]
            expect(len(ended) == 2 and err.count("cancelled by") == 1, f"{ended}\n{out}{err}")
            expect(entered(db, "cancel") == 1, "the order is entered once")
    each_row_takes(db, 0)
    place.call("run", "side.bfl", "--steps", "3")
    expect(all(db.value(f"SELECT count(*) FROM {name} WHERE n <> 1") == "0" for name in TABLES), "each row once")
    place.call("audit", "verify", "side.bfl")


@on_postgres
def paused_and_resumed(place, db):
    tables(db, rows=200, sleep=0.1)
    write(place)
    run = begun(place, db)
    place.call("pause", "side.bfl")
    wait_for(lambda: len([entry for entry in place.journal("side.bfl", "held_back") if entry["step"] in ("mark_a", "mark_b", "mark_c")]) >= 3, "three steps that wait")
    before = marked(db)
    time.sleep(0.5)
    expect(run.poll() is None and before == marked(db) and sum(before) < 800, "all stand still")
    each_row_takes(db, 0)
    place.call("resume", "side.bfl")
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 0 and marked(db) == [200] * 4, f"exit {run.returncode}\n{out}{err}")
    expect(entered(db, "pause") == 2, "the order is entered once, and once that it was taken back")


@on_postgres
def a_pace_ordered_in_one_database_is_that_of_the_job(place, db):
    db.sql(f"CREATE DATABASE {db.name}_two")
    try:
        os.environ["SHOP_URL"], os.environ["TWO_URL"] = db.url, db.url + "_two"
        for url, name in ((db.url, "a"), (db.url + "_two", "b")):
            psql(url, f"CREATE TABLE {name} (id int PRIMARY KEY, n int NOT NULL); INSERT INTO {name} SELECT i, 0 FROM generate_series(1, 100) i")
        place.write("side.bfl", """
job side { why "Two databases." }
source shop = postgres(env("SHOP_URL"), steps: 2)
source two = postgres(env("TWO_URL"))
update mark_a of shop.a where n == 0 chunk 5 { set n = 1 }
update mark_b of two.b where n == 0 chunk 5 { set n = 1 }
""")
        place.call("setup", db.url + "_two")
        place.call("set", db.url + "_two", "pace", "100/s", "--job", "side")
        began = time.monotonic()
        expect(most_under_way(events(place)) == 2, "both at a time")
        seconds = time.monotonic() - began
        expect(seconds > 1.7, f"200 rows at 100 a second within {seconds} s")
    finally:
        db.sql(f"DROP DATABASE {db.name}_two WITH (FORCE)")


@on_postgres
def a_table_with_partitions_goes_alone(place, db):
    db.sql("""CREATE TABLE a (id int, day int, n int NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
        CREATE TABLE a_1 PARTITION OF a FOR VALUES FROM (0) TO (10); CREATE TABLE a_2 PARTITION OF a FOR VALUES FROM (10) TO (20);
        CREATE TABLE b (id int PRIMARY KEY, n int NOT NULL);
        INSERT INTO a SELECT i, i % 20, 0 FROM generate_series(1, 200) i; INSERT INTO b SELECT i, 0 FROM generate_series(1, 200) i""")
    os.environ["SHOP_URL"] = db.url
    place.write("side.bfl", """
job side { why "A table, one of its partitions, and another table." }
source shop = postgres(env("SHOP_URL"), steps: 3)
update mark_a of shop.a where n == 0 chunk 10 { set n = 1 }
update mark_one of shop.a_1 where n == 1 chunk 10 { set n = 2 }
update mark_b of shop.b where n == 0 chunk 10 { set n = 1 }
""")
    plan = place.call("plan", "side.bfl").stdout
    expect("up to 3 steps" in plan and plan.count("a has rows in other tables") == 1, plan)
    known = json.loads(place.call("plan", "side.bfl", "--format", "json").stdout)
    expect(known["steps_at_once"] == 3 and ["alone" in step for step in known["steps"]] == [True, False, False], known)
    seen = events(place)
    told = [(event["kind"], event["step"]) for event in seen]
    expect(told.index(("step_finished", "mark_a")) < told.index(("step_started", "mark_one")), told)
    expect(db.sql("SELECT sum(n), (SELECT sum(n) FROM a_1), (SELECT sum(n) FROM b) FROM a") == [("300", "200", "200")], "each row as in turn")


@on_postgres
def the_pace_is_that_of_the_job(place, db):
    tables(db, rows=300, sleep=0)
    place.write("side.bfl", JOB.replace("SETTINGS", "").replace('mark." }', 'mark." pace { rows <= 600/s } }'))
    began = time.monotonic()
    seen = events(place, "--steps", "4")
    seconds = time.monotonic() - began
    expect(most_under_way(seen) == 3 and marked(db) == [300] * 4, f"{most_under_way(seen)} at a time, {marked(db)}")
    expect(seconds > 1.8, f"1,200 rows at 600 a second within {seconds} s")


@on_postgres
def a_server_without_room_gets_fewer(place, db):
    tables(db)
    role = f"few_{db.name}"
    db.sql(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 2; GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}; GRANT CREATE ON DATABASE {db.name} TO {role}")
    try:
        os.environ["SHOP_URL"] = db.url.replace("//bfl@", f"//{role}@")
        write(place)
        seen = events(place, "--steps", "4")
        expect(marked(db) == [200] * 4, marked(db))
        said = [event["reason"] for event in seen if event["kind"] == "workers_changed"]
        expect(said and said[0].startswith("steps: 1 of 4") and "too many connections" in said[0], said)
    finally:
        os.environ["SHOP_URL"] = db.url
        db.sql(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


if __name__ == "__main__":
    main([as_many_as_is_said, one_fails_the_others_go_on, all_stop_and_go_on, paused_and_resumed, a_pace_ordered_in_one_database_is_that_of_the_job, a_table_with_partitions_goes_alone, the_pace_is_that_of_the_job, a_server_without_room_gets_fewer])
