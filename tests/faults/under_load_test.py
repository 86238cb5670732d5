#!/usr/bin/env python3
"""Killed and cut off again and again while others write the same rows of the same table, faster than the run does, also two rows at a
time against its order: what they wrote is all there, and each row is changed exactly once. `under_load_test.py BFL BFL_FAULTS`."""
import collections
import contextlib
import json
import os
import random
import signal
import sqlite3
import threading
import time

import libpq
from checker import Wrong, hold
from databases import ROWS, database, engines, folder
from jobs import Job
from reporting import main, say
from trial import Trial, binaries

SEED = int(os.environ.get("BFL_SEED") or random.SystemRandom().randrange(1 << 30))
KILLS = 12
WANTED = [
    Job("direct", "update bump of db.t where n < 1000 chunk 1 retry transient 20 times backoff 1ms..50ms { set n = n + 1000 }"),
    Job("once", "update bump of db.t { set n = n + 1000 once chunk 1 retry transient 20 times backoff 1ms..50ms }"),
    Job("beside", "update bump of db.t where n < 1000 chunk 2 retry transient 20 times backoff 1ms..50ms { set n = n + 1000 }", engines=("postgres",), workers=3),
    Job("deadlocks", "update bump of db.t where n < 1000 chunk 6 retry transient 50 times backoff 1ms..20ms { set n = n + 1000 }", engines=("postgres",)),
]


class Others:
    """Two who write without a pause: each adds a mark of its own to the text of a row, and keeps count of those that were committed.
    `backwards`: of two rows in one transaction, the later one first."""

    def __init__(self, db, backwards=False):
        self.backwards = backwards
        self.db, self.over, self.threads, self.problems = db, False, [], []
        self.written = collections.Counter()
        self.lock = threading.Lock()

    def work(self, mark, chance):
        try:
            with contextlib.closing(self.connected()) as write:
                while not self.over:
                    keys = sorted(chance.sample(range(1, ROWS + 1), 2 if self.backwards else 1), reverse=True)
                    changes = ";".join(f"UPDATE t SET s = s || '{mark}' WHERE id = {key}" for key in keys)  # one transaction
                    if write(changes):
                        with self.lock:
                            self.written.update((key, mark) for key in keys)
                    time.sleep(0.001)
        except Exception as problem:  # said by whoever ends it
            self.problems.append(problem)

    def connected(self):
        if self.db.engine == "sqlite":
            session = sqlite3.connect(self.db.path, timeout=60, isolation_level=None)
            run = session.execute
        else:
            session = libpq.Session(self.db.url)
            run = session.sql

        def write(text):
            try:
                run(text)
                return True
            except Exception as problem:  # one that did not come through changed nothing
                if "lock" not in str(problem) and "serialize" not in str(problem):
                    raise
                return False
        write.close = session.close
        return write

    def __enter__(self):
        for number, mark in enumerate("+-"):
            thread = threading.Thread(target=self.work, args=(mark, random.Random(SEED + number)), daemon=True)
            self.threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        for thread in self.threads:
            thread.join(60)
        if self.problems:
            raise Wrong(f"a writer failed: {self.problems}")


def check(db, trial, written):
    rows = db.sql("SELECT id, n, s FROM t ORDER BY id")
    hold(len(rows) == ROWS, f"{len(rows)} rows")
    for key, n, text in rows:
        key, n = int(key), int(n)
        hold(n == 3 * key + 1000, f"row {key}: n is {n}, expected {3 * key + 1000}")
        for mark in "+-":
            hold(text.count(mark) == written[key, mark], f"row {key}: {text.count(mark)} of `{mark}`, {written[key, mark]} were committed")
    trial.ask("audit", "verify", "job.bfl")
    for key in range(1, ROWS + 1, 8):
        told = json.loads(trial.ask("audit", "row", "db.t", str(key), "--source", f"db={db.url}", "--json"))["changes"]
        hold(len(told) == 1, f"the ledger has {len(told)} changes of row {key}")
    hold(db.sql(f"SELECT CAST(sum(changed) AS bigint) FROM {'bfl.step' if db.engine == 'postgres' else 'bfl_step'}") == [(ROWS,)], "the ledger has another number of changes")


def killed(engine, job, chance):
    bfl, _ = binaries()
    kills = 0
    with folder() as place, database(engine, place) as db:
        if job.name == "deadlocks":
            db.session.sql(f"ALTER DATABASE {db.name} SET deadlock_timeout = '5ms'")
        trial = Trial(bfl, db, place, job)
        with Others(db, backwards=job.name == "deadlocks") as others:
            while sum(others.written.values()) < 20 and not others.problems:
                time.sleep(0.01)
            while kills < KILLS:
                process = trial.start()
                time.sleep(chance.uniform(0.01, 0.1))
                if engine == "postgres" and chance.random() < 0.5:
                    db.session.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bfl%'")
                    time.sleep(chance.uniform(0.01, 0.2))
                process.send_signal(signal.SIGKILL)
                code = trial.ended(process, "killed")
                hold(code in (0, 75, -signal.SIGKILL), f"exit {code}: {trial.said}")
                kills += 1
                if code == 0:
                    break
            for _ in range(20):
                code = trial.run(what="to its end")
                if code != 75:
                    break
            hold(code == 0, f"exit {code}: {trial.said}")
        db.settle()
        check(db, trial, others.written)
        hold(trial.run(what="again") == 0, trial.said)
        check(db, trial, others.written)
    return kills


def test_of(job):
    def test():
        for engine in engines():
            if engine not in job.engines:
                continue
            try:
                say(f"{engine}: {killed(engine, job, random.Random(SEED))} kills, seed {SEED}")
            except Wrong as wrong:
                raise Wrong(f"seed {SEED}, {engine}: {wrong}") from wrong
    test.__name__ = job.name
    return test


if __name__ == "__main__":
    main([test_of(job) for job in WANTED])
