#!/usr/bin/env python3
"""What an undo takes, and what is said and counted of it: by whoever asks for one, and by runs that undo themselves; on SQLite and on
PostgreSQL."""
import json

from both_engines import call, on_both, sound, told
from harness import expect, main

MEETING = """
job add {{ why "Counts were too low." rollback when conflicts > 1 }}
source shop = {source}
update bump of shop.orders where id <= 60 {{ set line_count = line_count + count(shop.orders where line_count >= 0) once chunk 20 }}
"""
STACKED = """
job stacked {{ why "One on the other." }}
source shop = {source}
update mark of shop.orders {{ set note = "seen" chunk 40 }}
update later of shop.orders where id <= 100 and note == "seen" {{ set note = "later" set country = "XX" once chunk 20 }}
insert more into shop.products from shop.orders where id <= 5 {{ set id = 9000 + id set sku = f"NEW-{{id}}" set name = "new" set price = 1 once per id }}
update twice of shop.lines where order_id <= 20 {{ set quantity = quantity + 1 once }}
delete gone of shop.lines where order_id <= 10
"""
NOTES = "SELECT id, note, country FROM orders ORDER BY id"


def conflicts_add_up_over_runs(place, shop):
    """Each run meets fewer than the job allows; all of them together meet more, and only what no run has finished counts."""
    place.write("job.bfl", MEETING.format(source=shop.source))
    before = dict(shop.sql("SELECT id, line_count FROM orders"))
    call(place, "run", "job.bfl", "--limit-chunks", "1", code=75)
    shop.sql("UPDATE orders SET line_count = 7000 WHERE id = 30")
    call(place, "run", "job.bfl", "--limit-chunks", "1", code=75)
    shop.sql("UPDATE orders SET line_count = 7000 WHERE id = 50")
    said = call(place, "run", "job.bfl", code=1).stderr
    expect("BFL0526" in said and "2 rows are in conflict, and 58 were changed" in said, said)
    now = dict(shop.sql("SELECT id, line_count FROM orders"))
    wanted = {**before, **{key: 7000 if shop.engine == "sqlite" else "7000" for key in before if str(key) in ("30", "50")}}
    expect(now == wanted, f"not all is put back: {[key for key in now if now[key] != wanted[key]]}")
    sound(place)
    # One more is one, of an application that has none behind it.
    call(place, "run", "job.bfl", "--limit-chunks", "1", code=75)
    shop.sql("UPDATE orders SET line_count = 8000 WHERE id = 30")
    said = call(place, "run", "job.bfl", code=3)
    expect("BFL0526" not in said.stderr and "1 in conflict" in said.stdout, said.stdout + said.stderr)
    expect(shop.number("SELECT count(*) FROM orders WHERE id <= 60 AND line_count >= 200") == 60, "it is undone for what was undone before")
    sound(place)


def what_the_plan_counts_is_what_is_done(place, shop):
    place.write("job.bfl", STACKED.format(source=shop.source))
    shop.sql("UPDATE orders SET note = NULL, country = 'DE'")
    call(place, "run", "job.bfl")
    shop.sql("UPDATE orders SET note = 'mine' WHERE id = 5")        # in the way of both steps
    shop.sql("UPDATE orders SET note = 'seen', country = 'DE' WHERE id = 6")  # as it was before the newer one
    shop.sql("UPDATE orders SET note = NULL WHERE id = 150")        # as it was before
    shop.sql("UPDATE orders SET country = 'YY' WHERE id = 8")       # in the way of the newer one
    shop.sql("UPDATE products SET price = 2 WHERE sku = 'NEW-3'")
    shop.sql("DELETE FROM products WHERE sku = 'NEW-4'")
    shop.sql("UPDATE lines SET quantity = 99 WHERE order_id = 15")  # of the older one
    product = shop.number("SELECT min(id) FROM products")
    shop.sql(f"INSERT INTO lines VALUES (2, 1, {product}, 77)")     # a key that was free
    planned = {step["step"]: step for step in told(place, "undo", "job.bfl", "--plan")}
    done = call(place, "undo", "job.bfl", "--json", code=3).stdout
    ended = {event["step"].removeprefix("undo "): event for event in map(json.loads, done.splitlines()) if event.get("event", event.get("kind")) == "step_finished"}
    expect(set(ended) == set(planned) == {"mark", "later", "more", "twice", "gone"}, f"{sorted(ended)}, {sorted(planned)}\n{done}")
    for name, step in planned.items():
        event = ended[name]
        expect((step["put_back"], step["conflicts"]) == (event.get("rows_changed", 0), event.get("conflicts", 0)), f"{name} was planned as {step}, and done as {event}")
    expect([planned[name]["conflicts"] for name in ("mark", "later", "more", "gone")] == [2, 2, 1, 1] and planned["twice"]["conflicts"] >= 1, f"{planned}")
    expect(planned["mark"]["as_before"] == 1 and planned["more"]["as_before"] == 1, f"{planned}")
    sound(place)


