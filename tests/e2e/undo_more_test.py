#!/usr/bin/env python3
"""What `bfl undo` must not keep silent about: an older copy, lost images, rows put back in part, an order that stops it; on SQLite and
on PostgreSQL."""
import shutil

from both_engines import SQLITE, OnSqlite, call, on_both, sound, told
from harness import expect, main

JOB = """
job steps {{ why "Two steps." }}
source shop = {source}
update mark of shop.orders {{ set note = "seen" chunk 40 }}
update bump of shop.orders where id <= 100 {{ set line_count = line_count + 1 once chunk 20 }}
insert more into shop.products from shop.orders where id <= 5 {{ set id = 9000 + id set sku = f"NEW-{{id}}" set name = "new" set price = 1 once per id }}
"""


def sums(shop):
    return [shop.number("SELECT count(*) FROM orders WHERE note = 'seen'"), shop.number("SELECT sum(line_count) FROM orders"), shop.number("SELECT count(*) FROM products")]


def rows_of(shop):
    return [(int(key), note, int(count)) for key, note, count in shop.sql("SELECT id, coalesce(note, ''), line_count FROM orders")]


def rows_put_back_are_done_again(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source))
    call(place, "run", "job.bfl")
    done = sums(shop)
    most = shop.number("SELECT max(id) FROM products")
    call(place, "undo", "job.bfl", "--step", "mark", "--keys", "11..20")
    call(place, "undo", "job.bfl", "--step", "bump", "--keys", "11..20")
    call(place, "undo", "job.bfl", "--step", "more", "--keys", f"{most - 1}..{most}")
    expect(sums(shop) == [done[0] - 10, done[1] - 10, done[2] - 2], f"{sums(shop)}, {done}")
    planned = {step["step"]: step for step in told(place, "plan", "job.bfl")["steps"]}
    expect(planned["mark"]["decision"] == planned["bump"]["decision"] == "run", f"{planned}")
    said = call(place, "run", "job.bfl").stdout
    expect("10 rows were put back by an undo" in said and "nothing to do" not in said, said)
    expect(sums(shop) == done, f"{sums(shop)}, expected {done}: each row once")
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "now it is finished")
    sound(place)
    call(place, "undo", "job.bfl")
    expect(sums(shop) == [0, done[1] - 100, done[2] - 5], f"{sums(shop)}")
    sound(place)


def only_what_a_run_did(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source))
    call(place, "run", "job.bfl", "--limit-chunks", "3", code=75)
    first = told(place, "status")[0]["run"]
    call(place, "run", "job.bfl")
    done = sums(shop)
    second = told(place, "status")[0]["run"]
    call(place, "undo", "job.bfl", "--run", second)
    expect(sums(shop)[0] == 120, f"what the first run did is put back as well: {sums(shop)}")
    call(place, "run", "job.bfl")
    expect(sums(shop) == done, f"{sums(shop)}, expected {done}")
    call(place, "undo", "job.bfl", "--run", first)
    expect(sums(shop)[0] == done[0] - 120, f"{sums(shop)}")
    said = call(place, "undo", "job.bfl", "--run", "nope", code=2).stderr
    expect("no run of steps begins with `nope`" in said and "bfl status" in said, said)
    said = call(place, "undo", "job.bfl", "--step", "mark", "--keys", "9..1", code=2).stderr
    expect("`--keys 9..1` holds no key" in said and "--keys 1..9" in said, said)
    expect("does not go with" in call(place, "undo", "job.bfl", "--finish", "--step", "mark", code=2).stderr, "--finish")
    expect("no undo was cut short" in call(place, "undo", "job.bfl", "--finish").stdout, "--finish")
    sound(place)


def what_is_not_finished_is_undone_whole(place, shop):
    """A step goes on behind its last chunk: a part that was put back would be left behind as done."""
    place.write("job.bfl", JOB.format(source=shop.source))
    before = sums(shop)
    call(place, "run", "job.bfl", "--limit-chunks", "2", code=75)
    first = told(place, "status")[0]["run"]
    call(place, "run", "job.bfl", "--limit-chunks", "1", code=75)
    for words in (["--run", first], ["--step", "mark", "--keys", "1..9"]):
        said = call(place, "undo", "job.bfl", *words, code=4).stderr
        expect("`mark` is not finished" in said and "run it to its end" in said, said)
    expect("no run of steps begins with `nope`" in call(place, "undo", "job.bfl", "--plan", "--run", "nope", code=2).stderr, "--plan")
    call(place, "undo", "job.bfl", "--step", "mark")
    expect(sums(shop) == before, f"{sums(shop)}, {before}")
    call(place, "run", "job.bfl")
    expect(sums(shop)[0] == 200, f"{sums(shop)}")
    sound(place)


def an_order_stops_it(place, shop):
    """Before its first row nothing is left that would have to be finished."""
    place.write("job.bfl", JOB.format(source=shop.source))
    call(place, "run", "job.bfl")
    done = sums(shop)
    call(place, "halt", "job.bfl")
    stopped = call(place, "undo", "job.bfl", "--step", "mark", code=75)
    expect("to go on: bfl undo job.bfl --step mark" in stopped.stdout, stopped.stdout)
    call(place, "resume", "job.bfl")
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "an undo that has done nothing is in the way")
    place.env["BFL_HALT"] = "1"
    call(place, "undo", "job.bfl", "--step", "bump", code=75)
    del place.env["BFL_HALT"]
    expect("nothing to do" in call(place, "run", "job.bfl").stdout and sums(shop) == done, "a halted undo")
    call(place, "undo", "job.bfl", "--step", "bump")
    sound(place)


