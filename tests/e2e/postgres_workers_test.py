#!/usr/bin/env python3
"""Several workers on one step: each row once through kills at any moment, chunks without gap in every lane, limits kept, and the
same rows and images as with one.

The jobs are guarded, not convergent (`total = total + tax + 1` where it is missing), so that a row that was changed twice, or
never, shows.
"""
import os
import random
import signal
import time

from harness import expect, main
from postgres_harness import on_postgres

KILLS = int(os.environ.get("BFL_KILLS", "8"))
ROWS = 6000

ADD_TAX = """
job add { why "Tax is added where it is missing." }
source shop = postgres(env("SHOP_URL"), workers: 4)
update add of shop.orders where total == subtotal chunk 100 { set total = total + tax + 1 }
"""
COUNTED = """
job stock { why "Each row one higher, where it is not yet." }
source shop = postgres(env("SHOP_URL"), workers: 4)
update bump of shop.counted where n == was chunk 50 { set n = n + 1 }
"""


def wrong_shop(db, rows=ROWS):
    db.shop(rows)
    db.sql("UPDATE orders SET total = subtotal")
    db.sql("ANALYZE orders")
    os.environ["SHOP_URL"] = db.url


def changed_once(db, said=""):
    wrong = db.value("SELECT count(*) FROM orders WHERE total <> subtotal + tax + 1")
    expect(wrong == "0", f"{wrong} rows were not changed exactly once {said}")


def ledger_is_whole(place, db, rows, said=""):
    expect(db.value("SELECT count(*) FROM bfl.ledger AS l JOIN bfl.lane USING (step, lane) WHERE l.seq >= bfl.lane.seq") == "0", f"entries beyond a lane {said}")
    gaps = db.sql("SELECT step, lane FROM bfl.ledger GROUP BY step, lane HAVING count(*) <> max(seq) + 1")
    expect(not gaps, f"lanes with gaps {said}: {gaps}")
    counted = db.value("SELECT sum((entry::json->>'changed')::bigint) FROM bfl.ledger WHERE entry::json->>'kind' = 'chunk'")
    expect(counted == str(rows) == db.value("SELECT sum(changed) FROM bfl.step"), f"the entries count {counted}, the step {db.value('SELECT sum(changed) FROM bfl.step')}, of {rows} {said}")
    place.call("audit", "verify", "job.bfl", env=place.env)


@on_postgres
def same_as_one_worker(place, db):
    wrong_shop(db)
    place.write("job.bfl", ADD_TAX)
    out = place.call("run", "job.bfl").stdout
    expect(f"{ROWS:,} rows changed" in out, f"not every row was changed:\n{out}")
    changed_once(db)
    ledger_is_whole(place, db, ROWS)
    used = int(db.value("SELECT count(DISTINCT lane) FROM bfl.ledger AS l JOIN bfl.step AS s ON s.id = l.step WHERE s.name = 'add'"))
    expect(used > 4, f"{used} lanes")
    chunks = db.value("SELECT count(*) FROM bfl.ledger WHERE entry::json->>'kind' = 'chunk'")
    with_four = db.sql("SELECT * FROM orders ORDER BY id")
    expect("nothing to do" in place.call("run", "job.bfl").stdout, "the second run did something")
    db.sql("UPDATE orders SET total = subtotal; DROP SCHEMA bfl CASCADE")
    place.call("run", "job.bfl", "--workers", "1", "--state", "one.db")
    ledger_is_whole(place, db, ROWS, "with one worker")
    expect(with_four == db.sql("SELECT * FROM orders ORDER BY id"), "one worker leaves other rows")
    one = db.value("SELECT count(*) FROM bfl.ledger WHERE entry::json->>'kind' = 'chunk'")
    expect(abs(int(one) - int(chunks)) <= 64, f"{chunks} chunks with four workers, {one} with one")


def killed(place, db, job, left, rows):
    place.write("job.bfl", job)
    os.environ["SHOP_URL"] = db.url
    chance = random.Random(seed := int(os.environ.get("BFL_SEED", random.randrange(1 << 30))))
    kills = 0
    for number in range(KILLS):
        process = place.start("run", "job.bfl", *chance.choice([(), ("--workers", "1"), ("--workers", "2"), ("--workers", "7")]))
        try:
            process.wait(chance.uniform(0.02, 0.3))
        except Exception:
            process.send_signal(signal.SIGKILL)
            kills += 1
        out, err = process.communicate()
        expect(process.returncode in (-9, 0), f"seed {seed}: exit {process.returncode}\n{out}{err}")
    place.call("run", "job.bfl")
    expect(db.value(left) == "0", f"seed {seed}: {db.value(left)} rows were not changed exactly once")
    ledger_is_whole(place, db, rows, f"seed {seed}")
    expect("nothing to do" in place.call("run", "job.bfl").stdout, f"seed {seed}: a finished job did something")
    print(f"         seed {seed}, {kills} kills")


