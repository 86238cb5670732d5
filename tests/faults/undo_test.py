#!/usr/bin/env python3
"""An undo killed at every fault point that it passes, once, and gone on with: every table is as it was before the job, bit for bit."""
from checker import Wrong
from databases import SEED
from jobs import JOBS, Job
from kills_test import once_at_every_point
from reporting import main
from trial import Trial

UNDONE = ["sealed", "steps", "insert_and_use", "upsert", "delete", "atomic_sealed", "raw", "raw_tables"]


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
    once_at_every_point(Undo, [as_before(job) for job in JOBS if job.name in UNDONE], "undo")


if __name__ == "__main__":
    main([killed_at_every_point])
