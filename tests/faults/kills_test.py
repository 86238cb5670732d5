#!/usr/bin/env python3
"""Killed at every fault point, at each of its passages, and at random instants: `kills_test.py BFL BFL_FAULTS`.

As a test of every build it kills at the first and the last passage of each point, once in the first job that comes by there,
and at a few random instants; run.py does all of it.
"""
import collections
import os
import random
import re
import signal
import sys
import time

from checker import Wrong
from databases import database, engines, folder
from jobs import JOBS
from reporting import ROOT, main, say
from trial import Trial, binaries

SEED = int(os.environ.get("BFL_SEED") or random.SystemRandom().randrange(1 << 30))
ONCE = bool(os.environ.get("BFL_ONCE"))  # the test-runner's word for a build that takes long: one passage of each point, few kills
NOT_OF_RUNS = {"before_sweep"}  # points that no job passes: redaction_test.py
FEW_KILLS = 5 if ONCE else 20


def ends(times):
    """The first and the last of so many passages."""
    return [1] if ONCE else sorted({1, times})


def points_in_the_source(engine):
    """Those of SQLite are all but the ones of PostgreSQL's own."""
    names = set()
    for path in (ROOT / "interpreter").rglob("*.cpp"):
        if ("postgres" in path.name) == (engine == "postgres"):
            names |= set(re.findall(r'fault_point\("(\w+)"\)', path.read_text()))
    return names - NOT_OF_RUNS


def passages(trial, with_points):
    """The fault points that a run passes when nobody disturbs it, in order."""
    trace = trial.folder / "trace"
    if trial.run(env={"BFL_FAULT_TRACE": str(trace)}, bfl=with_points) != trial.job.code:
        raise Wrong(f"{trial.job.name} does not run: {trial.said}")
    names = trace.read_text().split()
    trace.unlink()
    return names


def kill_at(trial, with_points, point, passage):
    """-> whether it came so far."""
    code = trial.run(env={"BFL_FAULT": f"{point}:{passage}"}, bfl=with_points, what=f"killed at {point}:{passage}")
    if code not in (trial.job.code, -signal.SIGKILL):
        raise Wrong(f"exit {code} where it was to be killed at {point}:{passage}\n{trial.said}")
    trial.check_now()
    return code != trial.job.code


def once_at_every_point(kind, jobs, what):
    """Trials of that kind, of all jobs, killed at the first and the last passage of each point that none of the jobs before has passed."""
    for engine in engines():
        say(f"{engine}: {at_every_point(engine, every=False, kind=kind, jobs=jobs, what=what + ' of ')} kills")


def at_every_point(engine, every, chance=None, most=None, kind=Trial, jobs=JOBS, what=""):
    """-> how many kills. `chance`: the runs that resume are killed as well, somewhere."""
    bfl, with_points = binaries()
    kills, reached, by_workers = 0, set(), set()
    with folder() as place, database(engine, place) as db:
        for job in (job for job in jobs if engine in job.engines):
            passed = passages(kind(bfl, db, place, job), with_points)
            before = by_workers if job.workers else reached
            news = {point: times for point, times in collections.Counter(passed).items() if every or point not in before}
            before |= set(passed)
            for point, times in news.items():
                for passage in range(1, times + 1) if every else ends(times):
                    trial = kind(bfl, db, place, job)
                    try:
                        if not kill_at(trial, with_points, point, passage):
                            raise Wrong(f"{point}:{passage} was not reached")
                        kills += 1
                        while chance and chance.random() < 0.3 and kill_at(trial, with_points, chance.choice(passed), 1):
                            kills += 1
                        trial.finish()
                    except Wrong as wrong:
                        raise Wrong(f"{engine}, {what}{job.name}, {trial.story}: {wrong}") from wrong
                    if most and kills >= most:
                        return kills
    missed = points_in_the_source(engine) - reached - by_workers if jobs is JOBS else set()
    if missed:
        raise Wrong(f"no job passes {sorted(missed)}; if they are new, run cmake again")
    return kills


def at_random(engine, wanted, chance, progress=None):
    """Killed again and again, at instants that fall all over a run; every other trial when it has begun to change rows."""
    bfl, _ = binaries()
    kills = 0
    with folder() as place, database(engine, place) as db:
        jobs = [job for job in JOBS if engine in job.engines]
        took = {}
        while kills < wanted:
            job = chance.choice(jobs)
            trial = Trial(bfl, db, place, job)
            if job.name not in took:
                began = time.monotonic()
                trial.run()
                took[job.name] = time.monotonic() - began
                trial = Trial(bfl, db, place, job)
            code = -1
            try:
                for _ in range(chance.randrange(1, 7)):
                    process = trial.start()
                    time.sleep(chance.uniform(0, took[job.name] * 1.1))
                    process.send_signal(signal.SIGKILL)
                    code = trial.ended(process, "killed")
                    if code not in (job.code, -signal.SIGKILL):
                        raise Wrong(f"exit {code} under a kill: {trial.said}")
                    kills += code < 0
                    trial.check_now()
                    if code == job.code:
                        break
                trial.finish()
            except Wrong as wrong:
                raise Wrong(f"seed {SEED}, {engine}, {job.name}, {trial.story}: {wrong}") from wrong
            if progress:
                progress(kills)
    return kills


def first_and_last_passage_of_every_point():
    for engine in engines():
        say(f"{engine}: {at_every_point(engine, every=False)} kills")


def random_instants():
    for engine in engines():
        say(f"{engine}: {at_random(engine, FEW_KILLS, random.Random(SEED))} kills, seed {SEED}")


if __name__ == "__main__":
    main([first_and_last_passage_of_every_point, random_instants])
