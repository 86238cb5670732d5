#!/usr/bin/env python3
"""`bfl run --atomic` killed around its transaction, in the midst of it and of its parts: all of the job is there at once, or nothing."""
from checker import Wrong, hold
from databases import SEED, database, engines, folder
from jobs import JOBS
from kills_test import kill_at
from reporting import main, say
from trial import Trial, binaries

# Before the transaction, in its first and last parts, on both sides of its commit, behind it.
KILLS = [("after_take_over", 1), ("whole_begun", 1), ("after_commit", 1), ("after_close", 2), ("own_committed", 9), ("before_whole_commit", 1), ("after_whole_commit", 1), ("after_steps", 1)]
AFTER = {"after_whole_commit", "after_steps"}


def without_given_ids(rows_of):
    return {name: sorted(row[1:] if name in "vw" else row for row in rows_of[name]) for name in SEED}


class Whole(Trial):
    def check_now(self):
        ledger = super().check_now()
        there, ends = without_given_ids(ledger.tables), [without_given_ids(rows) for rows in (SEED, self.job.final)]
        hold(there in ends, "a part of the job is there")
        chunks = sum('"kind":"chunk"' in entry[4] for entry in ledger.entries)
        hold((chunks > 0) == (there == ends[1]), f"{chunks} chunks in the ledger, and the rows are not of that")
        self.done = there == ends[1]
        return ledger


def all_of_it_or_nothing():
    bfl, with_points = binaries()
    job = next(job for job in JOBS if job.name == "one_transaction")
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            for point, passage in KILLS:
                trial = Whole(bfl, db, place, job)
                try:
                    hold(kill_at(trial, with_points, point, passage), "it was not reached")
                    hold(trial.done == (point in AFTER), f"it is {'' if trial.done else 'not '}there")
                    trial.finish()
                except Wrong as wrong:
                    raise Wrong(f"{engine}, {point}:{passage}, {trial.story}: {wrong}") from wrong
        say(f"{engine}: {len(KILLS)} kills")


if __name__ == "__main__":
    main([all_of_it_or_nothing])
