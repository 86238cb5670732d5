#!/usr/bin/env python3
"""Random jobs, each by one worker and by several beside each other: the same rows in every table, the same images in the ledger."""
import collections
import os
import random

from checker import check_chains, check_now, hold
from databases import database, engines, folder
from jobs import Job
from reporting import LONG, SKIPPED, main, say
from trial import Trial, binaries

SEED = int(os.environ.get("BFL_SEED") or random.SystemRandom().randrange(1 << 30))
WORKERS = (1, 2, 5)


def step(chance, number):
    """One that can be done twice unseen by nothing: what it adds is added to what is there."""
    chosen = chance.choice(["", f" and mod(id, {chance.randint(2, 4)}) == {chance.randint(0, 1)}", f" and id > {chance.randint(1, 40)}"])
    chunk = f"chunk {chance.randint(1, 12)}"
    stages = chance.choice(["", "", " rollout { %d%%\n100%% }" % chance.randint(1, 99), " rollout by hash { %d%%\n100%% }" % chance.randint(1, 99)])
    more = 10_000 * number
    return chance.choice([
        f"update step_{number} of db.t where n < {more}{chosen} {chunk} {{ set n = n + {more}{stages} }}",
        f"update step_{number} of db.t where n >= 0{chosen} {{ set n = n + {more} once {chunk}{stages} }}",
        f'update step_{number} of db.t where s != "done {number}"{chosen} {chunk} {{ set s = "done {number}"{stages} }}',
        f"insert step_{number} into db.w from db.t where n >= 0{chosen} {{ set t_id = id set n = n once per id {chunk}{stages} }}",
        f"delete step_{number} of db.u where m > {chance.randint(0, 400)} {chunk}{stages}",
    ])


def images_of(ledger):
    """By step, whatever chunk they are in; of added rows not what they are: their keys come in any order."""
    images = collections.Counter()
    for name, _, records in check_chains(ledger):
        for record in records:
            images[name, record.kind, record.table, tuple(record.before), tuple(sorted(record.after.items())) if record.kind != "i" else len(record.after)] += 1
    return images


def came(bfl, db, place, text, workers):
    trial = Trial(bfl, db, place, Job("beside", text, workers=workers))
    hold(trial.run(what=f"{workers} workers") == 0, f"{text}\n{trial.said}")
    db.settle()
    ledger = check_now(db, trial.job)
    trial.ask("audit", "verify", "job.bfl")
    # Keys that a sequence gave follow the order in which rows came.
    return {name: sorted(row[1:] if name == "w" else row for row in rows) for name, rows in ledger.tables.items()}, images_of(ledger)


def the_same_as_one_worker():
    if "postgres" not in engines():
        return SKIPPED
    bfl, _ = binaries()
    chance = random.Random(SEED)
    with folder() as place, database("postgres", place) as db:
        for _ in range(60 if LONG else 8):
            text = "\n".join(step(chance, number) for number in range(1, chance.randint(2, 4)))
            one = came(bfl, db, place, text, WORKERS[0])
            for workers in WORKERS[1:]:
                several = came(bfl, db, place, text, workers)
                hold(several[0] == one[0], f"seed {SEED}: {workers} workers leave other rows than one\n{text}")
                hold(several[1] == one[1], f"seed {SEED}: {workers} workers leave other images than one: {list((several[1] - one[1]) + (one[1] - several[1]))[:3]}\n{text}")
    say(f"seed {SEED}")


if __name__ == "__main__":
    main([the_same_as_one_worker])
