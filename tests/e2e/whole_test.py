#!/usr/bin/env python3
"""A job that says `atomic`, or a run with `--atomic`, also of a plan: one transaction, all of it or nothing, on SQLite and on PostgreSQL."""
from both_engines import call, on_both, sound, told
from harness import expect, main

JOB = """
job whole {{ why "It belongs together." {says} }}
source shop = {source}
check few {{ assert count(shop.orders) == 200 }}
snapshot before = shop.orders keep {{ id, was = line_count }}
update bump of shop.orders {{ set line_count = line_count + 1 once chunk 30 }}
insert more into shop.products from shop.orders where id <= 5 {{ set id = 9000 + id set sku = f"NEW-{{id}}" set name = "new" set price = 1 once per id }}
update noted of shop.orders join one before as b on b.id == id {{ set note = f"was {{b.was}}" chunk 50 }}
{last}
"""
HOLDS = "verify all { assert count(shop.orders where note == null) == 0 }"


def facts(shop):
    return [shop.sql("SELECT * FROM orders ORDER BY id"), shop.sql("SELECT * FROM products ORDER BY id")]


def chunks(shop):
    return sum('"kind":"chunk"' in row[0] or '"kind":"keep"' in row[0] for row in shop.sql(f"SELECT entry FROM {shop.own('ledger')}"))


def all_of_it(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source, says="atomic", last=HOLDS))
    before = facts(shop)
    plan = call(place, "plan", "job.bfl").stdout
    expect("atomic    one transaction, all of it or nothing; locks of all steps are held until the end" in plan and "until the job is committed as a whole" in plan, plan)
    expect(told(place, "plan", "job.bfl")["atomic"] is True, "the document says so")
    ran = call(place, "run", "job.bfl")
    expect("405 rows changed" in ran.stdout and "one transaction: what it does is told when it is committed" in ran.stderr, ran.stdout + ran.stderr)
    expect(len(place.journal("job.bfl", "transaction_committed")) == 1, "the diary has its commit")
    expect(shop.number("SELECT count(*) FROM orders WHERE note LIKE 'was %'") == 200 and chunks(shop) > 10, "it is done")
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "it is finished")
    expect(len([entry for entry in map(str, place.call("log", "job.bfl").stdout.splitlines()) if "chunk_committed" in entry]) > 10, "the diary has its chunks")
    sound(place)
    call(place, "undo", "job.bfl")
    expect(facts(shop) == before, "it is put back")
    sound(place)
    # The word may go: no step means something else without it.
    call(place, "run", "job.bfl")
    place.write("job.bfl", JOB.format(source=shop.source, says="", last=HOLDS))
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "it is finished without the word as well")


def nothing_of_it(place, shop):
    before = facts(shop)
    for number, (last, code, said) in enumerate([
        ('update late of shop.orders where id > 150 { set line_count = div(line_count, id - 170) }', 1, "division by zero"),
        ('verify none { assert count(shop.orders) == 0 "the verification does not hold" }', 1, "the verification does not hold"),
        ('update late of shop.products where id == 1 { set sku = "SKU-0002" }', 1, "BFL0529"),
        ('update late of shop.orders { set country = "XX" expect changed <= 3 }', 1, "more rows match"),
    ]):
        by_flag = number == 2
        place.write("job.bfl", JOB.format(source=shop.source, says="rollback when verify_failed" + ("" if by_flag else " atomic"), last=last))
        done = call(place, "run", "job.bfl", *["--atomic"][:by_flag], code=code)
        expect(said in done.stderr and "nothing was changed by this run" in done.stderr, f"{last}: {done.stderr}")
        expect("0 rows changed" in done.stdout and "undoes itself" not in done.stderr, done.stdout + done.stderr)
        expect(facts(shop) == before, f"{last}: something was changed")
        expect(chunks(shop) == 0, f"{last}: the ledger has a part of it")
        expect("chunk_committed" not in call(place, "log", "job.bfl").stdout, "the diary has what was not committed")
        sound(place)
    place.write("job.bfl", JOB.format(source=shop.source, says="", last=HOLDS))
    refused = call(place, "run", "job.bfl", "--atomic", "--limit-chunks", "1", "--workers", "2", code=2).stderr
    expect("`--limit-chunks 1` has no place" in refused and "`--workers 2` has no place" in refused and "BFL0423" in refused, refused)
    expect(facts(shop) == before, "something was changed")


def goes_on_in_one(place, shop):
    """A job that was cut short, and then became atomic: the rest is one transaction."""
    place.write("job.bfl", JOB.format(source=shop.source, says="", last='update late of shop.orders where id > 150 { set line_count = div(line_count, id - 170) }'))
    call(place, "run", "job.bfl", "--limit-chunks", "3", code=75)
    before = facts(shop)
    place.write("job.bfl", JOB.format(source=shop.source, says="atomic", last='update late of shop.orders where id > 150 { set line_count = div(line_count, id - 170) }'))
    call(place, "run", "job.bfl", code=1)
    expect(facts(shop) == before, "a part of the rest was done")
    place.write("job.bfl", JOB.format(source=shop.source, says="atomic", last=HOLDS))
    call(place, "run", "job.bfl")
    expect(shop.number("SELECT count(*) FROM orders WHERE note LIKE 'was %'") == 200, "it is done")
    sound(place)


