#!/usr/bin/env python3
"""Kept plans of jobs with statements of SQL: what is approved is the statement, on SQLite and on PostgreSQL."""
from both_engines import call, on_both, sound, told
from harness import expect, main

JOB = """
job number_notes {{ why "Notes carry numbers." approve 1 }}
param wanted: text = "FR"
source shop = {source}
update mark of shop.products where id <= 3 {{ set name = "marked" }}
sql number on shop \"\"\"UPDATE orders SET note = 'no. ' || id || :wanted WHERE id <= 40\"\"\" {{ writes orders(note) {how} }}
update after_it of shop.orders where note != null {{ set line_count = 7 }}
"""
DONE = 'done when not exists(shop.orders where id <= 40 and not starts_with(note ?? "", "no. "))'


def ready(place, shop, how):
    place.env["BFL_KEYS"] = str(place.folder / "ann")
    public = call(place, "key", "make", "ann").stdout.split()[-1]
    place.env["BFL_KEYS"] = str(place.folder / "nobody")
    place.write("bfl.toml", f'[approvers]\nann = "{public}"\n')
    place.write("job.bfl", JOB.format(source=shop.source, how=how))
    shop.sql("UPDATE orders SET note = NULL")


def approve(place):
    return place.call("approve", "job.plan", env={**place.env, "BFL_KEYS": str(place.folder / "ann")})


def a_statement_is_approved(place, shop, how="once"):
    ready(place, shop, how)
    expect("BFL0524" in call(place, "run", "job.bfl", code=4).stderr, "without a plan")
    kept = call(place, "plan", "job.bfl", "-o", "job.plan").stdout
    expect("changes what this statement changes: not known before it runs" in kept and "by its statement: number" in kept, kept)
    expect("not in it: after_it: it reads" in kept, kept)
    text = (place.folder / "job.plan").read_bytes().decode("utf-8", "replace")
    expect("'no. ' || id" in text and '= \\"FR' in text, "the plan holds the statement, and what is bound to it")
    expect("BFL0524" in call(place, "run", "--plan", "job.plan", code=4).stderr, "before it is approved")
    shown = approve(place).stdout
    expect("UPDATE orders SET note" in shown and "not known before it runs" in shown, shown)
    call(place, "run", "--plan", "job.plan", code=75)
    expect(shop.number("SELECT count(*) FROM orders WHERE note LIKE 'no. %FR'") == 40 and shop.number("SELECT count(*) FROM products WHERE name = 'marked'") == 3, "it was run")
    expect(shop.number("SELECT count(*) FROM orders WHERE line_count = 7") == 0, "what waits for it was run")
    sound(place)
    call(place, "plan", "job.bfl", "-o", "job.plan")
    approve(place)
    call(place, "run", "--plan", "job.plan")
    expect(shop.number("SELECT count(*) FROM orders WHERE line_count = 7") == 40, "the next plan holds what waits")
    call(place, "undo", "job.bfl")
    expect(shop.number("SELECT count(*) FROM orders WHERE note IS NOT NULL") == 0, "it is put back")
    sound(place)


def guarded(place, shop):
    a_statement_is_approved(place, shop, DONE)


def another_statement_is_void(place, shop):
    ready(place, shop, "once")
    call(place, "plan", "job.bfl", "-o", "job.plan")
    approve(place)
    said = call(place, "run", "--plan", "job.plan", "--set", "wanted=DE", code=4).stderr
    expect("BFL0521" in said and "`wanted` was" in said, said)
    place.write("job.bfl", JOB.format(source=shop.source, how="once").replace("WHERE id <= 40", "WHERE id <= 41"))
    said = call(place, "run", "--plan", "job.plan", code=4).stderr
    expect("the script was changed" in said, said)
    expect(shop.number("SELECT count(*) FROM orders WHERE note IS NOT NULL") == 0, "a void plan was run")


def nobody_knows_how_many(place, shop):
    """A policy of rows asks for an approval where a statement may change any number."""
    place.write("bfl.toml", "[policy]\nrows-without-approval = 1_000_000\n")
    place.write("job.bfl", f'job j {{ why "w" }}\nsource shop = {shop.source}\nsql all on shop """UPDATE orders SET note = \'x\'""" {{ writes orders(note) once }}\n')
    call(place, "plan", "job.bfl", "-o", "job.plan")
    expect("nobody knows how many rows" in call(place, "run", "--plan", "job.plan", code=4).stderr, "a statement was taken for no row")


main([*on_both(a_statement_is_approved), *on_both(guarded), *on_both(another_statement_is_void), *on_both(nobody_knows_how_many)])
