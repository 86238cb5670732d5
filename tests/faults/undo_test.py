#!/usr/bin/env python3
"""An undo killed at every fault point that it passes, once, and gone on with: every table is as it was before the job, bit for bit."""
import collections

from checker import Wrong
from databases import SEED, database, engines, folder
from jobs import JOBS, Job
from kills_test import kill_at, passages
from reporting import main, say
from trial import Trial, binaries

UNDONE = ["sealed", "steps", "insert_and_use", "upsert", "delete", "atomic_sealed"]


class Undo(Trial):
    """The job is done before anybody disturbs; what is disturbed is its undo."""

    frees_the_job = False

    def __init__(self, bfl, place, folder, job):
        super().__init__(bfl, place, folder, job)
        if self.run(what="done") != 0:
            raise Wrong(f"{job.name} does not run: {self.said}")
        self.verb = "undo"


def as_before(job):
    """What must have come of the job when it is undone."""
    back = Job(job.name, job.text, job.engines, job.kept, job.once)
    back.final = SEED
    return back


def killed_at_every_point():
    bfl, with_points = binaries()
    for engine in engines():
        kills, reached = 0, set()
        with folder() as place, database(engine, place) as db:
            for job in (as_before(job) for job in JOBS if job.name in UNDONE):
                passed = collections.Counter(passages(Undo(bfl, db, place, job), with_points))
                for point, times in passed.items():
                    if point in reached:
                        continue
                    for passage in sorted({1, times}):
                        trial = Undo(bfl, db, place, job)
                        try:
                            if not kill_at(trial, with_points, point, passage):
                                raise Wrong(f"{point}:{passage} was not reached")
                            kills += 1
                            trial.finish()
                        except Wrong as wrong:
                            raise Wrong(f"{engine}, undo of {job.name}, {trial.story}: {wrong}") from wrong
                reached |= set(passed)
        say(f"{engine}: {kills} kills")


if __name__ == "__main__":
    main([killed_at_every_point])
