#!/usr/bin/env python3
"""Killed at any instant, interrupted once and twice, two at once: each row changes exactly once, and the ledger says so.

The jobs are not convergent (`once`: n = n + 1), so that a row that was changed twice, or never, shows. BFL_KILLS is the
number of kills; the instants are random, the seed is printed.
"""
import os
import random
import signal
import sqlite3
import time

from harness import expect, main

ROWS = int(os.environ.get("BFL_CRASH_ROWS", "20000"))
KILLS = int(os.environ.get("BFL_KILLS", "12"))

COUNT_ONCE = """
job bump { why "Each row one higher, once." }
source shop = sqlite("shop.db")
update bump of shop.orders {
  set line_count = line_count + 1
  once
  chunk 500
}
"""
TOTALS = """
job totals { why "Totals of every order." }
source shop = sqlite("shop.db")
update totals of shop.orders chunk 500 { set total = subtotal + tax + 1 }
verify all_right { assert count(shop.orders where total != subtotal + tax + 1) == 0 }
"""


def bumped(place, before):
    after = dict(place.sql("SELECT id, line_count FROM orders"))
    twice = [key for key, value in after.items() if value not in (before[key], before[key] + 1)]
    expect(not twice, f"{len(twice)} rows were changed more than once, the first is {twice[:1]}")
    return sum(after[key] == before[key] + 1 for key in after)


def chunks_follow_each_other(place):
    for step, lane in place.sql("SELECT DISTINCT step, lane FROM bfl_ledger"):
        seqs = [s for (s,) in place.sql("SELECT seq FROM bfl_ledger WHERE step = ? AND lane = ? ORDER BY seq", "shop.db", step, lane)]
        expect(seqs == list(range(seqs[0], seqs[0] + len(seqs))) and seqs[0] in (0, 1), f"the chunks of step {step} have gaps: {seqs[:5]}…")


def killed_at_random(place):
    seed = int(os.environ.get("BFL_SEED", random.randrange(1 << 30)))
    chance = random.Random(seed)
    place.shop(ROWS)
    place.write("job.bfl", COUNT_ONCE.replace("chunk 500", "chunk 100"))
    before = dict(place.sql("SELECT id, line_count FROM orders"))
    # How long it takes undisturbed, on a copy: the kills fall all over the run, its start included.
    place.shop(ROWS, "copy.db")
    started = time.monotonic()
    place.call("run", "job.bfl", "--source", "shop=sqlite:copy.db", "--state", "copy-state.db")
    whole = time.monotonic() - started
    kills = 0
    for _ in range(KILLS):
        process = place.start("run", "job.bfl")
        try:
            process.wait(chance.uniform(0, whole / 3))
        except Exception:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
        expect(process.returncode in (-9, 0), f"seed {seed}: exit {process.returncode} after a kill")
        done = bumped(place, before)
        if process.returncode == 0:
            break
    # A killed run leaves its lease behind; a process of this host that is gone does not hold the job.
    place.call("run", "job.bfl")
    expect(bumped(place, before) == ROWS, f"seed {seed}: {ROWS - bumped(place, before)} rows were never changed; {done} before the last run")
    chunks_follow_each_other(place)
    expect(place.value("PRAGMA integrity_check") == "ok", "the database is damaged")
    expect("nothing to do" in place.call("run", "job.bfl").stdout, "a finished job did something")
    print(f"         seed {seed}, {kills} kills")


def stopped_by_limit_and_resumed(place):
    place.shop(5000)
    place.write("job.bfl", COUNT_ONCE)
    before = dict(place.sql("SELECT id, line_count FROM orders"))
    out = place.call("run", "job.bfl", "--limit-chunks", "3", code=75).stdout
    expect("bfl run job.bfl" in out, f"it does not say how to go on:\n{out}")
    expect(bumped(place, before) == 1500, f"three chunks of 500 changed {bumped(place, before)} rows")
    expect("resume" in place.call("plan", "job.bfl").stdout, "the plan does not say that the step resumes")
    place.call("run", "job.bfl")
    expect(bumped(place, before) == 5000, "not every row was changed")


def wait_until_some_rows_changed(place, process, statement):
    limit = time.monotonic() + 60
    while time.monotonic() < limit and process.poll() is None:
        try:
            if place.value(statement) > 0:
                return
        except Exception:
            pass
        time.sleep(0.005)


def interrupted(place, number, times):
    """-> exit code and output, or None when the run was over before it could be interrupted."""
    process = place.start("run", "job.bfl")
    wait_until_some_rows_changed(place, process, "SELECT count(*) FROM bfl_ledger WHERE pack IS NOT NULL")
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.01)
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def ctrl_c_once(place):
    place.shop(60000)
    place.write("job.bfl", COUNT_ONCE)
    before = dict(place.sql("SELECT id, line_count FROM orders"))
    code, said = interrupted(place, signal.SIGINT, 1)
    expect(code in (130, 0), f"exit {code} after Ctrl-C:\n{said}")
    if code == 130:
        expect("bfl run job.bfl" in said, f"it does not say how to go on:\n{said}")
        expect(0 < bumped(place, before) < 60000, "it stopped, but not between chunks")
    place.call("run", "job.bfl")
    expect(bumped(place, before) == 60000, "not every row was changed once")


def ctrl_c_twice(place):
    place.shop(60000)
    place.write("job.bfl", COUNT_ONCE)
    before = dict(place.sql("SELECT id, line_count FROM orders"))
    code, said = interrupted(place, signal.SIGINT, 2)
    expect(code in (130, 0), f"exit {code} after two Ctrl-C:\n{said}")
    place.call("run", "job.bfl")
    expect(bumped(place, before) == 60000, "not every row was changed once")
    chunks_follow_each_other(place)