def what_cannot_be_one(place, shop):
    place.write("job.bfl", f'job j {{ why "w" pace {{ rows <= 10 / s }} }}\nsource shop = {shop.source}\nupdate a of shop.orders where note == null {{ set note = "x" quarantine <= 2 }}\n'
                           f'update b of shop.orders {{ set country = "DE" rollout {{ 10%\n100% }} }}\n')
    said = call(place, "run", "job.bfl", "--atomic", code=2).stderr
    for part in ("`pace` has no place in a run that is one transaction", "`quarantine` has no place", "`rollout` has no place"):
        expect(part in said, said)
    place.sql("CREATE TABLE IF NOT EXISTS more (id INTEGER PRIMARY KEY, name TEXT)", "other.db")
    place.write("job.bfl", f'job j {{ why "w" }}\nsource shop = {shop.source}\nsource other = sqlite("other.db")\nupdate a of shop.orders {{ set note = "x" }}\nupdate b of other.more {{ set name = "x" }}\n')
    said = call(place, "run", "job.bfl", "--atomic", code=2).stderr
    expect("`b` changes `other` and `a` changes `shop`: no transaction spans two databases" in said, said)
    place.write("job.bfl", (place.folder / "job.bfl").read_text().replace('why "w"', 'why "w" atomic'))
    said = call(place, "check", "job.bfl", code=2).stderr
    expect("no transaction spans two databases" in said and "BFL0423" in said, said)


def another_name_of_it(place, shop):
    """A source that leads to the database that is written: what is read through it is older than the transaction."""
    before = facts(shop)
    other = shop.source if shop.engine == "postgres" else 'sqlite("./shop.db")'
    text = (f'job twice {{ why "w" atomic }}\nsource shop = {shop.source}\nsource mirror = {other}\nupdate a of shop.orders where note == null {{ set note = "x" }}\n'
            f'verify b {{ assert count(mirror.orders where note == null) == 0 }}\n')
    place.write("job.bfl", text)
    said = call(place, "run", "job.bfl", code=2).stderr
    expect("`mirror` is the database that `shop` writes" in said and "BFL0423" in said and "read it as `shop`" in said, said)
    if shop.engine == "postgres":  # by an address that no text gives away
        place.write("job.bfl", text.replace(f"mirror = {other}", 'mirror = postgres(env("MIRROR_URL"))'))
        place.env = {**place.env, "MIRROR_URL": shop.address.replace("127.0.0.1", "localhost")}
        said = call(place, "run", "job.bfl", code=2).stderr
        expect("`mirror` is the database that `shop` writes" in said, said)
    else:
        (place.folder / "other.db").symlink_to("shop.db")
        place.write("job.bfl", text.replace("./shop.db", "other.db"))
        expect("BFL0423" in call(place, "run", "job.bfl", code=2).stderr, "a link")
    place.write("job.bfl", text.replace(" atomic ", " "))
    expect(facts(shop) == before, "something was changed")
    call(place, "run", "job.bfl", "--atomic", code=2)
    expect(facts(shop) == before, "something was changed")


def rehearsed(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source, says="atomic", last=HOLDS))
    before = facts(shop)
    server = ["--server", shop.address] if shop.engine == "postgres" else []
    expect("in the one transaction; the next run came to the same end" in call(place, "rehearse", "job.bfl", *server).stdout, "it is killed in the midst of it")
    expect(told(place, "rehearse", "job.bfl", *server)["kill"] == {"in_transaction": True}, "the document")
    place.write("one.bfl", f'job one {{ why "w" atomic }}\nsource shop = {shop.source}\nupdate a of shop.orders {{ set note = "x" }}\n')
    expect(told(place, "rehearse", "one.bfl", *server)["kill"] == {"in_transaction": True}, "of a single step")
    expect(facts(shop) == before, "it was done to the database")
    call(place, "run", "one.bfl", "--only", "a", code=2)
    expect("atomic    one transaction" in call(place, "run", "job.bfl", "--atomic", "--dry-run").stdout, "a dry run says so")
    place.write("one.bfl", f'job one {{ why "w" }}\nsource shop = {shop.source}\nupdate a of shop.orders {{ set note = "x" }}\n')
    expect("atomic    one transaction" in call(place, "run", "one.bfl", "--atomic", "--dry-run").stdout, "a dry run says so, asked once")


def a_plan_of_it(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source, says="", last="update late of shop.orders where line_count > 2 { set country = \"XX\" }"))
    call(place, "plan", "job.bfl", "-o", "job.plan")
    refused = call(place, "run", "--plan", "job.plan", "--atomic", code=4).stderr
    expect("`late` is not in the plan" in refused and "it reads what `bump` changes" in refused, refused)
    two = 'job two {{ why "w" }}\nsource shop = {source}\nupdate a of shop.orders where id <= 50 {{ set note = "x" }}\nupdate b of shop.customers where id <= 5 {{ set name = "y" }}\n'
    place.write("job.bfl", two.format(source=shop.source))
    call(place, "plan", "job.bfl", "-o", "job.plan")
    shop.sql("UPDATE orders SET note = 'somebody' WHERE id = 7")
    before = facts(shop)
    said = call(place, "run", "--plan", "job.plan", "--atomic", code=1).stderr
    expect("1 row is in conflict" in said and "BFL0529" in said, said)
    expect(facts(shop) == before and shop.number("SELECT count(*) FROM customers WHERE name = 'y'") == 0, "a part of the plan was done")
    place.write("job.bfl", two.format(source=shop.source).replace('why "w"', 'why "w" atomic'))
    expect("the plan is void" in call(place, "run", "--plan", "job.plan", code=4).stderr, "it was approved as another job")
    call(place, "plan", "job.bfl", "-o", "job.plan")
    call(place, "run", "--plan", "job.plan")
    expect(shop.number("SELECT count(*) FROM orders WHERE note = 'x'") == 50 and shop.number("SELECT count(*) FROM customers WHERE name = 'y'") == 5, "the plan")
    sound(place)


main([*on_both(all_of_it), *on_both(nothing_of_it), *on_both(goes_on_in_one), *on_both(another_name_of_it), *on_both(rehearsed), *on_both(a_plan_of_it), *on_both(what_cannot_be_one)])