@on_postgres
def killed_at_random(place, db):
    wrong_shop(db, 12000)
    killed(place, db, ADD_TAX, "SELECT count(*) FROM orders WHERE total <> subtotal + tax + 1", 12000)


@on_postgres
def killed_under_a_compound_key(place, db):
    db.sql("CREATE TABLE counted (place text COLLATE \"C\", number int, was int NOT NULL, n int NOT NULL, PRIMARY KEY (place, number));"
           "INSERT INTO counted SELECT chr(97 + i % 26), i, i, i FROM generate_series(1, 9000) AS n(i); ANALYZE counted")
    killed(place, db, COUNTED, "SELECT count(*) FROM counted WHERE n <> was + 1", 9000)


@on_postgres
def stopped_and_gone_on_with_by_fewer(place, db):
    wrong_shop(db)
    place.write("job.bfl", ADD_TAX)
    place.call("run", "job.bfl", "--limit-chunks", "9", code=75)
    chunks = db.value("SELECT count(*) FROM bfl.ledger WHERE entry::json->>'kind' = 'chunk'")
    expect(chunks == "9", f"{chunks} chunks where 9 were allowed")
    done = "SELECT count(*) FROM orders WHERE total = subtotal + tax + 1"
    ledger_is_whole(place, db, db.value(done), "after nine chunks")
    place.call("run", "job.bfl", "--limit-chunks", "5", "--workers", "2", code=75)
    ledger_is_whole(place, db, db.value(done), "after fourteen")
    place.call("run", "job.bfl", "--workers", "1")
    changed_once(db)
    ledger_is_whole(place, db, ROWS)


@on_postgres
def interrupted(place, db):
    for times in (1, 2):
        wrong_shop(db, 20000 // times)
        db.sql("DROP SCHEMA IF EXISTS bfl CASCADE")
        place.write("job.bfl", ADD_TAX.replace("chunk 100", "chunk 40"))
        process = place.start("run", "job.bfl", "--state", f"{times}.db")
        limit = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < limit and db.value("SELECT to_regclass('bfl.ledger') IS NULL OR NOT EXISTS (SELECT FROM pg_class WHERE relname = 'ledger')") == "t":
            time.sleep(0.01)
        time.sleep(0.2)
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        out, err = process.communicate(timeout=60)
        expect(process.returncode in (0, 130), f"exit {process.returncode} after {times} times Ctrl-C:\n{out}{err}")
        place.call("run", "job.bfl", "--state", f"{times}.db")
        changed_once(db, f"after {times} times Ctrl-C")
        db.sql("DROP TABLE orders CASCADE; DROP SCHEMA bfl CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")


@on_postgres
def limits_hold_together(place, db):
    wrong_shop(db)
    place.write("job.bfl", ADD_TAX.replace("chunk 100 {", "chunk 100 {\n  expect changed <= 2500"))
    said = place.call("run", "job.bfl", code=1).stderr
    expect("2500" in said.replace(",", "").replace("_", ""), said)
    done = int(db.value("SELECT count(*) FROM orders WHERE total = subtotal + tax + 1"))
    expect(0 < done <= 2500, f"{done} rows were changed where 2,500 were allowed")
    ledger_is_whole(place, db, done)


@on_postgres
def a_row_that_does_not_fit_is_named(place, db):
    wrong_shop(db)
    db.sql("ALTER TABLE orders ADD CONSTRAINT small CHECK (id <> 4321 OR total < subtotal + tax)")
    place.write("job.bfl", ADD_TAX)
    said = place.call("run", "job.bfl", code=1).stderr
    expect("4321" in said and "small" in said, f"it does not name the row:\n{said}")
    db.sql("ALTER TABLE orders DROP CONSTRAINT small")
    place.call("run", "job.bfl")
    changed_once(db)
    ledger_is_whole(place, db, ROWS)


@on_postgres
def connections_cut(place, db):
    """The server ends sessions of the run again and again: the workers connect anew, or the next run goes on."""
    wrong_shop(db, 20000)
    place.write("job.bfl", ADD_TAX.replace("chunk 100", "chunk 50"))
    process = place.start("run", "job.bfl")
    cuts = 0
    while process.poll() is None and cuts < 200:
        db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bfl%' ORDER BY random() LIMIT 1")
        cuts += 1
        time.sleep(0.1)
    out, err = process.communicate(timeout=120)
    expect(process.returncode in (0, 5, 75), f"exit {process.returncode}\n{out}{err}")
    place.call("run", "job.bfl", code=None)
    place.call("run", "job.bfl")
    changed_once(db)
    ledger_is_whole(place, db, 20000)


if __name__ == "__main__":
    main([same_as_one_worker, killed_at_random, killed_under_a_compound_key, stopped_and_gone_on_with_by_fewer, interrupted, limits_hold_together,
          a_row_that_does_not_fit_is_named, connections_cut])
