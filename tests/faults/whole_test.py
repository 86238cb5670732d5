#!/usr/bin/env python3
"""An atomic job killed around its transaction, in the midst of it and of its parts: all of the job is there at once, or nothing. And what is
told of it from elsewhere while it is open."""
import copy
import json
import re

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


JOB = next(job for job in JOBS if job.name == "one_transaction")


def by_flag():
    """The same, asked for by the run and not said by the job."""
    job = copy.copy(JOB)
    job.clauses, job.flags = "", ["--atomic"]
    return job


def all_of_it_or_nothing():
    bfl, with_points = binaries()
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            for number, (point, passage) in enumerate(KILLS):
                trial = Whole(bfl, db, place, by_flag() if number % 3 == 2 else JOB)
                try:
                    hold(kill_at(trial, with_points, point, passage), "it was not reached")
                    hold(trial.done == (point in AFTER), f"it is {'' if trial.done else 'not '}there")
                    trial.finish()
                except Wrong as wrong:
                    raise Wrong(f"{engine}, {point}:{passage}, {trial.story}: {wrong}") from wrong
        say(f"{engine}: {len(KILLS)} kills")


def run_told(trial):
    """What `bfl status` says of the newest run."""
    return json.loads(trial.ask("status", "--json"))[0]


def told_meanwhile():
    """From another terminal: that one transaction is open, since when and by whom, and that none of its rows is there yet."""
    bfl, with_points = binaries()
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            trial = Whole(bfl, db, place, JOB)
            process = trial.stopped_at("before_whole_commit:1")
            run = run_told(trial)
            changed = 3 * len(SEED["t"])
            hold(run["state"] == "running" and run["transaction"]["step"] == "right" and run["transaction"]["rows_changed"] == changed and not run["transaction"]["committed"], f"{run}")
            text = trial.ask("status")
            hold("one transaction since 20" in text and f"{changed} rows changed so far, and none of it is committed" in text, text)
            one = trial.ask("status", run["run"])
            hold("atomic    one transaction since 20" in one and re.search("bump +in the transaction", one) and "chunk" not in one, one)
            hold("chunk_committed" not in trial.ask("log"), "the diary has what is not committed")
            registered = trial.ask("registry", "job.bfl")
            hold("as one transaction, begun 20" in registered and "held by" in registered, registered)
            hold(without_given_ids({name: db.sql(f"SELECT * FROM {name}") for name in SEED}) == without_given_ids(SEED), "others see a part of it")
            if engine == "sqlite":
                hold(db.unlocked(), "somebody else could write in the midst of it")
            hold(trial.woken(process, "to its end") == 0, trial.said)
            hold(json.loads(trial.ask("registry", "job.bfl", "--json"))["targets"][0]["jobs"][0]["versions"][0]["transaction"] is None, "the registry still says that it is open")
            hold("transaction" not in run_told(trial) and run_told(trial)["state"] == "done", f"{run_told(trial)}")
            hold("in the transaction" not in trial.ask("status", run["run"]) and "1 run, 144 rows changed, atomic" in trial.ask("registry", "job.bfl"), trial.ask("registry", "job.bfl"))
            trial.check_done()
            cut = Whole(bfl, db, place, JOB)
            hold(kill_at(cut, with_points, "before_whole_commit", 1), "it was not reached")
            said = cut.ask("status")
            hold(run_told(cut)["transaction"]["committed"] is None, f"{run_told(cut)}")
            hold("cut short" in said and "whether it was committed is not known here; `bfl run " in said and "job.bfl` finds out" in said, said)
            cut.finish()
            hold("whether it was committed" not in cut.ask("status"), cut.ask("status"))


if __name__ == "__main__":
    main([all_of_it_or_nothing, told_meanwhile])
