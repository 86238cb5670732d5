#!/usr/bin/env python3
"""A plan in its forms: JSON that is as its published schema says, Markdown that no value of a database gets out of and that fits a comment."""
import contextlib
import json
import re
import sqlite3

import json_schema
from harness import ROOT, expect, main

SCHEMA = json.loads((ROOT / "interpreter/report/plan.schema.json").read_text())
LIMIT = 65_536

# A job that uses what a plan can tell of: its document should meet every member of the schema.
EVERY = """
job everything {
  owner "data@example.com"
  ticket "OPS-1"
  why "So that the document has every member."
  runbook "https://wiki.example/runbook"
  expires 2999-01-01T00:00:00Z
  approve 2 not author
  rollback when conflicts > 5
}
use std.text
source shop = sqlite("shop.db") { sensitive customers.email }
source list = csv("list.csv") { column rows.id: int }
param since: date = 2025-03-01
program answer = ["sh", "./answer.sh"] { gives mark: text  env LANG = "C"  file "./answer.sh" }
# What is asked first.
check few { assert count(shop.orders where created_at < since) < 100_000 "too many" }
snapshot ranked = shop.customers keep { id, country }
snapshot marked = shop.products where id <= 3 keep { id, sku } through answer(id, sku)
update listed of shop.orders join one list.rows as l on l.id == id else skip "not listed" {
  set note = "listed"
  expect changed <= 5_000
  expect skipped <= 99% of shop.orders
  chunk 50 by id
  quarantine <= 3
  when count(shop.orders) > 0
}
update emails of shop.customers where email != lower(trim(email)) { set email = lower(trim(email)) }
update named of shop.customers as c join one ranked as r on r.id == c.id { set name = f"{c.name} {r.country}" once atomic }
update told of shop.products join one marked as m on m.id == id { set name = m.mark }
insert more into shop.products from shop.products where id <= 3 {
  set id = id + 1_000
  set sku = f"NEW-{id}"
  set name = name
  set price = price
  key (sku)
}
insert again into shop.products from shop.products where id <= 2 { set id = id + 2_000 set sku = f"AGAIN-{id}" set name = name set price = price once per id }
delete lines of shop.orders where id == 7 cascades to shop.lines
sql raw on shop \"\"\"UPDATE orders SET country = 'DE' WHERE country = 'de'\"\"\" { writes orders(country) done when not exists(shop.orders where country == "de") }
verify done { assert count(shop.orders) > 0 after named }
"""

PACED = """
job paced { why "A step on top of another one, slowly, and a proof that fails." pace { rows <= 90_000 / s } }
source shop = sqlite("shop.db")
update u of shop.big { set n = 1 pace { rows <= 9_000 / s } }
update v of shop.big where n == 1 and id <= 5 { set n = 2 }
delete lines of shop.orders where id == 9 cascades to shop.lines
verify w { assert count(shop.big) == 0 }
"""


TIGHT = """
job tight { why "Not all of its rows fit." }
source shop = sqlite("shop.db")
update more of shop.tight { set n = n + 5 once quarantine <= 1 }
delete gone of shop.tight where id == 1 { }
update later of shop.big { set n = 3 rollout { 1% then wait 1ms 100% } }
"""


def document(place, job, *more):
    return json.loads(place.call("plan", job, "--format", "json", *more, code=None).stdout)


def the_document_is_as_its_schema_says(place):
    place.shop(300)
    place.write("list.csv", "id\n1\n2\n3\n")
    place.write("answer.sh", "#!/bin/sh\ncat >/dev/null\n")
    place.write("every.bfl", EVERY)
    place.write("small.bfl", 'job small { why "s" }\nsource shop = sqlite("shop.db")\nupdate u of shop.orders where note == null chunk 50 { set note = "x" }\n')
    place.write("wrong.bfl", 'job wrong { why "w" }\nsource shop = sqlite("shop.db")\nupdate u of shop.orders { set note = lower(total / (tax - tax)) }\n')
    place.write("fails.bfl", 'job fails { why "w" }\nsource shop = sqlite("shop.db")\nupdate u of shop.orders { set line_count = to_int(note ?? "x") }\n')
    place.sql("CREATE TABLE big (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)")
    place.sql("WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 20000) INSERT INTO big SELECT n, 0 FROM i")
    place.write("paced.bfl", PACED)
    documents = [document(place, "every.bfl"), document(place, "small.bfl"), document(place, "small.bfl", "-o", "small.plan"), document(place, "fails.bfl"), document(place, "wrong.bfl"),
                 document(place, "paced.bfl"), document(place, "paced.bfl", "-o", "paced.plan")]
    expect(documents[0]["ok"], json.dumps(documents[0]["diagnostics"], indent=1))
    expect(not documents[3]["ok"] and "steps" in documents[3], "a plan over rows that fail is in order")
    expect(not documents[4]["ok"] and "steps" not in documents[4], "a job with mistakes has a plan")
    place.call("run", "small.bfl", "--limit-chunks", "1", code=75)
    documents.append(document(place, "small.bfl"))
    place.write("small.bfl", (place.folder / "small.bfl").read_text().replace('"x"', '"y"'))
    documents.append(document(place, "small.bfl"))
    expect(documents[-1]["steps"][0]["decision"] == "stop", documents[-1])
    place.sql("CREATE TABLE tight (id INTEGER PRIMARY KEY, n INTEGER CHECK (n < 10), parent INTEGER REFERENCES tight(id))")
    place.sql("INSERT INTO tight (id, n) VALUES (1, 1), (2, 6), (3, 7)")
    place.write("tight.bfl", TIGHT)
    documents.append(document(place, "tight.bfl"))
    said = place.call("run", "tight.bfl", code=1).stderr
    expect("CHECK constraint failed" in said, said)
    documents.append(document(place, "tight.bfl"))
    for number, one in enumerate(documents):
        found = json_schema.misfits(one, SCHEMA)
        expect(not found, f"document {number}: {found[:5]}")
    same = place.call("plan", "every.bfl", "--json").stdout
    expect(same == place.call("plan", "every.bfl", "--format", "json").stdout, "--json is another document than --format json")
    told = set().union(*(json_schema.met(one) for one in documents))
    unmet = [name for name in json_schema.members(SCHEMA) if name not in told]
    expect(not unmet, f"no document has {unmet}")


