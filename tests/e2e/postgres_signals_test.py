#!/usr/bin/env python3
"""Each signal of a PostgreSQL server, on a server where it really is so: the run waits while it is, and goes on when it is over."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import pathlib

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "faults"))

from answering import Answering
from harness import SKIPPED, expect, main, wait_for
from postgres_harness import SERVER, Database, psql
from servers import servers, standby_of

JOB = """
job paced { why "Each row gets its mark." }
source shop = postgres(env("SHOP_URL"), workers: WORKERS)
update mark of shop.t where n == 0 chunk CHUNK pace { RULES } { set n = 1 }
"""
own = None  # the server of this file


def on_own_server(test):
    def run(place):
        if own is None:
            return SKIPPED
        db = Database("postgres", own.url)
        db.sql("DROP SCHEMA IF EXISTS bfl CASCADE; DROP TABLE IF EXISTS t, o; CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL); CREATE TABLE o (id int);"
               " INSERT INTO t SELECT i, 0 FROM generate_series(1, 2000) i; ANALYZE t")
        os.environ["SHOP_URL"] = own.url
        return test(place, db)

    run.__name__ = test.__name__
    return run


def answering(what):
    class Server(Answering):
        answered = staticmethod(what)
    return Server()


@contextlib.contextmanager
def session(statement, options=""):
    """Somebody else, until the end."""
    def there():
        return int(psql(own.url, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'other' AND state = 'active'")[0][0])
    before = there()
    other = subprocess.Popen(["psql", "-X", "-q", "-d", own.url, "-c", statement], env={**os.environ, "PGOPTIONS": options, "PGAPPNAME": "other"}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: there() > before, "the other session")
        yield other
    finally:
        psql(own.url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'other'")
        other.wait(timeout=30)


def held(place):
    return [entry["reason"] for entry in place.journal("paced.bfl", "held_back")]


def marked(db):
    return int(db.value("SELECT coalesce(sum(n), 0) FROM t"))


def holds(place, db, rule, until):
    """The run waits while it is so; `until` ends that."""
    place.write("paced.bfl", JOB.replace("RULES", "pause when " + rule).replace("WORKERS", "1").replace("CHUNK", "500"))
    run = place.start("run", "paced.bfl")
    wait_for(lambda: held(place), rule)
    expect(rule in held(place)[0] and "cannot be told" not in held(place)[0], held(place))
    expect(marked(db) == 0 and run.poll() is None, "nothing is changed meanwhile")
    until()
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 0 and marked(db) == 2000, f"exit {run.returncode}\n{out}{err}")


@on_own_server
def active_sessions(place, db):
    with contextlib.ExitStack() as others:
        for _ in range(3):
            others.enter_context(session("SELECT pg_sleep(300)"))
        holds(place, db, "active_sessions(shop) > 2", others.close)


@on_own_server
def lock_waits(place, db):
    with contextlib.ExitStack() as others:
        others.enter_context(session("BEGIN; LOCK TABLE o IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(300)"))
        wait_for(lambda: db.value("SELECT count(*) FROM pg_locks WHERE relation = 'o'::regclass AND granted") == "1", "the lock")
        others.enter_context(session("SELECT * FROM o"))
        holds(place, db, "lock_waits(shop) > 0", others.close)


@on_own_server
def oldest_transaction(place, db):
    with contextlib.ExitStack() as others:
        others.enter_context(session("BEGIN; SELECT pg_sleep(300)"))
        time.sleep(1.2)
        holds(place, db, "oldest_transaction(shop) > 1s", others.close)


@on_own_server
def a_vacuum_of_the_table(place, db):
    # Some 400 pages, one in a tenth of a second: it is not over before it is stopped.
    db.sql("ALTER TABLE t ADD filler text; ALTER TABLE t ALTER filler SET STORAGE PLAIN")
    db.sql("UPDATE t SET filler = repeat('x', 1500)")
    with contextlib.ExitStack() as others:
        others.enter_context(session("VACUUM t", "-c vacuum_cost_delay=100 -c vacuum_cost_limit=1"))
        wait_for(lambda: db.value("SELECT count(*) FROM pg_stat_progress_vacuum") == "1", "the vacuum")
        holds(place, db, "autovacuum(shop.t)", others.close)


@on_own_server
def archive_backlog(place, db):
    for _ in range(3):
        db.sql("INSERT INTO o VALUES (1)")
        db.sql("SELECT pg_switch_wal()")
    def archived():
        db.sql("ALTER SYSTEM SET archive_command = 'true'")
        db.sql("SELECT pg_reload_conf()")
    holds(place, db, "archive_backlog(shop) > 1", archived)


@on_own_server
def replica_lag(place, db):
    standby = standby_of(own, pathlib.Path(own.folder) / "standby")
    try:
        psql(standby.url, "ALTER SYSTEM SET wal_receiver_status_interval = '1s'")
        psql(standby.url, "SELECT pg_reload_conf()")
        psql(standby.url, "SELECT pg_wal_replay_pause()")
        db.sql("INSERT INTO o SELECT i FROM generate_series(1, 1000) i")
        wait_for(lambda: (db.sql("SELECT coalesce(extract(epoch FROM replay_lag), 0) > 1.5 FROM pg_stat_replication") or [("f",)])[0][0] == "t", "the lag")
        holds(place, db, "replica_lag(shop) > 1s", lambda: psql(standby.url, "SELECT pg_wal_replay_resume()"))
        # A replica that is gone: nobody knows how far it is behind.
        standby.stop("immediate")
        db.sql("UPDATE t SET n = 0")
        place.write("paced.bfl", (place.folder / "paced.bfl").read_text().replace("mark", "again"))
        run = place.start("run", "paced.bfl")
        wait_for(lambda: any("cannot be told" in reason for reason in held(place)), "the missing replica")
        expect(marked(db) == 0, "nothing is changed meanwhile")
        run.terminate()
        run.communicate(timeout=30)
    finally:
        standby.close()


@on_own_server
def who_waits_for_a_chunk(place, db):
    """Others that want rows of the run's chunks while those are under way: it makes room for them."""
    for workers in (1, 2):
        db.sql("UPDATE t SET n = 0; CREATE OR REPLACE FUNCTION slow(id int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN true; END $$;"
               " ALTER TABLE t DROP CONSTRAINT IF EXISTS slow; ALTER TABLE t ADD CONSTRAINT slow CHECK (slow(id)) NOT VALID")
        place.write("paced.bfl", JOB.replace("mark", f"mark{workers}").replace("RULES", "pause when blocked(shop) > 0").replace("WORKERS", str(workers)).replace("CHUNK", "200"))
        run = place.start("run", "paced.bfl")
        with session("DO $$ BEGIN FOR i IN 1..100000 LOOP PERFORM 1 FROM t WHERE id = 1 + i % 2000 FOR NO KEY UPDATE; COMMIT; PERFORM pg_sleep(0.001); END LOOP; END $$"):
            wait_for(lambda: any("blocked(shop) > 0" in reason and "it is 1" in reason for reason in held(place)) or run.poll() is not None, "the one who waits")
        out, err = run.communicate(timeout=120)
        expect(run.returncode == 0 and marked(db) == 2000, f"exit {run.returncode}\n{out}{err}")
        expect(any("blocked(shop) > 0" in reason for reason in held(place)), held(place))
        (place.folder / ".bfl/state.db").unlink()


