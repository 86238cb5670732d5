"""What the tests of secrets share: a job that uses one in every place that may, and a search for it wherever bfl writes."""
import json
import sys

from harness import ROOT, expect

sys.path.insert(0, str(ROOT / "tests/faults"))
import packs  # noqa: E402

# Quotes, an escape of JSON, a letter beyond ASCII, a second line.
CANARY = "canary'\"\\z(zq7wx-é\nsecond-line-kx81z"
PARTS = ["canary", "zq7wx", "second-line", "kx81z"]  # no digest holds one by chance

JOB = """
job hide { why "Names are replaced by pseudonyms." owner "privacy" ticket "PRIV-7" }
use std.text
param pepper: secret text = env("BFL_TEST_PEPPER")
source shop = SOURCE
let strange = shop.customers where name == pepper or lower(name) == lower(pepper)
check none_yet { assert count(strange) == 0 and sha256(pepper) != pepper }
snapshot marks = shop.customers where name != pepper keep { id, mark = sha256(f"{pepper}{id}") }
update by_digest of shop.customers where name != pepper {
  set email = substring(sha256(f"{pepper}{id}"), 1, 20)
  once
  chunk 7
}
update by_snapshot of shop.customers join one marks as m on m.id == id {
  set name = m.mark
}
update elsewhere of shop.orders where slug(note ?? "") != lower(pepper) {
  set note = md5(f"{lower(pepper)} {id}")
  once
}
update ranked of shop.customers window w (partition by country order by sha256(f"{pepper}{id}"), id) {
  set country = f"{row_number() over w}"
  once
}
insert more into shop.products from shop.products where sku != pepper and id <= 3 {
  set id = id + 1_000
  set sku = sha1(f"{pepper}{sku}")
  set name = name
  set price = price
  key (sku)
}
verify done { assert count(strange) == 0 "a name is the pepper" }
test "it is hidden there, too" {
  given shop.customers [{ id: 1, email: "a@example.com", name: "A", country: "DE" }]
  expect shop.customers [{ id: 1, country: "1" }]
}
"""

# Each ends in an error that tells of a value or a text of the database.
FAILURES = {
    "no_int": 'update u of shop.orders where id == to_int(pepper) { set note = "x" }',
    "no_date": 'update u of shop.orders { set note = case { to_date(pepper) > 2025-01-01 => "a" else => "b" } }',
    "cast_there": 'check c { assert exists(shop.orders where id == to_int(pepper)) }',
    "check": 'check c { assert count(shop.orders where note == pepper) == 1 "no such row" }',
    "joined": 'check c { assert count(shop.orders join one shop.customers as c on c.name == f"{pepper}{note}") == 1 }',
    "several": 'update u of shop.orders join one shop.customers as c on c.name != pepper { set note = c.name }',
    "ordered": 'update u of shop.orders where lower(pepper) < note and id < 5 { set total = subtotal / (tax - tax) }',
    "verify": 'verify v { assert every(note == pepper from shop.orders) }',
    "pattern": 'update u of shop.orders where matches(note, pepper) { set note = "x" }',
    "told": 'update u of shop.orders { set note = case { id > 5 => "x" else => error(pepper) } }',
    "data": 'update u of shop.orders { set note = upper(pepper) }',
    "constant": 'param other: text = pepper\nupdate u of shop.orders { set note = other }',
}


COMMANDS = ["check JOB", "plan JOB", "plan JOB --json", "graph JOB", "run JOB --limit-chunks 3", "run JOB --json", "run JOB", "plan JOB", "status", "log", "log --json",
            "audit verify JOB", "undo JOB --plan", "undo JOB --step by_snapshot"]


def show(text, what):
    for part in PARTS:
        expect(part not in text, f"{what} shows `{part}`:\n{text[-3000:]}")


def search(raw, what):
    for part in PARTS:
        expect(part.encode() not in raw and part.encode().hex().encode() not in raw.lower(), f"{what} holds `{part}`")


def search_state(place):
    for file in (place.folder / ".bfl").glob("*"):
        search(file.read_bytes(), file.name)


def search_values(rows, what):
    """Every value of bfl's tables, packs and planned rows decompressed."""
    opened = 0
    for row in rows:
        for value in row:
            raw = value if isinstance(value, bytes) else str(value).encode()
            search(raw, what)
            if raw[:4] == b"BFP1":
                opened += 1
                search(packs.decompressed(raw[36:]), what + ", decompressed")
    return opened


def every_word(place, job, env, commands):
    """Runs every command that tells of a job, in each form, and searches what is said."""
    for words in commands:
        done = place.call(*[job if word == "JOB" else word for word in words.split()], code=75 if "--limit-chunks" in words else 0, env=env)
        show(done.stdout + done.stderr, words)
        search_state(place)
    shown = place.call("plan", job, env=env).stdout
    expect("pepper: text = ***" in shown, f"the plan does not name the secret:\n{shown}")
    parameters = json.loads(place.call("plan", job, "--json", env=env).stdout)["parameters"]
    expect({"name": "pepper", "type": "text", "value": "***", "given": False} in parameters, f"parameters: {parameters}")


def failing_jobs(place, head, env, each):
    for name, step in FAILURES.items():
        place.write("fail.bfl", f'job fail_{name} {{ why "It fails." }}\nuse std.text\nparam pepper: secret text = env("BFL_TEST_PEPPER")\n{head}\n{step}\n')
        for words in (("check",), ("plan",), ("plan", "--json"), ("run",), ("run", "--json"), ("test",)):
            done = place.call(words[0], "fail.bfl", *words[1:], code=None, env=env)
            expect(done.returncode != 70, f"{name}: a bug:\n{done.stderr}")
            show(done.stdout + done.stderr, f"{' '.join(words)} of {name}")
            if words == ("run",):
                expect(done.returncode != 0, f"{name} does not fail:\n{done.stdout}")
        show(place.call("log").stdout, f"log after {name}") if (place.folder / ".bfl").exists() else None
        search_state(place)
        each(name)