HOSTILE = ["`code`", "``` \n```\n# out", "a|b|c", "</code></summary></details><script>alert(1)</script>", "<!-- x", "--> y", "@everyone #1 https://evil.example", "![i](https://evil.example/x.png)",
           "\u202edrawkcab", "``", "`", " lead and trail ", "line\nbreak\r\n| a | b |", "\x1b[31mred", "\\| \\` \\", "*bold* _it_ ~~no~~", "&lt;b&gt;", "a`b``c```d````e"]


def hostile(place, rows=None):
    with contextlib.closing(sqlite3.connect(place.folder / "h.db")) as db, db:
        db.execute("CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL, v TEXT)")
        db.executemany("INSERT INTO t VALUES (?, ?)", [(value, value) for value in rows or HOSTILE])


def outside_of_code(text):
    """What GitHub reads as Markdown: the text without its spans and blocks of code."""
    out, lines, i = [], text.split("\n"), 0
    while i < len(lines):
        fence = re.fullmatch(r"(`{3,})[a-z]*", lines[i])
        if fence:
            i += 1
            while lines[i] != fence[1]:
                expect(not lines[i].startswith(fence[1]), f"a block of code ends early: {lines[i]!r}")
                i += 1
        else:
            out.append(lines[i])
        i += 1
    spans = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
    return "\n".join(spans.sub("CODE", line) for line in out)


def no_value_gets_out_of_its_code(place):
    hostile(place)
    place.write("h.bfl", 'job h { why "</details> `x` @everyone | #1 https://evil.example" }\nsource db = sqlite("h.db")\n'
                'update u of db.t skip where k == "`" "<b>`|@all" { set v = f"{k}!" }\nupdate o of db.t where k == "`|<b>" or v != "`" { set v = "`" }\n')
    text = place.call("plan", "h.bfl", "--format", "markdown").stdout
    plain = outside_of_code(text)
    for part in ("evil", "everyone", "script", "@", "<b>", "<!--", "\x1b", "drawkcab", "`", "![", "*bold*"):
        expect(part not in plain, f"`{part}` stands outside of code:\n{plain}")
    expect("\x1b" not in text and "\u202e" not in text, "a mark that is obeyed stands in the text")
    tags = re.findall(r"</?[a-z!][^>]*>", plain)
    expect(set(tags) == {"<details>", "</details>", "<summary>", "</summary>", "<code>", "</code>"}, f"tags: {set(tags)}")
    expect(tags.count("<details>") == tags.count("</details>") == 2, tags)
    for line in plain.split("\n"):
        expect(not line.startswith("|") or line.count("|") == 4, f"a row of the table breaks: {line}")
    expect("`h`" in text and "2 steps" in text, text)


def it_fits_a_comment_and_says_what_was_cut(place):
    hostile(place, [f"{i:06} " + "é`" * 2000 for i in range(40)])
    step = 'update u{0} of db.t where k >= "{1}" {{ set v = "{1}" }}\n'
    many = "".join(step.format(i, "x" * 300 + str(i)) for i in range(400))
    for name, steps in (("many", many), ("very_many", "".join(f'check c{i} {{ assert count(db.t) > {i - 9999} }}\n' for i in range(3000)))):
        place.write(f"{name}.bfl", f'job {name} {{ why "{"w" * 70_000 if name == "many" else "w"}" }}\nsource db = sqlite("h.db")\n{steps}')
        text = place.call("plan", f"{name}.bfl", "--format", "markdown").stdout
        expect(30_000 < len(text.encode()) <= LIMIT, f"{name}: {len(text.encode())} bytes")
        expect("Left out, so that this fits into a comment" in text and "`bfl plan` shows all of it" in text, text[-500:])
        expect(text.count("<details>") == text.count("</details>"), "a fold is cut in two")
        text.encode("utf-8")
    expect("steps more" in text, "the overview is not cut, or does not say so")
    small = place.call("plan", "many.bfl", "--format", "text").stdout
    expect(len(small) > LIMIT, "the text is cut as well")


if __name__ == "__main__":
    main([the_document_is_as_its_schema_says, no_value_gets_out_of_its_code, it_fits_a_comment_and_says_what_was_cut])
