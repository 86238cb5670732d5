#!/usr/bin/env python3
"""A run on a busy server: what is tried again, when that is given up, and what is said of it."""
import json
import os
import signal
import time

from harness import expect, main, wait_for
from postgres_harness import on_postgres

# A constraint that fails as a deadlock does, for so many times.
FAILS = """
CREATE SEQUENCE fails;
CREATE FUNCTION busy(id int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  IF WHEN THEN RAISE 'deadlock detected' USING ERRCODE = '40P01'; END IF;
  RETURN true;
END $$;
CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO t SELECT i, 0 FROM generate_series(1, 100) i;
ALTER TABLE t ADD CHECK (busy(id)) NOT VALID;
"""
JOB = """
job slow { why "Each row gets its mark." }
source shop = postgres(env("SHOP_URL"))
update mark of shop.t where n == 0 chunk 10 RETRY { set n = 1 }
"""


def journal(place, kind):
    return place.journal("slow.bfl", kind)


@on_postgres
def what_fails_for_a_while_is_tried_again(place, db):
    db.sql(FAILS.replace("WHEN", "id = 15 AND nextval('fails') <= 3"))
    place.write("slow.bfl", JOB.replace("RETRY", "retry transient 3 times backoff 1ms..5ms"))
    place.call("run", "slow.bfl", env=place.env)
    expect(db.value("SELECT sum(n) FROM t") == "100", "all rows are changed, each once")
    retried = journal(place, "chunk_retried")
    expect(len(retried) == 3 and all("deadlock detected" in entry["reason"] for entry in retried), retried)


@on_postgres
def spent_repetitions_pause_the_run(place, db):
    db.sql(FAILS.replace("WHEN", "id = 15 AND nextval('fails') <= 3"))
    place.write("slow.bfl", JOB.replace("RETRY", "retry transient 1 times backoff 1ms..5ms"))
    done = place.call("run", "slow.bfl", env=place.env, code=75)
    expect("step `mark` is paused: " in done.stderr and "deadlock detected; tried 2 times" in done.stderr, done.stderr)
    expect("chunk 1 is committed, chunk 2 was rolled back" in done.stderr, done.stderr)
    place.call("run", "slow.bfl", env=place.env)
    expect(db.value("SELECT sum(n) FROM t") == "100", "the next run goes on")


@on_postgres
def many_failures_open_the_breaker(place, db):
    db.sql(FAILS.replace("WHEN", "nextval('fails') % 11 <> 10"))
    place.write("slow.bfl", JOB.replace("RETRY", "retry transient 100 times backoff 1ms..2ms"))
    done = place.call("run", "slow.bfl", env=place.env, code=75)
    expect("of the last" in done.stderr and "transactions failed" in done.stderr, done.stderr)


@on_postgres
def the_wait_can_be_ended(place, db):
    db.sql(FAILS.replace("WHEN", "id = 15"))
    place.write("slow.bfl", JOB.replace("RETRY", "retry transient 9 times backoff 20m..20m"))
    os.environ.update(place.env)
    run = place.start("run", "slow.bfl")
    end = time.monotonic() + 60
    while not (run.poll() is None and (place.folder / ".bfl/state.db").exists() and journal(place, "chunk_retried")):
        expect(time.monotonic() < end and run.poll() is None, "the run waits")
        time.sleep(0.05)
    asked = time.monotonic()
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    expect(run.returncode == 130, f"exit {run.returncode}\n{out}{err}")
    expect(time.monotonic() - asked < 10, "at once")


PACED = """
job slow { why "Each row gets its mark." }
source shop = postgres(env("SHOP_URL"), workers: WORKERS)
update mark of shop.t where n == 0 chunk 10 pace { RULES } { set n = 1 }
"""


def table(db, rows=100):
    db.sql(f"CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL); INSERT INTO t SELECT i, 0 FROM generate_series(1, {rows}) i; ANALYZE t")


def marked(db):
    return int(db.value("SELECT coalesce(sum(n), 0) FROM t"))


