#!/usr/bin/env python3
"""Files that cannot be written: the n-th call fails once or for good, with a full disk or an I/O error, or is the last that bfl
makes, for the state file, the database and temporary files; no more descriptors; no more memory.
`files_test.py BFL BFL_FAULTS`. What fails says so with a code, and never tells half a story."""
import os
import pathlib
import re
import resource
import signal

from checker import Wrong, hold
from databases import Sqlite, folder
from jobs import JOBS
from reporting import LONG, SKIPPED, main, say
from trial import Trial, binaries

DONE, FAILED, WORLD, RESUMABLE, LOADER = 0, 1, 5, 75, 127
ONE = [job for job in JOBS if job.name == "steps"]
SOME = [job for job in JOBS if job.name in ("direct", "sealed", "atomic_sealed", "insert_and_use", "delete")]
CODE = re.compile(r"error\[BFL05\d\d\]")


def library():
    return pathlib.Path(binaries()[1]).with_name("libfaulty_files.so")


def preloadable():
    """Where bfl is built with sanitizers nothing can be loaded before them, nor memory be bounded; and they need descriptors of
    their own to look at an object's type, and take the want of them for a bad object."""
    return library().exists()


def honest(trial, code, what):
    """What was said fits the exit code."""
    hold(code in (DONE, trial.job.code, WORLD, RESUMABLE), f"{what}: exit {code}\n{trial.said}")
    hold(code in (DONE, trial.job.code) or CODE.search(trial.said), f"{what}: exit {code} without a code\n{trial.said}")
    hold(code != DONE or "error" not in trial.said, f"{what}: an error and exit 0\n{trial.said}")


def every_call(files, error, forever, jobs, step):
    """-> how many calls were made to fail. `step`: every so manieth."""
    failed = 0
    with folder() as place:
        db = Sqlite(place)
        for job in jobs:
            call = 1
            while True:
                trial = Trial(binaries()[0], db, place, job)
                trial.diary_is_whole = files != "state.db" and error == "KILL"
                done = place / "output.done"
                what = f"{job.name}: call {call} on {files}, {error}{' from then on' if forever else ''}"
                environment = {"LD_PRELOAD": str(library()), "FAULTY_FILES": files, "FAULTY_CALL": str(call), "FAULTY_ERROR": error,
                               "FAULTY_DONE": str(done), **({"FAULTY_FOREVER": "1"} if forever else {})}
                try:
                    code = trial.run(env=environment, what=what)
                    if not done.exists():
                        break
                    done.unlink()
                    failed += 1
                    if error == "KILL":
                        hold(code == -signal.SIGKILL, f"exit {code} where it was killed")
                    else:
                        honest(trial, code, what)
                    trial.check_now()
                    trial.finish(again=False)
                except Wrong as wrong:
                    raise Wrong(f"{what}: {wrong}") from wrong
                call += step
    return failed


def faults(files, step):
    if not preloadable():
        return SKIPPED
    for error, forever in (("ENOSPC", False), ("ENOSPC", True), ("EIO", False), ("EIO", True), ("KILL", False)):
        number = every_call(files, error, forever, JOBS if LONG else ONE, 1 if LONG else step)
        hold(number > 0, f"no call on {files} was met")
        say(f"{files}, {error}{' for good' if forever else ''}: {number} calls")
    return None


def state_file():
    return faults("state.db", 29)


def database_file():
    return faults("db.db", 47)


def temporary_files():
    """The sealed set goes through one."""
    if not preloadable():
        return SKIPPED
    for error in ("ENOSPC", "EIO", "KILL"):
        say(f"{error}: {every_call('/#', error, False, SOME, 1)} calls")
    return None


def bounded(what, limits, job):
    """From too little to enough: each run ends with a word, and the one with enough finishes."""
    codes = []
    with folder() as place:
        db = Sqlite(place)
        for kind, limit in limits:
            trial = Trial(binaries()[0], db, place, job)
            trial.diary_is_whole = False
            try:
                code = trial.run(what=f"{what} {limit}", preexec_fn=lambda: resource.setrlimit(kind, (limit, limit)))
                codes.append(code)
                said_by_loader = code == LOADER and "error while loading shared libraries" in trial.said
                hold(said_by_loader or code != DONE or "error" not in trial.said, f"an error and exit 0\n{trial.said}")
                hold(said_by_loader or code in (DONE, WORLD, RESUMABLE), f"exit {code}\n{trial.said}")
                hold(said_by_loader or code == DONE or re.search(r"error\[BFL0\d\d\d\]|^error: the machine gives no more memory$", trial.said, re.M), f"exit {code} without a code\n{trial.said}")
                trial.check_now()
                trial.finish(again=False)
            except Wrong as wrong:
                raise Wrong(f"{job.name}, {what} {limit}: {wrong}") from wrong
    hold(DONE in codes and codes[-1] == DONE, f"it never had enough: {codes}")
    hold(WORLD in codes, f"it always had enough: {codes}")
    say(f"{what}: {len(codes)} limits, {codes.count(WORLD)} of them too low")


def descriptors():
    if not preloadable():
        return SKIPPED
    for job in SOME if LONG else SOME[:1]:
        bounded("descriptors", [(resource.RLIMIT_NOFILE, limit) for limit in range(3, 24)], job)
    return None


def memory():
    if not preloadable():
        return SKIPPED
    megabyte = 1 << 20
    for job in SOME if LONG else SOME[1:2]:
        bounded("bytes of memory", [(resource.RLIMIT_AS, limit * megabyte // 4) for limit in range(60, 400, 1 if LONG else 9)] + [(resource.RLIMIT_AS, 1 << 30)], job)
    return None


if __name__ == "__main__":
    main([state_file, database_file, temporary_files, descriptors, memory])
