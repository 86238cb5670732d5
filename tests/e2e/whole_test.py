#!/usr/bin/env python3
"""`bfl run --atomic`: a job, or a plan, that is one transaction: all of it or nothing, on SQLite and on PostgreSQL."""
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
    place.write("job.bfl", JOB.format(source=shop.source, says="", last=HOLDS))
    before = facts(shop)
    said = call(place, "run", "job.bfl", "--atomic").stdout
    expect("405 rows changed" in said, said)
    expect(shop.number("SELECT count(*) FROM orders WHERE note LIKE 'was %'") == 200 and chunks(shop) > 10, "it is done")
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "it is finished")
    expect(len([entry for entry in map(str, place.call("log", "job.bfl").stdout.splitlines()) if "chunk_committed" in entry]) > 10, "the diary has its chunks")
    sound(place)
    call(place, "undo", "job.bfl")
    expect(facts(shop) == before, "it is put back")
    sound(place)


def nothing_of_it(place, shop):
    before = facts(shop)
    for last, code, said in [
        ('update late of shop.orders where id > 150 { set line_count = div(line_count, id - 170) }', 1, "division by zero"),
        ('verify none { assert count(shop.orders) == 0 "the verification does not hold" }', 1, "the verification does not hold"),
        ('update late of shop.products where id == 1 { set sku = "SKU-0002" }', 1, "BFL0526"),
        ('update late of shop.orders { set country = "XX" expect changed <= 3 }', 1, "more rows match"),
    ]:
        place.write("job.bfl", JOB.format(source=shop.source, says="rollback when verify_failed", last=last))
        done = call(place, "run", "job.bfl", "--atomic", code=code)
        expect(said in done.stderr and "nothing of the job was changed" in done.stderr, f"{last}: {done.stderr}")
        expect("0 rows changed" in done.stdout and "undoes itself" not in done.stderr, done.stdout + done.stderr)
        expect(facts(shop) == before, f"{last}: something was changed")
        expect(chunks(shop) == 0, f"{last}: the ledger has a part of it")
        expect("chunk_committed" not in call(place, "log", "job.bfl").stdout, "the diary has what was not committed")
        sound(place)
    place.write("job.bfl", JOB.format(source=shop.source, says="", last=HOLDS))
    call(place, "run", "job.bfl", "--atomic", "--limit-chunks", "1")  # there is nothing that it could stop behind
    sound(place)


def what_cannot_be_one(place, shop):
    place.write("job.bfl", f'job j {{ why "w" pace {{ rows <= 10 / s }} }}\nsource shop = {shop.source}\nupdate a of shop.orders where note == null {{ set note = "x" quarantine <= 2 }}\n'
                           f'update b of shop.orders {{ set country = "DE" rollout {{ 10%\n100% }} }}\n')
    said = call(place, "run", "job.bfl", "--atomic", code=2).stderr
    for part in ("`pace` of the job has no place", "`quarantine` of `a` has no place", "the rollout of `b` has no place"):
        expect(part in said, said)
    place.sql("CREATE TABLE IF NOT EXISTS more (id INTEGER PRIMARY KEY, name TEXT)", "other.db")
    place.write("job.bfl", f'job j {{ why "w" }}\nsource shop = {shop.source}\nsource other = sqlite("other.db")\nupdate a of shop.orders {{ set note = "x" }}\nupdate b of other.more {{ set name = "x" }}\n')
    said = call(place, "run", "job.bfl", "--atomic", code=2).stderr
    expect("changes `shop` and `other`, and no transaction spans two databases" in said, said)


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
    expect("1 row is in conflict" in said and "BFL0526" in said, said)
    expect(facts(shop) == before and shop.number("SELECT count(*) FROM customers WHERE name = 'y'") == 0, "a part of the plan was done")
    call(place, "plan", "job.bfl", "-o", "job.plan")
    call(place, "run", "--plan", "job.plan", "--atomic")
    expect(shop.number("SELECT count(*) FROM orders WHERE note = 'x'") == 50 and shop.number("SELECT count(*) FROM customers WHERE name = 'y'") == 5, "the plan")
    sound(place)


main([*on_both(all_of_it), *on_both(nothing_of_it), *on_both(a_plan_of_it), *on_both(what_cannot_be_one)])