def begun(place, db, rows, workers, rules):
    """A run whose first chunk is there."""
    table(db, rows)
    os.environ.update(place.env)
    place.write("slow.bfl", PACED.replace("WORKERS", str(workers)).replace("RULES", rules))
    run = place.start("run", "slow.bfl")
    wait_for(lambda: marked(db) > 0, "the first chunk")
    return run


def paused_and_resumed(place, db, workers):
    run = begun(place, db, 2000, workers, "rows <= 100/s")
    # From another host: by the address alone.
    said = place.call("pause", db.url, "--job", "slow", "--why", "backup").stdout
    expect("waits after the chunk in flight" in said, said)
    wait_for(lambda: journal(place, "held_back"), "the pause")
    time.sleep(0.5)
    before = marked(db)
    time.sleep(1.5)
    expect(marked(db) == before < 2000 and run.poll() is None, "a paused run changes nothing and lives")
    expect("backup" in journal(place, "held_back")[0]["reason"], "the reason is told")
    place.call("resume", "slow.bfl", "--source", "shop=" + db.url)
    wait_for(lambda: marked(db) > before, "the next chunk")
    said = place.call("cancel", "slow.bfl", "--why", "enough").stdout
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 75 and "cancelled by" in err and "enough" in err, f"exit {run.returncode}\n{said}{out}{err}")
    kinds = db.sql("SELECT kind, lifted_by <> '' FROM bfl.control ORDER BY id")
    expect(kinds == [("pause", "t"), ("cancel", "t")], kinds)
    heard = [(entry["order"], bool(entry["given_by"]), bool(entry.get("taken_back_by"))) for entry in entered(db)]
    expect(heard == [("pause", True, False), ("pause", True, True), ("cancel", True, False)], heard)
    place.write("slow.bfl", PACED.replace("WORKERS", str(workers)).replace("RULES", "rows <= 1_000_000/s"))
    place.call("run", "slow.bfl")
    expect(marked(db) == 2000, "the next run goes on")


def entered(db):
    entries = [json.loads(row[0]) for row in db.sql("SELECT entry FROM bfl.ledger ORDER BY id")]
    return [entry for entry in entries if entry["kind"] == "order"]


@on_postgres
def the_pace_is_set_from_elsewhere(place, db):
    run = begun(place, db, 2000, 3, "rows <= 50/s")
    # As an older bfl has made the table.
    db.sql("ALTER TABLE bfl.control DROP CONSTRAINT control_kind_check; ALTER TABLE bfl.control ADD CONSTRAINT control_kind_check CHECK (kind IN ('pause', 'cancel', 'halt'))")
    place.call("set", db.url, "pace", "none", "--why", "all is quiet")
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 0 and marked(db) == 2000, f"exit {run.returncode}\n{out}{err}")
    heard = entered(db)
    expect([entry["order"] for entry in heard] == ["pace"] and heard[0]["of_every_job"] == "true" and heard[0]["reason"] == "none: all is quiet", heard)
    place.call("audit", "verify", "slow.bfl")


@on_postgres
def a_run_is_controlled_from_elsewhere(place, db):
    paused_and_resumed(place, db, 1)


@on_postgres
def workers_wait_together(place, db):
    paused_and_resumed(place, db, 2)


@on_postgres
def a_row_by_hand_halts_the_database(place, db):
    table(db)
    place.write("slow.bfl", PACED.replace("WORKERS", "1").replace("RULES", "rows <= 1_000_000/s"))
    place.call("run", "slow.bfl", "--limit-chunks", "1", code=75, env=place.env)
    db.sql("INSERT INTO bfl.control (job, kind) VALUES ('', 'halt')")
    done = place.call("run", "slow.bfl", code=75, env=place.env)
    expect("BFL0520" in done.stderr and "as every job of the database" in done.stderr and marked(db) == 10, done.stderr)
    place.call("resume", db.url)
    place.call("run", "slow.bfl", env=place.env)
    expect(marked(db) == 100, "the next run goes on")