def terminated(place):
    place.shop(60000)
    place.write("job.bfl", TOTALS)
    code, said = interrupted(place, signal.SIGTERM, 1)
    expect(code in (143, 0), f"exit {code} after SIGTERM:\n{said}")
    place.call("run", "job.bfl")
    expect(place.value("SELECT count(*) FROM orders WHERE abs(total - subtotal - tax - 1) > 0.001") == 0, "totals are wrong")


def two_at_once(place):
    place.shop(200000)
    place.write("job.bfl", COUNT_ONCE.replace("chunk 500", "chunk 100"))
    first = place.start("run", "job.bfl")
    wait_until_some_rows_changed(place, first, "SELECT count(*) FROM bfl_ledger WHERE pack IS NOT NULL")
    second = place.call("run", "job.bfl", "--state", "other.db", code=None)
    if first.poll() is None:  # else the machine was too fast: nothing was refused
        expect(second.returncode == 75, f"the second run ended with {second.returncode}:\n{second.stdout}{second.stderr}")
        expect("BFL0508" in second.stderr and f"{first.pid}" in second.stderr, f"it does not say who holds the job:\n{second.stderr}")
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=120)
    expect(first.returncode in (0, 130), f"the first run ended with {first.returncode}")


def schema_changed_under_the_run(place):
    place.shop(200000)
    place.write("job.bfl", TOTALS.replace("chunk 500", "chunk 100"))
    process = place.start("run", "job.bfl")
    wait_until_some_rows_changed(place, process, "SELECT count(*) FROM bfl_ledger WHERE pack IS NOT NULL")
    try:
        place.sql("ALTER TABLE orders ADD COLUMN extra TEXT")
    except Exception:
        process.kill()
        process.communicate()
        return
    out, err = process.communicate(timeout=300)
    expect(process.returncode in (0, 75), f"exit {process.returncode}:\n{out}{err}")
    if process.returncode == 75:
        expect("BFL0509" in err, f"it does not say that the schema changed:\n{err}")
    place.call("run", "job.bfl")


def edited_after_it_changed_rows(place):
    place.shop(2000)
    place.write("job.bfl", TOTALS)
    place.call("run", "job.bfl", "--limit-chunks", "1", code=75)
    place.write("job.bfl", TOTALS.replace("+ 1", "+ 2"))
    refused = place.call("run", "job.bfl", code=4)
    expect("BFL0510" in refused.stderr and "--accept totals" in refused.stderr, f"it does not say what to do:\n{refused.stderr}")
    expect("stop" in place.call("plan", "job.bfl").stdout, "the plan does not say that the step stops")
    place.call("run", "job.bfl", "--accept", "totals")
    # It goes on behind the first chunk; the pass that ends a convergent step then mends what the old text left.
    expect(place.value("SELECT count(*) FROM orders WHERE abs(total - subtotal - tax - 2) < 0.001") == 2000, "it did not go on with the new text")


def older_copy_put_back(place):
    place.shop(5000)
    place.write("job.bfl", COUNT_ONCE)
    place.call("run", "job.bfl", "--limit-chunks", "2", code=75)
    place.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = (place.folder / "shop.db").read_bytes()
    place.call("run", "job.bfl", "--limit-chunks", "2", code=75)
    for name in ("shop.db-wal", "shop.db-shm"):
        (place.folder / name).unlink(missing_ok=True)
    (place.folder / "shop.db").write_bytes(copy)
    refused = place.call("run", "job.bfl", code=4)
    expect("BFL0511" in refused.stderr, f"it does not say that the database is older:\n{refused.stderr}")


def locked_by_somebody_else(place):
    place.shop(100)
    place.write("job.bfl", TOTALS)
    place.call("run", "job.bfl", "--limit-chunks", "1", code=None)
    place.write("job.bfl", TOTALS.replace("+ 1", "+ 2"))
    other = sqlite3.connect(place.folder / "shop.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused = place.call("run", "job.bfl", code=75)
    other.execute("ROLLBACK")
    other.close()
    expect("BFL0503" in refused.stderr and "locked" in refused.stderr, f"it does not say that the database is locked:\n{refused.stderr}")
    place.call("run", "job.bfl")


def unusable_state(place):
    place.shop(100)
    place.write("job.bfl", TOTALS)
    place.write("state.db", "this is no database, and long enough to be taken for the head of one: " + "x" * 200)
    refused = place.call("run", "job.bfl", "--state", "state.db", code=5)
    expect("BFL0512" in refused.stderr, f"it does not say that the state cannot be used:\n{refused.stderr}")


def newer_format(place):
    place.shop(100)
    place.write("job.bfl", TOTALS)
    place.call("run", "job.bfl")
    place.sql("UPDATE bfl_meta SET value = 99 WHERE key = 'format'") if ("key",) in [(r[1],) for r in place.sql("PRAGMA table_info(bfl_meta)")] \
        else place.sql("UPDATE bfl_meta SET format = 99")
    refused = place.call("run", "job.bfl", code=4)
    expect("BFL0513" in refused.stderr, f"it does not say that the format is newer:\n{refused.stderr}")


TESTS = [killed_at_random, stopped_by_limit_and_resumed, ctrl_c_once, ctrl_c_twice, terminated, two_at_once, schema_changed_under_the_run,
         edited_after_it_changed_rows, older_copy_put_back, locked_by_somebody_else, unusable_state, newer_format]

if __name__ == "__main__":
    main(TESTS)