@on_own_server
def a_signal_that_hangs_keeps_nobody_waiting(place, db):
    """An address that takes seconds is asked while no transaction is open: workers end what they have begun."""
    def slow(_):
        time.sleep(3.5)
        return 200, "0"
    with answering(slow) as server:
        db.sql("DELETE FROM t WHERE id > 900; CREATE OR REPLACE FUNCTION slow(id int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN true; END $$;"
               " ALTER TABLE t DROP CONSTRAINT IF EXISTS slow; ALTER TABLE t ADD CONSTRAINT slow CHECK (slow(id)) NOT VALID")
        place.write("paced.bfl", JOB.replace("RULES", f'pause when http("{server.url}") > 10').replace("WORKERS", "3").replace("CHUNK", "10"))
        run = place.start("run", "paced.bfl")
        longest = 0.0
        while run.poll() is None:
            longest = max(longest, float(db.value("SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity WHERE application_name LIKE 'bfl%'")))
            time.sleep(0.05)
        out, err = run.communicate(timeout=120)
        expect(run.returncode == 0 and marked(db) == 900 and longest < 1.5, f"exit {run.returncode}, a transaction of {longest} s\n{out}{err}")
        db.sql("ALTER TABLE t DROP CONSTRAINT slow")


@on_own_server
def a_role_that_sees_nobody_waits(place, db):
    db.sql("DROP ROLE IF EXISTS blind; CREATE ROLE blind LOGIN; GRANT ALL ON t TO blind; GRANT CREATE ON DATABASE postgres TO blind")
    os.environ["SHOP_URL"] = own.url.replace("bfl@", "blind@")
    for rule in ("active_sessions(shop) > 1000", "replica_lag(shop) > 24h", "archive_backlog(shop) > 1000"):
        place.write("paced.bfl", JOB.replace("RULES", "stop when " + rule).replace("WORKERS", "1").replace("CHUNK", "500"))
        with session("SELECT pg_sleep(300)"):
            done = place.call("run", "paced.bfl", code=75)
        expect("cannot be told" in done.stderr and marked(db) == 0, done.stderr)


