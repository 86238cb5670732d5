#!/usr/bin/env python3
"""`bfl audit redact` killed at every passage of every fault point: the row is erased out of all of its images and of what the job keeps, or
out of none, and the next one erases it; what was overwritten leaves the files of the database, whoever comes to it."""
import contextlib
import json
import sqlite3
import subprocess

from checker import Wrong, hold
from databases import database, engines, folder
from jobs import Job, t
from kills_test import at_every_point, kill_at
from reporting import main, say
from trial import Trial, binaries


KEEPING = Job("keeping", """
snapshot before = db.t where n > 30 keep { id, was = n }
update bump of db.t join one before as b on b.id == id else skip "small" { set n = b.was + n once chunk 10 }
""", kept=["before"], t=t(lambda i, n, s: (i, 2 * n if n > 30 else n, s)))


class Redaction(Trial):
    """The job is done before anybody disturbs; what is disturbed is the erasure of a row."""

    def __init__(self, bfl, place, folder, job):
        super().__init__(bfl, place, folder, job)
        if self.run(what="done") != 0:
            raise Wrong(f"{job.name} does not run: {self.said}")
        self.verb = "redact"

    def start(self, *flags, env=None, bfl=None, **more):
        if self.verb == "run":
            return super().start(*flags, env=env, bfl=bfl, **more)
        self.output = open(self.folder / "output", "w+")
        return subprocess.Popen([bfl or self.bfl, "audit", "redact", "db.t", "20", "job.bfl", "--why", "asked for", *flags], cwd=self.folder, env={**self.environment, **(env or {})},
                                stdin=subprocess.DEVNULL, stdout=self.output, stderr=subprocess.STDOUT, **more)

    def erased(self):
        changes = json.loads(self.ask("audit", "row", "db.t", "20", "job.bfl", "--json"))["changes"]
        hold(changes, "the row has no images")
        kept = [name for name in self.database.tables() if name.startswith("bfl_kept_") and name.endswith("_before")]
        hold(len(kept) == 1, f"kept are {kept}")
        schema = "bfl." if self.database.engine == "postgres" else ""
        gone = [self.database.sql(f"SELECT count(*) FROM {schema}{name} WHERE id = 20")[0][0] == 0 for name in kept]
        return gone + [all(column.get("redacted") for column in change["columns"].values()) for change in changes]

    def check_now(self):
        self.database.settle()
        erased = self.erased()
        hold(all(erased) or not any(erased), f"a part of its images is erased: {erased}")
        self.ask("audit", "verify", "job.bfl")

    def finish(self, again=True):
        self.database.settle()
        hold(self.run(what="to its end") == 0, self.said)
        hold(all(self.erased()), "an image still holds it")
        hold(self.run(what="again") == 0 and "holds no image of it" in self.said, self.said)
        self.ask("audit", "verify", "job.bfl")
        hold(self.database.many("SELECT clock FROM bfl_job")[0][0][0] == 0, "a redaction that was killed has left its now() to the job")
        hold("nothing to do" in self.ask("run", "job.bfl"), "the job is not finished any more")
        locked = self.database.unlocked()
        hold(locked is None, f"something is left locked: {locked}")


def killed_at_every_point():
    for engine in engines():
        say(f"{engine}: {at_every_point(engine, every=True, kind=Redaction, jobs=[KEEPING], what='redaction of ')} kills")


def packs_of(db):
    schema = "bfl." if db.engine == "postgres" else "bfl_"
    return {bytes(row[0]) for row in db.sql(f"SELECT pack FROM {schema}ledger WHERE pack IS NOT NULL")}


class OldBytes:
    """Whether the database still holds what was overwritten."""

    def __init__(self, db, place):
        self.db, self.place, self.before = db, place, packs_of(db)

    def vacuums(self):
        return self.db.sql("SELECT vacuum_count FROM pg_stat_all_tables WHERE schemaname = 'bfl' AND relname = 'ledger'")[0][0]

    def are_there(self):
        if self.db.engine == "postgres":
            return self.vacuums() == 0
        gone = [pack[60:110] for pack in self.before - packs_of(self.db)]
        content = b"".join(path.read_bytes() for path in self.place.glob("db.db*"))
        return any(piece in content for piece in gone)


def killed_before_it_has_swept():
    bfl, with_points = binaries()
    for engine in engines():
        with folder() as place, database(engine, place) as db, contextlib.ExitStack() as open_beside:
            trial = Redaction(bfl, db, place, KEEPING)
            if engine == "sqlite":  # whoever is the last to close the file would take the log over
                beside = open_beside.enter_context(contextlib.closing(sqlite3.connect(db.path)))
                beside.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            old = OldBytes(db, place)
            hold(kill_at(trial, with_points, "before_sweep", 1), "it was not reached")
            hold(all(trial.erased()) and old.are_there(), "it has swept before")
            hold(trial.run(what="again") == 0 and "before: redacted: t 20" in trial.said and "swept out of the database once more" in trial.said, trial.said)
            hold(not old.are_there(), "the old bytes are still there")


if __name__ == "__main__":
    main([killed_at_every_point, killed_before_it_has_swept])
