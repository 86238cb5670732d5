#!/usr/bin/env python3
"""A hundred thousand chunks in one run: the second half takes no more memory than the first, and every row is changed once.
By hand, it takes most of an hour: `run.py --long long_walk`. `long_walk_test.py BFL BFL_FAULTS`."""
import contextlib
import os
import pathlib
import subprocess
import time

from checker import hold
from databases import database, engines, folder
from reporting import LONG, SKIPPED, main, say

CHUNKS = int(os.environ.get("BFL_CHUNKS", 100_000))
MEBIBYTE = 1024
MORE = 1 * MEBIBYTE  # that the second half may take: what a heap is cut into is never quite the same
JOB = 'job long_walk {{ why "Memory does not grow with the work." }}\nsource db = {declared}\nupdate bump of db.big where n >= 0 {{ set n = -1 - n chunk 1 }}\n'


def peak_of(process):
    """KiB, since it was last forgotten."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def forget_peak(process):
    pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def chunks_done(db):
    with contextlib.suppress(Exception):  # the tables are not there yet, or the file is locked just now
        return db.sql("SELECT coalesce(max(seq), 0) FROM bfl_lane".replace("bfl_", "bfl." if db.engine == "postgres" else "bfl_"))[0][0]
    return 0


def halves(bfl, db, place):
    """-> the peaks of both halves, and what is resident at their ends."""
    process = subprocess.Popen(["nice", "-n", "19", bfl, "run", "job.bfl"], cwd=place, env={**os.environ, "FAULTS_URL": db.url}, stdin=subprocess.DEVNULL,
                               stdout=open(place / "output", "w"), stderr=subprocess.STDOUT)
    first = second = 0
    begun = False
    while process.poll() is None:
        with contextlib.suppress(OSError, StopIteration):  # it may end meanwhile
            if not begun and int(chunks_done(db)) >= CHUNKS // 100:
                begun = True
                forget_peak(process)  # what it takes to begin is no part of a half
            elif first == 0 and int(chunks_done(db)) >= CHUNKS // 2:
                first = peak_of(process)
                forget_peak(process)
            elif first:
                second = peak_of(process)
        time.sleep(0.2)
    hold(process.returncode == 0, f"exit {process.returncode}\n{(place / 'output').read_text()}")
    return first, second


def memory_stays():
    if not LONG:
        return SKIPPED
    import sys
    bfl = os.path.abspath(sys.argv[1])
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            db.reset()
            series = f"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {CHUNKS})"
            db.sql(f"CREATE TABLE big (id INTEGER PRIMARY KEY, n INTEGER NOT NULL);INSERT INTO big {series} SELECT i, i FROM s")
            (place / "job.bfl").write_text(JOB.format(declared=db.declared))
            began = time.monotonic()
            first, second = halves(bfl, db, place)
            say(f"{engine}: {CHUNKS:,} chunks in {time.monotonic() - began:.0f} s; peak of the first half {first / MEBIBYTE:.1f} MiB, of the second {second / MEBIBYTE:.1f} MiB")
            hold(first > 0 and second > 0, "a half was not seen")
            hold(int(chunks_done(db)) >= CHUNKS, f"{chunks_done(db)} chunks, expected {CHUNKS}")
            hold(db.sql("SELECT count(*) FROM big WHERE n = -1 - id")[0][0] in (CHUNKS, str(CHUNKS)), "a row was changed twice, or never")
            hold(second <= first + MORE, f"the second half took {(second - first) / MEBIBYTE:.1f} MiB more than the first")


if __name__ == "__main__":
    main([memory_stays])