@on_own_server
def the_servers_log_names_the_chunk(place, db):
    """By the session's name and by a comment, with the trace that diary, lineage and ledger have."""
    log = pathlib.Path(own.place, "log")
    for setting in ("log_line_prefix = '%m [%p] <%a> '", "log_min_duration_statement = 0"):
        db.sql("ALTER SYSTEM SET " + setting)
    db.sql("SELECT pg_reload_conf()")
    try:
        for workers, parent in ((1, ""), (2, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")):
            db.sql("DROP SCHEMA IF EXISTS bfl CASCADE; UPDATE t SET n = 0")
            place.write("paced.bfl", JOB.replace("RULES", "rows <= 1_000_000/s").replace("WORKERS", str(workers)).replace("CHUNK", "100"))
            begin = log.stat().st_size
            done = place.call("run", "paced.bfl", "--lineage", "lineage.jsonl", env={"TRACEPARENT": parent})
            expect(marked(db) == 2000, done.stdout + done.stderr)
            lines = log.read_text()[begin:].splitlines()
            run = json.loads(place.call("status", "paced.bfl", "--json").stdout)[0]["run"]
            entries = [json.loads(place_of) for place_of in place.call("log", run, "--json").stdout.splitlines()]
            trace = next(entry["reason"] for entry in entries if entry["kind"] == "run_started").removeprefix("trace ")
            expect(trace == parent[3:35] if parent else len(trace) == 32, trace)
            lineage = json.loads((place.folder / "lineage.jsonl").read_text().splitlines()[-1])["run"]
            expect(lineage["facets"]["bfl"]["trace"] == trace and (parent or lineage["runId"].replace("-", "") == trace), lineage)
            spans = {entry["reason"].removeprefix("span ") for entry in entries if entry["kind"] == "chunk_committed"}
            ledger = db.sql("SELECT CASE WHEN lane = 0 THEN '' ELSE lane || '.' END || (seq + 1), entry::jsonb ->> 'attempt' FROM bfl.ledger WHERE entry::jsonb ? 'attempt' AND entry::jsonb ->> 'attempt' <> ''")
            expect(len(ledger) >= 20 and spans == {attempt for _, attempt in ledger}, f"{spans}\n{ledger}")
            for chunk, attempt in ledger:
                words = f"/*chunk='{chunk}',job='paced',run='{run}',step='mark',traceparent='00-{trace}-{attempt}-01'*/"
                of = [line for line in lines if words in line]
                expect(any("UPDATE" in line.upper() for line in of) and any("BEGIN" in line for line in of) and any("COMMIT" in line for line in of), f"{words}\n" + "\n".join(lines[:40]))
                expect(any(f"<bfl {run} paced/mark {chunk}>" in line for line in of), of)
    finally:
        for setting in ("log_line_prefix", "log_min_duration_statement"):
            db.sql("ALTER SYSTEM RESET " + setting)
        db.sql("SELECT pg_reload_conf()")


if __name__ == "__main__":
    tests = [the_servers_log_names_the_chunk, active_sessions, lock_waits, oldest_transaction, a_vacuum_of_the_table, archive_backlog, replica_lag, who_waits_for_a_chunk, a_signal_that_hangs_keeps_nobody_waiting, a_role_that_sees_nobody_waits]
    if not (SERVER / "url").exists():
        main(tests)
    with tempfile.TemporaryDirectory(prefix="bfl-signals-") as folder, servers(1, pathlib.Path(folder)) as (own,):
        for setting in ("archive_mode = on", "archive_command = 'false'"):
            psql(own.url, "ALTER SYSTEM SET " + setting)
        own.stop("fast")
        own.start()
        main(tests)
