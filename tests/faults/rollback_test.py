#!/usr/bin/env python3
"""A run that undoes itself killed at every fault point that it passes, of the run and of the undo behind it: the next command finishes it,
and every table is as it was."""
from jobs import Job
from kills_test import once_at_every_point
from reporting import main
from trial import Trial

NEVER = "verify never { assert count(db.t) < 0 }"
JOBS = [
    Job("rolled_back", f"""
update bump of db.t {{ set n = n + 1 once chunk 20 }}
update mark of db.t where s != "done" chunk 20 {{ set s = "done" }}
insert add into db.v from db.t where id > 20 {{ set k = id set n = n key k chunk 10 }}
{NEVER}
""", once=False, clauses="rollback when verify_failed"),
    Job("stage_rolled_back", f"update bump of db.t where n < 1000 chunk 4 {{ set n = n + 1000 rollout {{ 50% then verify never\n100% }} }}\n{NEVER}",
        once=False, clauses="rollback when verify_failed"),
]


class RolledBack(Trial):
    def __init__(self, bfl, place, folder, job):
        super().__init__(bfl, place, folder, job)
        self.diary_is_whole = False  # the undo is a run of its own, in the same process
        self.job.code = 1

    def finish(self, again=False):
        return super().finish(again=again)


def killed_at_every_point():
    once_at_every_point(RolledBack, JOBS, "a run that undoes itself")


if __name__ == "__main__":
    main([killed_at_every_point])
