#!/usr/bin/env python3
"""Somebody else changes rows between the moment when a step's rows were sealed and the moment when they are changed, for every
kind of step: what they did stays, is listed as a conflict or left out with a reason, and all other rows are changed.
`outsiders_test.py BFL BFL_FAULTS`."""
import json
import os

from checker import Wrong, check_now, hold, without_given_ids
from databases import SEED, database, engines, folder
from jobs import JOBS, Job
from reporting import main, say
from trial import Trial, binaries

JOB = {job.name: job for job in JOBS}
CONFLICTS = 3


class Case:
    """`outside`: what they do. `final`: rows of tables by key that differ from what the job alone would leave; None: gone.
    `conflicts`: how many rows are listed so."""

    def __init__(self, job, point, outside, conflicts, **final):
        self.job, self.point, self.outside, self.conflicts, self.final = job, point, outside, conflicts, final
        self.code = CONFLICTS if conflicts else 0

    def right(self):
        tables = {}
        for name, rows in self.job.final.items():
            by_key = {row[0]: row for row in rows}
            for key, row in self.final.get(name, {}).items():
                by_key.pop(key, None)
                if row is not None:
                    by_key[key] = row
            tables[name] = sorted(by_key.values())
        return tables


CASES = {
    # The image of the whole row decides: what was changed in another column is no less theirs.
    "update": Case(JOB["exact"], "after_seal:1",
                   "UPDATE t SET n = 5 WHERE id = 3;DELETE FROM t WHERE id = 7;INSERT INTO t VALUES (100, 1, 'new')", 2,
                   t={3: (3, 5, "row 3"), 7: None, 100: (100, 1, "new")}),
    # `once` computes from the row as it is; one that is gone is a conflict.
    "once": Case(JOB["sealed"], "after_seal:1",
                 "UPDATE t SET n = 500 WHERE id = 3;DELETE FROM t WHERE id = 7;INSERT INTO t VALUES (100, 1, 'new')", 1,
                 t={3: (3, 501, "row 3"), 7: None, 100: (100, 1, "new")}),
    "atomic": Case(JOB["atomic_sealed"], "after_seal:1", "DELETE FROM t WHERE id = 7", 1, t={7: None}),
    "staged": Case(JOB["staged"], "after_seal:1", "UPDATE t SET s = 'theirs' WHERE id = 3;DELETE FROM t WHERE id = 7", 2,
                   t={3: (3, 9, "theirs"), 7: None}),
    # A key that came up meanwhile is left as it is, with its reason.
    "insert": Case(JOB["insert_and_use"], "after_seal:1", "INSERT INTO v VALUES (900, 25, -1)", 0,
                   v={len(SEED["v"]) + 25 - 20: (900, 25, -1)}, t={25: (25, 75, "row 25")}),
    "upsert": Case(JOB["upsert"], "after_seal:1",
                   "UPDATE v SET n = 70 WHERE k = 103;DELETE FROM v WHERE k = 104;INSERT INTO v VALUES (900, 140, -1)", 3),
    "delete": Case(JOB["delete"], "after_seal:1", "UPDATE t SET s = 'theirs' WHERE id = 3;DELETE FROM t WHERE id = 9", 2,
                   t={3: (3, 9, "theirs")}),
    # A parent whose child is not as it was, or is new, cannot go: both stay.
    "delete_child_changed": Case(JOB["delete"], "after_seal:1", "UPDATE u SET m = 1 WHERE id = 6", 2,
                                 t={6: (6, 18, "row 6")}, u={6: (6, 6, 1)}),
    "delete_child_added": Case(JOB["delete"], "after_seal:1", "INSERT INTO u VALUES (900, 9, 1)", 1,
                               t={9: (9, 27, "row 9")}, u={900: (900, 9, 1)}),
    # What was kept stays as it was kept.
    "snapshot": Case(JOB["snapshot"], "after_keep:1", "UPDATE t SET n = 1 WHERE id = 20", 0, t={20: (20, 61, "row 20")}),
    "snapshot_before": Case(JOB["snapshot"], "before_keep:1", "UPDATE t SET n = 100 WHERE id = 20", 0),
}


def disturbed(engine, case):
    with folder() as place, database(engine, place) as db:
        trial = Trial(binaries()[0], db, place, case.job)
        process = trial.stopped_at(case.point)
        db.sql(case.outside)
        begin = dict(zip(SEED, db.many(*(f"SELECT * FROM {name} ORDER BY {name}.id" for name in SEED))))
        code = trial.woken(process, "others changed rows")
        hold(code == case.code, f"exit {code}, {case.conflicts} conflicts were to be found\n{trial.said}")
        db.settle()
        ledger = check_now(db, case.job, begin)
        listed = sum(step[7] for step in ledger.steps)
        hold(listed == case.conflicts, f"{listed} conflicts, expected {case.conflicts}")
        if case.final:
            for name, rows in case.right().items():
                right, there = without_given_ids(name, rows), without_given_ids(name, ledger.tables[name])
                hold(right == there, f"{name}: {[(a, b) for a, b in zip(right, there) if a != b][:2]}")
        told = json.loads(trial.ask("status", "--json"))
        hold(told[0]["exit_code"] == code, f"bfl status tells {told[0]}")
        log = [json.loads(line) for line in trial.ask("log", "--json").splitlines()]
        hold(sum(entry.get("conflicts", 0) for entry in log if entry["kind"] == "chunk_committed") == case.conflicts, "bfl log tells other conflicts")
        trial.ask("audit", "verify", "job.bfl")


def test_of(name, case):
    def test():
        for engine in engines():
            if engine not in case.job.engines:
                continue
            try:
                disturbed(engine, case)
            except Wrong as wrong:
                raise Wrong(f"{engine}: {wrong}") from wrong
    test.__name__ = name
    return test


if __name__ == "__main__":
    main([test_of(name, case) for name, case in CASES.items()])