@on_postgres
def a_signal_holds_the_run_back(place, db):
    table(db)
    db.sql("CREATE TABLE load (n int); INSERT INTO load VALUES (20)")
    os.environ.update(place.env)
    place.write("slow.bfl", PACED.replace("WORKERS", "1").replace("RULES", 'pause when query(shop, "SELECT n FROM load") > 10'))
    run = place.start("run", "slow.bfl")
    wait_for(lambda: journal(place, "held_back"), "the signal")
    expect(marked(db) == 0 and "it is 20" in journal(place, "held_back")[0]["reason"], "nothing is changed meanwhile")
    last = json.loads(place.call("status", "slow.bfl", "--json").stdout)[0]
    step = json.loads(place.call("status", last["run"], "--json").stdout)["steps"][0]
    expect(step["state"] == "held back" and "it is 20" in step["why"], step)
    # No value at all is a reason to wait as well.
    db.sql("DELETE FROM load")
    time.sleep(1.5)
    expect(marked(db) == 0 and run.poll() is None, "a missing signal holds back")
    expect(any("cannot be told: no value" in entry["reason"] for entry in journal(place, "held_back")), "and says so")
    db.sql("INSERT INTO load VALUES (3)")
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 0 and marked(db) == 100, f"exit {run.returncode}\n{out}{err}")


@on_postgres
def a_signal_that_takes_too_long_is_none(place, db):
    table(db)
    os.environ.update(place.env)
    place.write("slow.bfl", PACED.replace("WORKERS", "1").replace("RULES", 'pause when query(shop, "SELECT 1 FROM pg_sleep(60)") > 0'))
    run = place.start("run", "slow.bfl")
    wait_for(lambda: journal(place, "held_back"), "the limit")
    expect("statement timeout" in journal(place, "held_back")[0]["reason"], journal(place, "held_back"))
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    expect(run.returncode == 130 and marked(db) == 0, f"exit {run.returncode}\n{out}{err}")


@on_postgres
def sessions_bear_the_name_of_the_step(place, db):
    run = begun(place, db, 500, 2, "rows <= 200/s")
    names = db.sql("SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bfl%'")
    out, err = run.communicate(timeout=60)
    id = json.loads(place.call("status", "slow.bfl", "--json").stdout)[0]["run"]
    expect(run.returncode == 0 and sum(name.startswith(f"bfl {id} slow/mark") for (name,) in names) >= 3, f"{names}\n{out}{err}")


@on_postgres
def signals_of_the_server(place, db):
    table(db)
    rules = ("pause when active_sessions(shop) > 10_000 pause when lock_waits(shop) > 10_000 pause when oldest_transaction(shop) > 24h "
             "pause when archive_backlog(shop) > 1_000_000 pause when autovacuum(shop.t)")
    place.write("slow.bfl", PACED.replace("WORKERS", "1").replace("RULES", rules))
    place.call("run", "slow.bfl", env=place.env)
    expect(marked(db) == 100, "none of them holds")
    # There is no replica: nobody knows how far it is behind.
    db.sql("UPDATE t SET n = 0")
    place.write("slow.bfl", PACED.replace("WORKERS", "1").replace("RULES", "pause when replica_lag(shop) > 5s").replace("update mark", "update again"))
    os.environ.update(place.env)
    run = place.start("run", "slow.bfl")
    wait_for(lambda: any("replica_lag" in entry["reason"] for entry in journal(place, "held_back")), "the missing replica")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=30)
    expect(run.returncode == 130 and marked(db) == 0, f"exit {run.returncode}\n{out}{err}")


if __name__ == "__main__":
    main([a_run_is_controlled_from_elsewhere, the_pace_is_set_from_elsewhere, workers_wait_together, a_row_by_hand_halts_the_database, a_signal_holds_the_run_back, signals_of_the_server, a_signal_that_takes_too_long_is_none, sessions_bear_the_name_of_the_step,
          what_fails_for_a_while_is_tried_again, spent_repetitions_pause_the_run, many_failures_open_the_breaker, the_wait_can_be_ended])
