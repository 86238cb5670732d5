#!/usr/bin/env python3
"""The connection to a PostgreSQL server, cut before, during and after COMMIT and at any message, its replies delayed and lost:
`connection_test.py BFL BFL_FAULTS`. What is left in doubt is asked of the lane, never done again."""
import contextlib
import json

from checker import hold, Wrong
from databases import Postgres, folder, server_address
from jobs import JOBS
from reporting import LONG, SKIPPED, main, say
from trial import Trial, binaries
from wire import CUT, CUT_BEHIND, DELAY, LOSE, Proxy

RESUMABLE, WORLD = 75, 5
ON_POSTGRES = [job for job in JOBS if "postgres" in job.engines]


@contextlib.contextmanager
def behind_a_proxy():
    with folder() as place:
        db = Postgres(server_address())
        proxy = Proxy(db.url)
        try:
            yield db, place, proxy
        finally:
            proxy.close()
            db.close()


def trial_through(proxy, db, place, job):
    # With fault points even a few rows are read by a second session while they change: it is disturbed as well.
    trial = Trial(binaries()[1], db, place, job)
    trial.environment["FAULTS_URL"] = proxy.url
    proxy.messages = proxy.commits = 0
    proxy.done.clear()
    proxy.plan = lambda number, commit, message: None
    return trial


def disturbed(proxy, db, place, job, plan):
    """One run with the plan, then to the end without; -> the trial and the exit code of the disturbed run."""
    trial = trial_through(proxy, db, place, job)
    proxy.plan = plan
    try:
        code = trial.run(what="through the proxy")
        harm = list(proxy.done)
        proxy.plan = lambda number, commit, message: None
        hold(code in (0, RESUMABLE) or code == WORLD and "BFL0501" in trial.said, f"exit {code}\n{trial.said}")
        trial.check_now()
        trial.finish(again=False)
    except Wrong as wrong:
        raise Wrong(f"{job.name}, {proxy.done or harm}, {trial.story}: {wrong}") from wrong
    return trial, code, harm


def every_commit_of(job, harm):
    """-> how many commits were harmed."""
    with behind_a_proxy() as (db, place, proxy):
        for commit in range(1, 100):
            _, _, done = disturbed(proxy, db, place, job, lambda number, which, message: harm if which == commit else None)
            if not done:
                return commit - 1
    raise Wrong("more than 99 commits")


def commits(job, harm):
    if server_address() is None:
        return SKIPPED
    for each in ON_POSTGRES if LONG else [job]:
        say(f"{each.name}: {every_commit_of(each, harm)} commits")
    return None


def cut_before_commit():
    return commits(ON_POSTGRES[0], CUT)


def cut_during_commit():
    return commits(ON_POSTGRES[1], CUT_BEHIND)


def reply_to_commit_lost():
    return commits(ON_POSTGRES[1], LOSE)


def one_transaction_in_doubt():
    """The commit of a whole job that is cut, or whose reply is lost: it is there or not, and known to be."""
    if server_address() is None:
        return SKIPPED
    job = next(job for job in ON_POSTGRES if job.name == "one_transaction")
    for harm in (CUT, CUT_BEHIND, LOSE) if LONG else (CUT_BEHIND, LOSE):
        say(f"{every_commit_of(job, harm)} commits")
    return None


def one_transaction_never_answered():
    """The commit of an atomic job is lost, and nobody is there any more who could be asked: neither end is told, and the next run finds out.
    It is asked for half a minute."""
    if server_address() is None or not LONG:
        return SKIPPED
    job = next(job for job in ON_POSTGRES if job.name == "one_transaction")
    the_commit = 3  # behind those of bfl's tables and of the take-over
    with behind_a_proxy() as (db, place, proxy):
        lost = []

        def plan(number, commit, message):
            if commit == the_commit:
                lost.append(number)
                return LOSE
            return CUT if lost else None

        trial = trial_through(proxy, db, place, job)
        proxy.plan = plan
        code = trial.run(what="never answered")
        proxy.plan = lambda number, commit, message: None
        hold(code == RESUMABLE and "whether the job was committed is not known" in trial.said and "nothing was changed" not in trial.said and "finds out" in trial.said, f"exit {code}\n{trial.said}")
        run = json.loads(trial.ask("status", "--json"))[0]
        hold(run["state"] == "stopped" and run["transaction"]["committed"] is None, f"{run}")
        hold("stopped, and whether it was committed is not known here" in trial.ask("status"), trial.ask("status"))
        hold("transaction_taken_back" not in trial.ask("log") and "transaction_committed" not in trial.ask("log"), trial.ask("log"))
        trial.finish()
    return None


def replies_delayed():
    """Every reply is late for a while, commits among them; nothing is done twice, nothing is taken for lost."""
    if server_address() is None:
        return SKIPPED
    with behind_a_proxy() as (db, place, proxy):
        trial, code, done = disturbed(proxy, db, place, ON_POSTGRES[1], lambda number, commit, message: DELAY if commit in (2, 3, 5) else None)
        hold(code == 0 and len(done) == 3, f"exit {code}, {done}")
        hold("retried" not in trial.ask("log"), "a late reply was taken for a lost one")
    return None


def a_lost_reply_is_adopted():
    """A chunk whose commit arrived is not done again: its entry is the first attempt's, and the log says nothing of a retry."""
    if server_address() is None:
        return SKIPPED
    with behind_a_proxy() as (db, place, proxy):
        job = ON_POSTGRES[1]
        chunk_commits = []

        def plan(number, commit, message):
            if commit:
                chunk_commits.append(commit)
            return LOSE if commit == 4 else None

        trial, code, _ = disturbed(proxy, db, place, job, plan)
        hold(code == 0, f"exit {code}\n{trial.said}")
        entries = [json.loads(entry) for (entry,) in db.many("SELECT entry FROM bfl_ledger ORDER BY id")[0]]
        hold(not [entry for entry in entries if "earlier_errors" in entry], "a committed chunk was tried again")
    return None


def cut_at_every_message(harm=CUT, step=1, jobs=None):
    """At each message of a run in turn."""
    total = 0
    with behind_a_proxy() as (db, place, proxy):
        for job in jobs or ON_POSTGRES:
            message = 1
            while True:
                _, _, done = disturbed(proxy, db, place, job, lambda number, commit, text: harm if number == message else None)
                if not done:
                    break
                total += 1
                message += step
    return total


def cut_at_some_messages():
    if server_address() is None:
        return SKIPPED
    if LONG:
        say(f"{sum(cut_at_every_message(harm, step=2) for harm in (CUT, CUT_BEHIND, LOSE))} cuts")
    else:
        say(f"{cut_at_every_message(CUT_BEHIND, step=97, jobs=ON_POSTGRES[1:2])} cuts")
    return None


if __name__ == "__main__":
    main([cut_before_commit, cut_during_commit, reply_to_commit_lost, one_transaction_in_doubt, one_transaction_never_answered, replies_delayed, a_lost_reply_is_adopted, cut_at_some_messages])
