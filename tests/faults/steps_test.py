#!/usr/bin/env python3
"""Independent steps at the same time: random jobs leave the same rows and the same images as one step after the other, also where they
are killed at any instant or at any point. `steps_test.py BFL BFL_FAULTS`."""
import os
import random
import signal
import time

from beside_test import images_of
from checker import Wrong, check_now, hold
from databases import SEED as ROWS_BEFORE
from databases import database, engines, folder
from jobs import Job
from reporting import LONG, SKIPPED, main, say
from trial import Trial, binaries

SEED = int(os.environ.get("BFL_SEED") or random.SystemRandom().randrange(1 << 30))
KILLS = 60 if LONG else 12
POINTS = ["own_begun", "own_done", "own_committed", "before_open", "after_open", "before_seal", "after_seal", "after_begin", "after_fence", "after_change",
          "after_entry", "before_commit", "after_commit", "after_note", "before_close", "after_close"]


def step(chance, number):
    """Of one table or two: what it adds is added to what is there, so that nothing can be done twice unseen."""
    chunk = f"chunk {chance.randint(1, 6)}"
    more = 10_000 * number
    return chance.choice([
        f"update step_{number} of db.t where n < {more} {chunk} {{ set n = n + {more} }}",
        f"update step_{number} of db.t where n >= 0 {{ set n = n + {more} once {chunk} }}",
        f"update step_{number} of db.u where m < {more} {chunk} {{ set m = m + {more} }}",
        f"update step_{number} of db.u where m >= 0 {{ set m = m + {more} once {chunk} }}",
        f"update step_{number} of db.v where n < {more} {chunk} {{ set n = n + {more} }}",
        f"update step_{number} of db.v {{ set n = n + count(db.u where m > 0) once {chunk} }}",
        f"insert step_{number} into db.w from db.{chance.choice('tu')} where id > 5 {{ set t_id = id set n = {number} once per id {chunk} }}",
        f"check step_{number} {{ assert count(db.{chance.choice('tuv')}) > 0 }}",
        f"snapshot step_{number} = db.{chance.choice('tuv')} where id < 9 keep {{ id }}",
        f"verify step_{number} {{ assert count(db.{chance.choice('tuv')}) > 0 }}",
    ])


def job_of(chance):
    count = chance.randint(4, 9)
    text = "\n".join(step(chance, number) for number in range(1, count + 1))
    kept = [f"step_{number}" for number in range(1, count + 1) if f"snapshot step_{number} " in text]
    return lambda **more: Job("side_by_side", text, kept=kept, once=False, **more)


def came(db, trial):
    db.settle()
    ledger = check_now(db, trial.job)
    trial.ask("audit", "verify", "job.bfl")
    # Keys that a sequence gave follow the order in which rows came.
    tables = {name: sorted(row[1:] if name == "w" else row for row in rows) for name, rows in ledger.tables.items()}
    steps = sorted((name, generation, state, changed) for _, name, generation, _, state, _, changed, *_ in ledger.steps)
    return tables, images_of(ledger), steps


def same(one, other, what):
    for part, (a, b) in zip(("rows", "images", "steps"), zip(one, other)):
        hold(a == b, f"{what}: other {part} than one step after the other\n{a}\n{b}")


def same_as_one_after_the_other():
    if "postgres" not in engines():
        return SKIPPED
    chance = random.Random(SEED)
    with folder() as place, database("postgres", place) as db:
        for _ in range(40 if LONG else 8):
            job = job_of(chance)
            results = []
            for steps, workers in ((1, 1), (4, 1), (3, 2)):
                trial = Trial(binaries()[0], db, place, job(steps=steps, workers=workers))
                hold(trial.run(what=f"{steps} steps") == 0, f"seed {SEED}\n{trial.job.text}\n{trial.said}")
                results.append(came(db, trial))
                same(results[0], results[-1], f"seed {SEED}: {steps} steps, {workers} workers\n{trial.job.text}")
    say(f"seed {SEED}")
    return None


# Three that are independent, one that waits for two of them.
WIDE = """
update first of db.t { set n = n + 1000 once chunk 3 }
update second of db.u where m < 1000 chunk 2 { set m = m + 1000 }
update third of db.v { set n = n + 1000 once chunk 1 }
insert fourth into db.w from db.u where m > 1000 { set t_id = t_id set n = m once per id chunk 3 }
"""
FINAL = {"t": [(i, n + 1000, s) for i, n, s in ROWS_BEFORE["t"]], "u": [(i, k, m + 1000) for i, k, m in ROWS_BEFORE["u"]],
         "v": [(i, k, n + 1000) for i, k, n in ROWS_BEFORE["v"]], "w": [(i, k, m + 1000) for i, k, m in ROWS_BEFORE["u"]]}


def killed():
    """At random instants, and at random passages of the points of a chunk, an opening and a close, whichever step comes by there."""
    if "postgres" not in engines():
        return SKIPPED
    bfl, with_points = binaries()
    chance = random.Random(SEED)
    kills = 0
    with folder() as place, database("postgres", place) as db:
        while kills < KILLS:
            trial = Trial(bfl, db, place, Job("wide", WIDE, once=False, steps=chance.choice([2, 3, 4]), workers=chance.choice([0, 2]), **FINAL))
            try:
                for _ in range(chance.randrange(1, 5)):
                    if chance.random() < 0.5:
                        process = trial.start()
                        time.sleep(chance.uniform(0.02, 0.3))
                        process.send_signal(signal.SIGKILL)
                        code = trial.ended(process, "killed")
                    else:
                        point = f"{chance.choice(POINTS)}:{chance.randint(1, 12)}"
                        code = trial.run(env={"BFL_FAULT": point}, bfl=with_points, what=f"killed at {point}")
                    hold(code in (0, -signal.SIGKILL), f"exit {code}\n{trial.said}")
                    kills += code < 0
                    db.settle()
                    check_now(db, trial.job)
                    if code == 0:
                        break
                trial.finish()
            except Wrong as wrong:
                raise Wrong(f"seed {SEED}, {trial.story}: {wrong}") from wrong
    say(f"{kills} kills, seed {SEED}")
    return None


if __name__ == "__main__":
    main([same_as_one_after_the_other, killed])