def an_older_copy_is_refused(place):
    shop = OnSqlite(place)
    place.write("job.bfl", JOB.format(source=SQLITE))
    call(place, "run", "job.bfl", "--limit-chunks", "2", code=75)
    place.sql(f"VACUUM INTO '{place.folder / 'older.db'}'")
    call(place, "run", "job.bfl")
    place.sql(f"VACUUM INTO '{place.folder / 'done.db'}'")

    def put_back(name):
        for left in ("shop.db-wal", "shop.db-shm"):
            (place.folder / left).unlink(missing_ok=True)
        shutil.copy(place.folder / name, place.folder / "shop.db")

    put_back("older.db")
    before = sums(shop)
    forward = call(place, "run", "job.bfl", code=4).stderr
    for words in ([], ["--plan"], ["--step", "mark"]):
        said = call(place, "undo", "job.bfl", *words, code=4).stderr
        line = next(line for line in forward.splitlines() if "is older than the local state" in line)
        expect(line.split("]: ")[1] in said and "--lost redo" in said and "BFL0511" in said, f"{words}: {said}\n{forward}")
    expect(sums(shop) == before, "a refused undo changed something")
    # The same after an undo: what it has put back is not there.
    put_back("done.db")
    call(place, "undo", "job.bfl")
    put_back("done.db")
    expect("is older than the local state" in call(place, "run", "job.bfl", code=4).stderr, "a copy from before the undo was run")
    expect("is older than the local state" in call(place, "undo", "job.bfl", code=4).stderr, "a copy from before the undo was undone")


def lost_images_are_told(place, shop):
    """bfl's tables alone were put back, and the rows are believed: nobody knows what they were."""
    place.write("job.bfl", JOB.format(source=shop.source))
    before = rows_of(shop)
    counts = shop.number("SELECT sum(line_count) FROM orders")

    def older_tables(chunks):
        call(place, "run", "job.bfl", "--limit-chunks", str(chunks), code=75)
        shop.keep_own_tables()
        call(place, "run", "job.bfl", "--limit-chunks", "1", code=75)
        shop.put_back_own_tables()
        call(place, "state", "rebuild", "job.bfl", "--from", "shop", "--lost", "keep")

    older_tables(2)   # of `mark`: rows 81 to 120 have no images
    call(place, "run", "job.bfl", "--limit-chunks", "2", code=75)
    older_tables(1)   # of `bump`: rows 21 to 40 of its set
    call(place, "run", "job.bfl")
    expect(sums(shop)[0] == 200 and sums(shop)[1] == counts + 100, f"each row once: {sums(shop)}")

    found = sound(place)
    expect([(gap["step"], gap["chunks"], gap["rows"]) for gap in found["lost"]] == [("mark", 1, "the rows behind 80 up to 120"), ("bump", 1, "rows 21 to 40 of its sealed set")], f"{found['lost']}")
    expect("without images: `mark` of steps" in call(place, "audit", "verify", "job.bfl").stdout, "audit verify")
    row = told(place, "audit", "row", "shop.orders", "100")
    expect([gap["step"] for gap in row["lost"]] == ["mark"], f"{row['lost']}")
    expect([gap["step"] for gap in told(place, "audit", "row", "shop.orders", "30")["lost"]] == ["bump"], "a row of the sealed set")
    expect("this row may be of them" in call(place, "audit", "row", "shop.orders", "100").stdout and told(place, "audit", "row", "shop.orders", "150")["lost"] == [], "audit row")
    steps = {step["step"]: step for step in told(place, "registry", "job.bfl")["targets"][0]["jobs"][0]["versions"][0]["steps"]}
    expect(steps["mark"]["chunks_lost"] == steps["bump"]["chunks_lost"] == 1, f"{steps}")
    expect("1 chunk without images" in call(place, "registry", "job.bfl").stdout, "registry")

    planned = told(place, "undo", "job.bfl", "--plan")
    expect({step["step"]: step["chunks_lost"] for step in planned} == {"more": 0, "bump": 1, "mark": 1}, f"{planned}")
    undone = call(place, "undo", "job.bfl", code=3).stdout
    expect("mark: the rows behind 80 up to 120 cannot be put back" in undone and "bump: rows 21 to 40 of its sealed set cannot be put back" in undone, undone)
    now = {row[0]: row for row in rows_of(shop)}
    for key, note, count in before:
        wanted = (key, "seen" if 81 <= key <= 120 else note, count + 1 if 21 <= key <= 40 else count)
        expect(now[key] == wanted, f"row {key} is {now[key]}, expected {wanted}")
    sound(place)
    expect("nothing to undo" in call(place, "undo", "job.bfl").stdout, "what of it has images is put back already")
    call(place, "run", "job.bfl")
    expect(sums(shop)[0] == 200 and sums(shop)[1] == counts + 100, f"what could not be put back was done twice: {sums(shop)}")
    sound(place)


main([*on_both(rows_put_back_are_done_again), *on_both(only_what_a_run_did), *on_both(what_is_not_finished_is_undone_whole), *on_both(an_order_stops_it), an_older_copy_is_refused, *on_both(lost_images_are_told)])
