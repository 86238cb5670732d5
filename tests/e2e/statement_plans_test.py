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
    expect("UPDATE orders SET note" in shown and '1 = "FR"' in shown and "not known before it runs" in shown, shown)
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


def a_secret_is_compared_and_not_shown(place, shop):
    """In the `when` of a statement: another one is another plan, and no text says which it was."""
    ready(place, shop, "once")
    place.write("job.bfl", f"""
job hide {{ why "w" approve 1 }}
param pepper: secret text = env("PEPPER")
source shop = {shop.source}
sql number on shop \"\"\"UPDATE orders SET note = 'no. ' || id WHERE id <= 40\"\"\" {{ writes orders(note) when count(shop.orders where note == pepper) == 0 once }}
""")
    place.env["PEPPER"] = "zq7wx-one"
    said = call(place, "plan", "job.bfl", "-o", "job.plan").stdout
    said += approve(place).stdout
    expect(b"zq7wx" not in (place.folder / "job.plan").read_bytes(), "the plan holds the secret")
    place.env["PEPPER"] = "zq7wx-two"
    refused = call(place, "run", "--plan", "job.plan", code=4).stderr
    expect("BFL0521" in refused and "what `number` means is another" in refused, refused)
    expect("zq7wx" not in said + refused, said + refused)
    place.env["PEPPER"] = "zq7wx-one"
    done = call(place, "run", "--plan", "job.plan").stdout
    expect(shop.number("SELECT count(*) FROM orders WHERE note LIKE 'no. %'") == 40 and "zq7wx" not in done, done)
    sound(place)


def a_word_of_a_newer_bfl_is_refused(place, shop):
    """What it says of a step is not guessed."""
    ready(place, shop, "once")
    call(place, "plan", "job.bfl", "-o", "job.plan")
    plan = (place.folder / "job.plan").read_bytes()
    expect(plan.count(b'"planned":"statement"') == 1, "the plan names the statement")
    (place.folder / "job.plan").write_bytes(plan.replace(b'"planned":"statement"', b'"planned":"procedure"'))
    for words in (("run", "--plan", "job.plan"), ("approve", "job.plan")):
        said = place.call(*words, code=4, env={**place.env, "BFL_KEYS": str(place.folder / "ann")}).stderr
        expect("is a plan in a form that this bfl does not know" in said and "use the bfl that made it" in said, said)


def nobody_knows_how_many(place, shop):
    """A policy of rows asks for an approval where a statement may change any number."""
    place.write("bfl.toml", "[policy]\nrows-without-approval = 1_000_000\n")
    place.write("job.bfl", f'job j {{ why "w" }}\nsource shop = {shop.source}\nsql all on shop """UPDATE orders SET note = \'x\'""" {{ writes orders(note) once }}\n')
    call(place, "plan", "job.bfl", "-o", "job.plan")
    expect("nobody knows how many rows" in call(place, "run", "--plan", "job.plan", code=4).stderr, "a statement was taken for no row")


main([*on_both(a_statement_is_approved), *on_both(guarded), *on_both(another_statement_is_void), *on_both(nobody_knows_how_many),
      *on_both(a_secret_is_compared_and_not_shown), *on_both(a_word_of_a_newer_bfl_is_refused)])
