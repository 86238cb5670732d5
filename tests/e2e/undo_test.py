#!/usr/bin/env python3
"""`bfl undo`: random jobs over random tables, put back bit for bit; with edits by others in between, exactly those rows stay.

The seed of the random tests is printed when one fails; BFL_SEED repeats it.
"""
import json
import os
import random
import signal
import time

from harness import expect, main

SEED = int(os.environ.get("BFL_SEED", random.randrange(1 << 30)))
TABLE = "SELECT id, typeof(a), quote(a), typeof(b), quote(b), quote(c), quote(d) FROM t ORDER BY id"


def make(place, chance, rows):
    def number():
        return chance.choice([None, chance.randrange(-5, 50), chance.randrange(1 << 40)])

    def text():
        return chance.choice([None, "", "x", "it's", "snow \u2603", "a" * chance.randrange(200)])

    place.sql("CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c NUMERIC(10,2), d TEXT NOT NULL DEFAULT 'd')")
    place.sql("CREATE TABLE child (id INTEGER PRIMARY KEY, t INTEGER NOT NULL REFERENCES t (id), note TEXT)")
    keys = sorted(chance.sample(range(1, rows * 5), rows))
    for key in keys:
        place.sql("INSERT INTO t (id, a, b, c) VALUES (?, ?, ?, ?)", "shop.db", key, number(), text(), chance.choice([None, 1.25, 7, 100.1]))
    for child, key in enumerate(chance.sample(keys, rows // 4)):
        place.sql("INSERT INTO child VALUES (?, ?, ?)", "shop.db", child + 1, key, text())
    return keys


def random_job(chance, keys):
    steps = []
    for number in range(chance.randrange(1, 5)):
        where = chance.choice(["", f"where id > {chance.choice(keys)}", f"where mod(id, {chance.randrange(2, 6)}) == 0", "where a == null", "where b != null"])
        chunk = chance.choice(["", f"chunk {chance.randrange(1, 40)}"])
        steps.append(chance.choice([
            f"update s{number} of db.t {where} {chunk} {{ set a = {chance.randrange(100)} }}",
            f"update s{number} of db.t {where} {chunk} {{ set a = 7 set b = \"new\" }}",
            f"update s{number} of db.t {where} {{ set a = (a ?? 0) + 1 once {chunk} }}",
            f"update s{number} of db.t {where} {{ set c = 3.50 set b = null }}",
            f"delete s{number} of db.t {where + ' and' if where else 'where'} not (id in (t from db.child))",
            f"insert s{number} into db.t from (db.child where id < {chance.randrange(1, 30)}) {{ set id = 100000 + {number} * 10000 + id set b = note key id }}",
        ]))
    return "job j { why \"a test\" }\nsource db = sqlite(\"shop.db\")\n" + "\n".join(steps) + "\n"


def sound(place):
    found = json.loads(place.call("audit", "verify", "job.bfl", "--json").stdout)
    expect(found["ok"], f"seed {SEED}: {found}")


def random_jobs_are_put_back(place):
    chance = random.Random(SEED)
    for trial in range(int(os.environ.get("BFL_UNDO_TRIALS", "8"))):
        for left in place.folder.glob("**/*.db*"):
            left.unlink()
        keys = make(place, chance, 60)
        before = place.sql(TABLE)
        job = random_job(chance, keys)
        place.write("job.bfl", job)
        where = f"seed {SEED}, trial {trial}\n{job}"
        done = place.call("run", "job.bfl", code=None)
        expect(done.returncode == 0, f"{where}{done.stdout}{done.stderr}")
        after = place.sql(TABLE)
        plan = json.loads(place.call("undo", "job.bfl", "--plan", "--json").stdout)
        expect(place.sql(TABLE) == after, f"{where}\nthe plan changed something")
        expect(all(step["conflicts"] == 0 for step in plan), f"{where}\n{plan}")
        done = place.call("undo", "job.bfl", code=None)
        expect(done.returncode == 0, f"{where}{done.stdout}{done.stderr}")
        expect(place.sql(TABLE) == before, f"{where}\nit is not as it was")
        sound(place)
        expect("nothing to undo" in place.call("undo", "job.bfl").stdout, where)
        # The undo undone.
        if plan:
            run = json.loads(place.call("status", "--json").stdout)[0]["run"]
            place.call("undo", "job.bfl", "--run", run)
            expect(place.sql(TABLE) == after, f"{where}\nthe undo of the undo is not as it was")
            sound(place)


def edits_of_others_stay(place):
    chance = random.Random(SEED + 1)
    for trial in range(int(os.environ.get("BFL_UNDO_TRIALS", "6"))):
        for left in place.folder.glob("**/*.db*"):
            left.unlink()
        keys = make(place, chance, 60)
        before = {row[0]: row for row in place.sql(TABLE)}
        chunk = chance.choice(["", "chunk 7"])
        place.write("job.bfl", "job j { why \"a test\" }\nsource db = sqlite(\"shop.db\")\n"
                               f"update up of db.t where mod(id, 2) == 0 {chunk} {{ set a = -77 set b = \"new\" }}\n"
                               "delete gone of db.t where mod(id, 5) == 1 and not (id in (t from db.child))\n")
        place.call("run", "job.bfl")
        after = {row[0]: row for row in place.sql(TABLE)}
        conflicts = set()
        for key in chance.sample(keys, 12):
            if key not in after:
                place.sql("INSERT INTO t (id, a) VALUES (?, 1)", "shop.db", key)
                conflicts.add(key)
            elif chance.random() < 0.3:
                place.sql("UPDATE t SET d = 'others' WHERE id = ?", "shop.db", key)  # a column that no step has set
            else:
                place.sql("UPDATE t SET a = coalesce(a, 0) + 1000 WHERE id = ?", "shop.db", key)
                if after[key] != before[key]:
                    conflicts.add(key)
        edited = {row[0]: row for row in place.sql(TABLE)}
        done = place.call("undo", "job.bfl", code=3 if conflicts else 0)
        now = {row[0]: row for row in place.sql(TABLE)}
        for key in keys:
            if key in conflicts:
                expect(now[key] == edited[key], f"seed {SEED}, trial {trial}: row {key} was edited, and is {now[key]}")
            else:
                kept = before[key][:6] + (edited.get(key, before[key])[6],)
                if edited.get(key) != after.get(key) and after.get(key) == before[key]:
                    kept = edited[key]
                expect(now[key] == kept, f"seed {SEED}, trial {trial}: row {key} is {now[key]}, expected {kept}")
        listed = {int(line.split("conflict: t ")[1].split(":")[0]) for line in done.stdout.splitlines() if "conflict: t " in line}
        expect(listed == conflicts, f"seed {SEED}, trial {trial}: expected {conflicts}\n{done.stdout}")
        sound(place)


def steps_runs_and_keys(place):
    place.shop(500)
    place.write("job.bfl", """
job steps { why "Two steps over the same rows." }
source shop = sqlite("shop.db")
update first of shop.orders { set line_count = line_count + 1 once }
update second of shop.orders where id <= 100 { set line_count = line_count + 1 once }
update other of shop.orders { set note = "seen" }
""")
    before = place.sql("SELECT id, line_count, note FROM orders")
    place.call("run", "job.bfl")
    refused = place.call("undo", "job.bfl", "--step", "first", code=4)
    expect("`second` of steps" in refused.stderr, refused.stderr)
    expect(place.value("SELECT count(*) FROM orders WHERE note = 'seen'") == 500, "a refused undo changed something")
    place.call("undo", "job.bfl", "--step", "other", "--keys", "11..20")
    expect([k for (k,) in place.sql("SELECT id FROM orders WHERE note IS NOT 'seen'")] == list(range(11, 21)), "a range of keys")
    expect("10 rows were put back by an undo" in place.call("run", "job.bfl").stdout, "rows that were put back are done again")
    place.call("undo", "job.bfl", "--step", "other", "--keys", "11..20")
    place.call("undo", "job.bfl", "--step", "second")
    place.call("undo", "job.bfl", "--step", "first")
    place.call("undo", "job.bfl")
    expect(place.sql("SELECT id, line_count, note FROM orders") == before, "not as it was")
    place.call("run", "job.bfl")
    expect(place.value("SELECT count(*) FROM orders WHERE note = 'seen'") == 500, "what was undone is done again")
    for words, said in [(["--step", "none"], "never had"), (["--keys", "1..2"], "no step is named"), (["--step", "first", "--keys", "1"], "no range")]:
        expect(said in place.call("undo", "job.bfl", *words, code=2).stderr, f"{words}")


def killed_and_resumed(place):
    chance = random.Random(SEED + 2)
    place.shop(20000)
    place.write("job.bfl", """
job bump { why "Each row one higher, once." }
source shop = sqlite("shop.db")
update bump of shop.orders { set line_count = line_count + 1 once chunk 500 }
""")
    before = place.sql("SELECT id, line_count FROM orders")
    place.call("run", "job.bfl")
    place.call("undo", "job.bfl", "--limit-chunks", "2", code=75)
    expect("finish it with `bfl undo job.bfl --finish`" in place.call("run", "job.bfl", code=4).stderr, "a run in the middle of an undo")
    for _ in range(5):
        process = place.start("undo", "job.bfl")
        limit = time.monotonic() + chance.uniform(0, 0.3)
        while time.monotonic() < limit and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        sound(place)
    place.call("undo", "job.bfl")
    expect(place.sql("SELECT id, line_count FROM orders") == before, f"seed {SEED}: not as it was")
    sound(place)


def some_keys_cut_short(place):
    """An undo of some keys that was cut short goes on with these keys, whatever is asked for; other keys are undone besides."""
    place.shop(6000)
    place.write("job.bfl", """
job mark { why "All are marked." }
source shop = sqlite("shop.db")
update mark of shop.orders { set note = "seen" }
""")
    before = place.sql("SELECT id, note FROM orders")
    place.call("run", "job.bfl")
    stopped = place.call("undo", "job.bfl", "--step", "mark", "--keys", "100..5900", "--limit-chunks", "1", code=75).stdout
    expect("to go on: bfl undo job.bfl --step mark --keys 100..5900" in stopped, stopped)
    expect("bfl undo job.bfl --finish" in place.call("run", "job.bfl", code=4).stderr, "a run in the middle of it")
    place.call("undo", "job.bfl", "--finish")
    left = [key for (key,) in place.sql("SELECT id FROM orders WHERE note IS 'seen'")]
    expect(left == [*range(1, 100), *range(5901, 6001)], f"{len(left)} rows are left as the job made them")
    sound(place)
    place.call("undo", "job.bfl", "--step", "mark", "--keys", "1..50", "--limit-chunks", "1", code=75)
    place.call("undo", "job.bfl", "--step", "mark", "--keys", "5950..6000")
    left = [key for (key,) in place.sql("SELECT id FROM orders WHERE note IS 'seen'")]
    expect(left == [*range(51, 100), *range(5901, 5950)], f"what was cut short, or what was asked for, was not done: {left}")
    place.call("undo", "job.bfl", "--step", "mark", "--keys", "51..60", "--limit-chunks", "1", code=75)
    place.call("undo", "job.bfl")
    expect(place.sql("SELECT id, note FROM orders") == before, "not as it was")
    sound(place)


def what_the_database_refuses_stays(place):
    """A row that a constraint keeps from going back is a conflict; the others go back."""
    for deferred in ("", "DEFERRABLE INITIALLY DEFERRED"):
        for left in place.folder.glob("**/*.db*"):
            left.unlink()
        place.sql("CREATE TABLE owner (id INTEGER PRIMARY KEY)")
        place.sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT UNIQUE, owner INTEGER REFERENCES owner (id) {deferred})")
        place.sql("INSERT INTO owner VALUES (1), (2)")
        place.sql("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO t SELECT i, 'c' || i, 1 + i % 2 FROM n")
        place.write("job.bfl", """
job move { why "All go to the second, with new codes." }
source db = sqlite("shop.db")
update move of db.t { set owner = 2 set code = "new" + to_text(id) }
""")
        place.call("run", "job.bfl")
        place.sql("INSERT INTO t VALUES (100, 'c7', 2), (101, 'c31', 2)")
        place.sql("DELETE FROM owner WHERE id = 1")
        done = place.call("undo", "job.bfl", code=3)
        back = [key for (key,) in place.sql("SELECT id FROM t WHERE code = 'c' || id ORDER BY id")]
        expect(back == [i for i in range(1, 51) if i % 2 and i not in (7, 31)], f"{deferred}: {back}\n{done.stdout}")
        expect(place.value("SELECT count(*) FROM t WHERE code = 'new' || id AND owner = 2") == 27, "the others were changed")
        expect("t 31: " in done.stdout and "t 32: " in done.stdout, done.stdout)
        sound(place)


def what_refers_to_a_new_row_keeps_it(place):
    place.shop(50)
    place.write("job.bfl", """
job grow { why "A new customer." }
source shop = sqlite("shop.db")
insert added into shop.customers from (shop.customers where id <= 2) { set id = 900 + id set email = email set name = name set country = country key id }
""")
    place.call("run", "job.bfl")
    place.sql("UPDATE orders SET customer_id = 901 WHERE id = 1")
    done = place.call("undo", "job.bfl", code=3)
    expect("customers 901: a row of `orders` refers to it" in done.stdout, done.stdout)
    expect(place.sql("SELECT id FROM customers WHERE id > 900") == [(901,)], "the row that nothing refers to stayed, or the other went")


main([random_jobs_are_put_back, edits_of_others_stay, steps_runs_and_keys, killed_and_resumed, some_keys_cut_short, what_the_database_refuses_stays, what_refers_to_a_new_row_keeps_it])
