#!/usr/bin/env python3
"""`[environments]` of bfl.toml, `--env`, and `promote staging -> production`, on SQLite and with a PostgreSQL staging database."""
import shutil

from both_engines import call, on_both, told
from harness import expect, main

JOB = """
# The shop's totals.
job fix_totals {{ why "Tax was left out." promote staging -> production }}
param least: int = 0
source shop = sqlite("none.db")
update fix of shop.orders where id > least and total != subtotal + tax {{ set total = subtotal + tax chunk 10 }}
{more}verify right {{ assert count(shop.orders where id > least and total != subtotal + tax) == 0 }}
"""


def project(place, shop):
    staging = '"sqlite:staging.db"' if shop.engine == "sqlite" else '{ env = "SHOP_URL" }'
    if shop.engine == "sqlite":
        (place.folder / "shop.db").rename(place.folder / "staging.db")
    place.shop(100, "production.db")
    place.write("bfl.toml", f'[environments.staging]\nshop = {staging}\n[environments.production]\nshop = "sqlite:production.db"\n[environments.laptop]\nshop = {{ env = "NOT_SET" }}\n')
    place.write("job.bfl", JOB.format(more=""))
    place.sql("UPDATE orders SET total = 0 WHERE id <= 10", "production.db")


def wrong(place):
    return int(place.value("SELECT count(*) FROM orders WHERE total = 0", "production.db"))


def only_what_was_completed(place, shop):
    project(place, shop)
    said = call(place, "run", "job.bfl", "--env", "production", code=4).stderr
    expect("BFL0527" in said and "never completed in `staging`" in said and "--env staging" in said, said)
    expect(wrong(place) == 10 and place.sql("SELECT name FROM sqlite_schema WHERE name LIKE 'bfl_%'", "production.db") == [], "something was written")
    call(place, "run", "job.bfl", "--env", "staging", "--limit-chunks", "1", code=75)
    call(place, "run", "job.bfl", "--env", "production", code=4)
    call(place, "run", "job.bfl", "--env", "staging")
    # Another meaning: the value of a parameter.
    said = call(place, "run", "job.bfl", "--env", "production", "--set", "least=3", code=4).stderr
    expect("was completed in `staging` when it meant something else" in said, said)
    expect(told(place, "plan", "job.bfl", "--env", "production")["promote"] == "staging -> production", "the plan")
    # A remark and a message mean nothing.
    place.write("job.bfl", "# A remark.\n" + JOB.format(more="").replace("Tax was left out.", "Tax was forgotten."))
    call(place, "run", "job.bfl", "--env", "production")
    expect(wrong(place) == 0, "production")
    # One step more, that staging does not know; then without it again, where nothing is left to do.
    place.write("job.bfl", JOB.format(more='update note of shop.orders where id == 1 { set note = "x" }\n'))
    call(place, "run", "job.bfl", "--env", "production", code=4)
    call(place, "run", "job.bfl", "--env", "staging")
    call(place, "run", "job.bfl", "--env", "production")
    place.write("job.bfl", JOB.format(more="check some { assert count(shop.orders) > 0 }\n"))
    call(place, "run", "job.bfl", "--env", "staging")
    call(place, "run", "job.bfl", "--env", "production")
    # What was undone does not count.
    call(place, "undo", "job.bfl", "--env", "staging")
    place.sql("UPDATE orders SET total = 0 WHERE id <= 10", "production.db")
    said = call(place, "run", "job.bfl", "--env", "production", "--again", "fix", code=4).stderr
    expect("or was undone there" in said, said)
    call(place, "run", "job.bfl", "--env", "staging")
    call(place, "run", "job.bfl", "--env", "production", "--again", "fix")
    expect(wrong(place) == 0, "again")


def nothing_left_counts(place, shop):
    """A completed job of which a step is taken out means something else, and has nothing to do: the ledger says so all the same."""
    project(place, shop)
    place.write("job.bfl", JOB.format(more="check some { assert count(shop.orders) > 0 }\n"))
    call(place, "run", "job.bfl", "--env", "staging")
    place.write("job.bfl", JOB.format(more=""))
    call(place, "run", "job.bfl", "--env", "production", code=4)
    call(place, "run", "job.bfl", "--env", "staging")
    call(place, "run", "job.bfl", "--env", "production")


def nobody_is_elsewhere_by_mistake(place, shop):
    project(place, shop)
    shutil.copy(place.folder / "production.db", place.folder / "copy.db")
    said = call(place, "run", "job.bfl", "--source", "shop=sqlite:copy.db", code=4).stderr
    expect("this is no environment that is known" in said, said)
    said = call(place, "run", "job.bfl", "--env", "staging", "--source", f"shop=sqlite:{place.folder}/production.db", code=4).stderr
    expect("never completed in `staging`" in said, said)
    said = call(place, "run", "job.bfl", "--env", "stagin", code=2).stderr
    expect("BFL0706" in said and "`staging`, `production`, `laptop`" in said, said)
    said = call(place, "run", "job.bfl", "--env", "laptop", code=5).stderr
    expect("`NOT_SET`" in said, said)
    place.write("bfl.toml", "[policy]\napprovals = 0\n")
    said = call(place, "run", "job.bfl", "--source", "shop=sqlite:copy.db", code=4).stderr
    expect("no environment `staging` is known" in said, said)
    place.write("job.bfl", JOB.format(more="").replace("promote staging -> production", 'promote "a" -> b'))
    expect(call(place, "check", "job.bfl", code=2).stderr, "a text")


def a_place_is_known_however_it_is_spelled(place, shop):
    if shop.engine == "sqlite":
        return
    project(place, shop)
    host, database = place.env["SHOP_URL"].split("@")[-1].rsplit("/", 1)
    name, port = host.split(":")
    call(place, "setup", place.env["SHOP_URL"])
    for url in (f"postgresql://bfl@{host}/{database}", f"postgres:host={name.upper()} port={port} dbname={database} user=bfl", f"postgres://bfl@/?host={name}&port={port}&dbname={database}"):
        call(place, "run", "job.bfl", "--source", f"shop={url}")


def one_place_two_names(place, shop):
    """Of two environments that are the same databases nobody knows which one is meant."""
    project(place, shop)
    text = (place.folder / "bfl.toml").read_text()
    place.write("bfl.toml", text + '[environments.mirror]\nshop = "sqlite:production.db"\n')
    said = call(place, "run", "job.bfl", "--env", "production", code=4).stderr
    expect("BFL0527" in said and "this is `production` as well as `mirror`" in said, said)
    expect(wrong(place) == 10, "something was written")


main([*on_both(a_place_is_known_however_it_is_spelled), *on_both(only_what_was_completed), *on_both(nothing_left_counts), on_both(nobody_is_elsewhere_by_mistake)[0], on_both(one_place_two_names)[0]])
