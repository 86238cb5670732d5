#!/usr/bin/env python3
"""The run of a kept plan killed at every fault point that it passes, once, and gone on with: each row of the plan changed once."""
from jobs import JOBS
from kills_test import once_at_every_point
from reporting import main
from trial import Trial

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
    once_at_every_point(Planned, [job for job in JOBS if job.name in PLANNED], "plan")


if __name__ == "__main__":
    main([killed_at_every_point])
