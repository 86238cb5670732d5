#!/usr/bin/env python3
"""The run of a kept plan killed at every fault point that it passes, once, and gone on with: each row of the plan changed once."""
import collections

from checker import Wrong
from databases import database, engines, folder
from jobs import JOBS
from kills_test import kill_at, passages
from reporting import main, say
from trial import Trial, binaries

PLANNED = ["direct", "sealed", "staged", "steps", "insert", "upsert", "delete", "snapshot", "atomic_sealed", "atomic_insert"]


class Planned(Trial):
    """The plan is made before anybody disturbs; what is disturbed is what carries it out."""

    beside = {"job.plan"}

    def __init__(self, bfl, place, folder, job):
        super().__init__(bfl, place, folder, job)
        self.ask("plan", "job.bfl", "-o", "job.plan")

    def start(self, *flags, **more):
        return super().start("--plan", "job.plan", *flags, **more)


def killed_at_every_point():
    bfl, with_points = binaries()
    for engine in engines():
        kills, reached = 0, set()
        with folder() as place, database(engine, place) as db:
            for job in (job for job in JOBS if job.name in PLANNED):
                passed = collections.Counter(passages(Planned(bfl, db, place, job), with_points))
                for point, times in passed.items():
                    if point in reached:
                        continue
                    for passage in sorted({1, times}):
                        trial = Planned(bfl, db, place, job)
                        try:
                            if not kill_at(trial, with_points, point, passage):
                                raise Wrong(f"{point}:{passage} was not reached")
                            kills += 1
                            trial.finish()
                        except Wrong as wrong:
                            raise Wrong(f"{engine}, plan of {job.name}, {trial.story}: {wrong}") from wrong
                reached |= set(passed)
        say(f"{engine}: {kills} kills")


if __name__ == "__main__":
    main([killed_at_every_point])
