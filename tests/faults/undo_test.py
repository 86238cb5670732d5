#!/usr/bin/env python3
"""An undo killed at every fault point that it passes, once, and gone on with: every table is as it was before the job, bit for bit; of some
keys: those rows and no others."""
from checker import Wrong, hold
from databases import SEED, database, engines, folder
from jobs import JOBS, Job, t
from kills_test import kill_at, once_at_every_point
from reporting import main, say
from trial import Trial, binaries

UNDONE = ["sealed", "steps", "insert_and_use", "upsert", "delete", "atomic_sealed", "raw", "raw_tables"]
KEYS = ("--step", "bump", "--keys", "11..30")


class Undo(Trial):
    """The job is done before anybody disturbs; what is disturbed is its undo."""

    frees_the_job = False
    words = ()

    def __init__(self, bfl, place, folder, job):
        super().__init__(bfl, place, folder, job)
        if self.run(what="done") != 0:
            raise Wrong(f"{job.name} does not run: {self.said}")
        self.verb = "undo"

    def start(self, *flags, **more):
        return super().start(*(self.words if self.verb == "undo" else ()), *flags, **more)


def as_before(job):
    """What must have come of the job when it is undone."""
    back = Job(job.name, job.text, job.engines, job.kept, job.once)
    back.final = SEED
    return back


def killed_at_every_point():
    once_at_every_point(Undo, [as_before(job) for job in JOBS if job.name in UNDONE], "undo")


def of_some_keys_it_takes_the_same():
    """However it is gone on with, when it was cut short before its first row, and behind its last one."""
    bfl, with_points = binaries()
    job = Job("some_keys", "update bump of db.t { set n = n + 1 once chunk 10 }", t=t(lambda i, n, s: (i, n if 11 <= i <= 30 else n + 1, s)))
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            for point in ("after_open", "after_commit"):
                for words in (("--finish",), KEYS):
                    trial = Undo(bfl, db, place, job)
                    trial.words = KEYS
                    try:
                        hold(kill_at(trial, with_points, point, 1), "it was not reached")
                        said = "`undo bump` was cut short: some rows are put back, and some are not" in trial.ask("plan", "job.bfl")
                        hold(said == (point == "after_commit"), "`bfl plan` says something else")
                        trial.words = words
                        trial.finish(again=False)
                        trial.words = ("--finish",)
                        hold(trial.run() == 0 and "no undo was cut short" in trial.said, trial.said)
                        trial.verb = "run"
                        hold(trial.run() == 0 and "20 rows were put back by an undo" in trial.said, trial.said)
                    except Wrong as wrong:
                        raise Wrong(f"{engine}, {words}, {trial.story}: {wrong}") from wrong
                    hold(sorted(row[1] for row in db.sql("SELECT id, n FROM t")) == [n + 1 for _, n, _ in SEED["t"]], "they are not done again, each once")
        say(f"{engine}: 4 kills")


if __name__ == "__main__":
    main([killed_at_every_point, of_some_keys_it_takes_the_same])