def what_a_later_run_stands_on_stays(place, shop):
    """Of a step behind it only a part would go back: what the rest of it has changed keeps the rows below from going."""
    place.write("job.bfl", STACKED.format(source=shop.source))
    before = shop.sql(NOTES)
    call(place, "run", "job.bfl", "--limit-chunks", "6", code=75)  # all of `mark`, 20 rows of `later`
    first = told(place, "status")[0]["run"]
    call(place, "run", "job.bfl")
    second = told(place, "status")[0]["run"]
    rows = shop.sql(NOTES)
    said = call(place, "undo", "job.bfl", "--run", first, code=4).stderr
    expect("`later` of stacked, generation 1, has changed rows since that `mark` would put back" in said, said)
    expect(shop.sql(NOTES) == rows, "a refused undo changed something")
    call(place, "undo", "job.bfl", "--run", second)
    expect(shop.number("SELECT count(*) FROM orders WHERE note = 'later'") == 20, "what the second run did")
    call(place, "undo", "job.bfl", "--run", first)
    expect(shop.sql(NOTES) == before, "what the first run did")
    sound(place)


def keys_of_other_kinds(place, shop):
    """A key is found as people write it, whatever the engine keeps."""
    shop.sql("CREATE TABLE days (day DATE PRIMARY KEY, note TEXT)")
    shop.sql("INSERT INTO days VALUES " + ", ".join(f"('2025-03-{day:02}', 'of {day}')" for day in range(1, 21)))
    place.write("job.bfl", f'job days {{ why "w" }}\nsource shop = {shop.source}\nupdate mark of shop.days {{ set note = "seen" }}\n')
    call(place, "run", "job.bfl")
    row = told(place, "audit", "row", "shop.days", "2025-03-07", "job.bfl")["changes"]
    expect([change["columns"]["note"]["before"] for change in row] == ['"of 7"'], f"{row}")
    said = call(place, "audit", "row", "shop.days", "7 March", "job.bfl", code=2).stderr
    expect("`7 March` is no key of `days`, expected a date for `day`" in said, said)
    call(place, "undo", "job.bfl", "--step", "mark", "--keys", "2025-03-05..2025-03-09")
    expect([row[0] for row in shop.sql("SELECT note FROM days WHERE note <> 'seen' ORDER BY day")] == [f"of {day}" for day in range(5, 10)], "of some days")
    sound(place)


def older_tables(place, shop, chunks):
    """bfl's tables alone are put back to before the last of so many chunks, and the rows are believed."""
    call(place, "run", "job.bfl", "--limit-chunks", str(chunks - 1), code=75)
    shop.keep_own_tables()
    call(place, "run", "job.bfl", "--limit-chunks", "1", code=75)
    shop.put_back_own_tables()
    call(place, "state", "rebuild", "job.bfl", "--from", "shop", "--lost", "keep")


def a_run_that_undoes_itself_says_what_stays(place, shop):
    place.write("job.bfl", f"""
job says {{ why "w" rollback when verify_failed }}
source shop = {shop.source}
update mark of shop.orders {{ set note = "seen" chunk 40 }}
verify few {{ assert count(shop.orders where country == "ZZ") == 0 }}
""")
    older_tables(place, shop, 3)
    shop.sql("UPDATE orders SET country = 'ZZ' WHERE id = 1")
    done = call(place, "run", "job.bfl", code=1)
    expect("BFL0526" in done.stderr and done.stdout.count("mark: the rows behind 80 up to 120 cannot be put back") == 1, done.stdout + done.stderr)
    expect([int(row[0]) for row in shop.sql("SELECT id FROM orders WHERE note = 'seen' ORDER BY id")] == list(range(81, 121)), "the rest is put back")
    shop.sql("UPDATE orders SET country = 'DE' WHERE id = 1")
    call(place, "run", "job.bfl")
    expect(shop.number("SELECT count(*) FROM orders WHERE note = 'seen'") == 200, "the next run does it again")
    sound(place)


def a_stage_without_images_is_not_undone(place, shop):
    """In part it cannot be: the step would go on behind rows that were put back."""
    place.write("job.bfl", f"""
job stage {{ why "w" rollback when verify_failed }}
source shop = {shop.source}
update mark of shop.orders where note == null {{ set note = "seen" chunk 20 rollout {{ 50% then verify few
100% }} }}
verify few {{ assert count(shop.orders where country == "ZZ") == 0 }}
""")
    shop.sql("UPDATE orders SET note = NULL")
    older_tables(place, shop, 3)
    shop.sql("UPDATE orders SET country = 'ZZ' WHERE id = 1")
    said = call(place, "run", "job.bfl", code=4).stderr
    expect("BFL0526" in said and "`mark` is not finished, and has lost images" in said and "nothing was put back" in said and "mend what does not hold" in said, said)
    expect(shop.number("SELECT count(*) FROM orders WHERE note = 'seen'") == 100, "a part of it was put back")
    shop.sql("UPDATE orders SET country = 'DE' WHERE id = 1")
    call(place, "run", "job.bfl")
    expect(shop.number("SELECT count(*) FROM orders WHERE note = 'seen'") == 200, "it goes on")
    expect("mark: the rows behind 40 up to 60 cannot be put back" in call(place, "undo", "job.bfl", code=3).stdout, "undo")
    expect(shop.number("SELECT count(*) FROM orders WHERE note = 'seen'") == 20, "what has images is put back")


main([*on_both(conflicts_add_up_over_runs), *on_both(what_the_plan_counts_is_what_is_done), *on_both(what_a_later_run_stands_on_stays), *on_both(keys_of_other_kinds),
      *on_both(a_run_that_undoes_itself_says_what_stays), *on_both(a_stage_without_images_is_not_undone)])
