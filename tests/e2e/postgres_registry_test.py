#!/usr/bin/env python3
"""`bfl registry`: what was ever run against a database, told by the database alone, on SQLite and on PostgreSQL."""
import hashlib

from both_engines import call, on_both, sound, told
from harness import expect, main

JOB = """
job fix_totals {{ owner "pay@example.com" ticket "PAY-{ticket}" why "Tax was left out." }}
source shop = {source}
update fix of shop.orders where total != subtotal + tax {{ set total = subtotal + tax chunk 10 }}
update mark of shop.orders where id <= {most} {{ set note = "seen" }}
"""
OTHER = """
job other {{ why "Another one." }}
source shop = {source}
update bump of shop.orders where id <= 5 {{ set line_count = line_count + 1 once }}
"""


def what_was_run_is_listed(place, shop):
    expect("nothing was ever run" in call(place, "registry", shop.address).stdout, "before the first run")
    first = place.write("job.bfl", JOB.format(source=shop.source, ticket=1, most=3)).read_bytes()
    shop.sql("UPDATE orders SET total = ROUND(subtotal + tax, 2)")
    shop.sql("UPDATE orders SET total = 0 WHERE id <= 40")
    call(place, "run", "job.bfl", "--limit-chunks", "2", code=75)
    (job,) = told(place, "registry", "job.bfl")["targets"][0]["jobs"]
    (version,) = job["versions"]
    expect((job["job"], version["state"], version["runs"], version["finished"], version["rows_changed"]) == ("fix_totals", "stopped", 1, 0, 20), f"{job}")
    call(place, "run", "job.bfl")
    second = place.write("job.bfl", JOB.format(source=shop.source, ticket=2, most=5)).read_bytes()
    call(place, "run", "job.bfl")
    place.write("other.bfl", OTHER.format(source=shop.source))
    call(place, "run", "other.bfl")
    found = told(place, "registry", shop.address)
    expect(found["targets"][0]["jobs"] == told(place, "registry", "shop")["targets"][0]["jobs"] == told(place, "registry", "job.bfl")["targets"][0]["jobs"], "by another way")
    fix, other = found["targets"][0]["jobs"]
    one, two = fix["versions"]
    expect([one["script"], two["script"]] == [hashlib.sha256(text).hexdigest() for text in (first, second)], f"{fix}")
    expect((one["runs"], one["finished"], one["state"], one["rows_changed"], one["ticket"]) == (2, 1, "finished", 43, "PAY-1"), f"{one}")
    expect((two["runs"], two["finished"], two["rows_changed"], two["ticket"], two["owner"]) == (1, 1, 2, "PAY-2", "pay@example.com"), f"{two}")
    expect(one["meaning"] and one["meaning"] != two["meaning"] and one["first"] < one["last"] < two["last"] and len(one["who"]) == 1, f"{fix}")
    expect([(step["step"], step["state"], step["rows_changed"]) for step in one["steps"]] == [("fix", "done", 40), ("mark", "done", 3)], f"{one}")
    expect([version["rows_changed"] for version in other["versions"]] == [5], f"{other}")
    # A remark is another version, and means the same.
    place.write("other.bfl", OTHER.format(source=shop.source) + "# a remark\n")
    call(place, "undo", "other.bfl")
    call(place, "run", "other.bfl")
    old, new = told(place, "registry", shop.address)["targets"][0]["jobs"][1]["versions"]
    expect(old["meaning"] == new["meaning"] and old["script"] != new["script"] and old["steps"][0]["state"] == "undone", f"{old}, {new}")
    text = call(place, "registry", shop.address).stdout
    expect("2 jobs in 4 versions" in text and "PAY-2" in text and "step    mark: done, 3 rows changed" in text, text)
    sound(place)


def what_names_no_database_is_said(place, shop):
    expect("no source `none`" in call(place, "registry", "none", code=2).stderr, "an unknown source")
    call(place, "registry", "sqlite:none.db", code=5)


main([*on_both(what_was_run_is_listed), on_both(what_names_no_database_is_said)[0]])
