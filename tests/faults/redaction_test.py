#!/usr/bin/env python3
"""`bfl audit redact` killed at every passage of every fault point: the row is erased out of all of its images and of what the job keeps, or
out of none, and the next one erases it."""
import json
import subprocess

from checker import Wrong, hold
from databases import engines
from jobs import Job, t
from kills_test import at_every_point
from reporting import main, say
from trial import Trial


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


if __name__ == "__main__":
    main([killed_at_every_point])
