"""What the tests of sensitive columns share: people whose addresses and salaries must be seen nowhere, a job that does with them all
that may be done, jobs that fail over them, and a search of everything that is said and written outside of the database."""
import json

from harness import expect

# What is searched for stands in every address, name and salary, and in no digest by chance.
PARTS = ["zq7wx", "8675309"]
PEOPLE = 30

TABLES = """
CREATE TABLE people (email VARCHAR(60) PRIMARY KEY NOT NULL, id INTEGER NOT NULL UNIQUE, name VARCHAR(60), salary NUMERIC(12,2), label VARCHAR(60), active INTEGER NOT NULL,
  CHECK (label <> 'no'), CHECK (active <> 99));
CREATE TABLE letters (id INTEGER PRIMARY KEY, email VARCHAR(60) NOT NULL REFERENCES people (email), body VARCHAR(60));
CREATE TABLE archive (email VARCHAR(60) PRIMARY KEY NOT NULL, name VARCHAR(60), seen INTEGER);
"""
ROWS = [f"INSERT INTO people VALUES ('zq7wx-{i:02}@hidden.test', {i}, 'Zq7wx {i:02}', 8675309.{i:02}, NULL, {i % 2})" for i in range(1, PEOPLE + 1)]
ROWS += [f"INSERT INTO letters VALUES ({i}, 'zq7wx-{i:02}@hidden.test', 'letter')" for i in range(1, 6)]

HEAD = """
job hide { why "It must not be seen." }
use std.text
source hr = SOURCE {
  sensitive people.email
  sensitive people.name
  sensitive people.salary
  sensitive people.label
  sensitive people.active
  sensitive archive.email
  sensitive archive.name
}
"""
JOB = HEAD + """
snapshot marks = hr.people where active == 1 keep { email, low = lower(name ?? "") }
update labels of hr.people skip where id == 3 "left as it is" {
  set label = (name ?? "") + "!"
  chunk 7 by email
}
update salaries of hr.people {
  set salary = salary + 1
  once
  chunk 7 by email
}
update names of hr.people join one marks as m on m.email == email else skip "not active" { set name = m.low }
update fits of hr.people {
  set active = case { id == 4 => 99 else => 2 }
  quarantine <= 3
  chunk 7 by email
}
insert copies into hr.archive from hr.people skip where id == 5 "left out" {
  set email = email
  set name = name
  set seen = 1
  key (email)
}
update letters of hr.letters { set body = "seen" }
delete gone of hr.archive where contains(email, "-06@")
verify none { assert count(hr.people where label == null) <= 1 }
test "the rows of a test, too" {
  given hr.people [{ email: "a@b.example", id: 1, name: "A", salary: 1.00, active: 1 }]
  expect hr.people [{ email: "a@b.example", id: 1, name: "B" }]
}
"""

# Each fails over a value, or because of one.
FAILURES = {
    "no_int": 'update u of hr.people { set active = to_int(name ?? "") }',
    "no_int_in_check": 'check c { assert count(hr.people where to_int(name ?? "") == 1) == 0 }',
    "found": 'check c { assert max(salary from hr.people) == 0 }',
    "found_text": 'verify v { assert first(name from hr.people order by id) == "x" }',
    "taken": 'update u of hr.people { set email = substring(email, 1, 7) once }',
    "two_rows": 'insert i into hr.archive from hr.people { set email = substring(email, 1, 7) set name = name key (email) }',
    "forbidden": 'update u of hr.people where id == 2 { set label = substring("no", 1, id) }',
    "joined": 'update u of hr.people join one hr.letters as l on l.email == email { set label = l.email }',
    "several": 'update u of hr.people join one hr.people as p on p.email != email { set label = p.name }',
    "no_branch": 'update u of hr.people { set label = case name { "x" => "y" } }',
    "told": 'update u of hr.people { set label = case { id > 5 => "x" else => error(name ?? "") } }',
    "divided": 'update u of hr.people { set salary = salary / (id - 7) once }',
    "kept": 'snapshot s = hr.people keep { email, n = to_int(name ?? "") }\nupdate u of hr.people join one s as k on k.email == email { set active = k.n }',
    "not_safe": 'update u of hr.people where salary > 5 { set salary = salary + 1 }',
}


def show(text, what):
    for part in PARTS:
        expect(part not in text.lower(), f"{what} shows `{part}`:\n{text[-3000:]}")


def search_files(place, *but):
    """Every file of the folder but the database's own."""
    for file in place.folder.rglob("*"):
        if not file.is_file() or file.name.startswith(but):
            continue
        raw = file.read_bytes().lower()
        for part in PARTS:
            expect(part.encode() not in raw and part.encode().hex().encode() not in raw, f"{file.name} holds `{part}`")


def every_word(place, source, env, database, test_flags=()):
    job = JOB.replace("SOURCE", source)
    place.write("job.bfl", job)
    place.write("old.bfl", job.replace("where active == 1 keep", "where active == 0 keep").replace("of hr.letters {", "of hr.letters where id > 2 {").replace("salaries of hr.people {", "salaries of hr.people where id > 9 {"))
    (place.folder / "hook.sh").write_text("#!/bin/sh\ncat >> hook.log\n")
    (place.folder / "hook.sh").chmod(0o755)
    said = {}
    for words in (["check JOB", "plan JOB", "plan JOB --json", "plan JOB -o job.plan", "diff old.bfl JOB", "graph JOB", "run JOB --limit-chunks 3 --hook ./hook.sh",
                   "run JOB --json --limit-chunks 2", "run JOB --hook ./hook.sh", "run JOB", "plan JOB", "status", "log", "log --json", "quarantine list JOB", "quarantine show JOB",
                   "quarantine list JOB --json", "quarantine show JOB --json", "quarantine retry JOB", "audit verify JOB", "test JOB", "test JOB --json"]):
        more = test_flags if words.startswith("test") else ()
        done = place.call(*["job.bfl" if word == "JOB" else word for word in words.split()], *more, code=None, env=env)
        expect(done.returncode in (0, 1, 3, 75), f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        show(done.stdout + done.stderr, words)
        search_files(place, *database)
        said.setdefault(words, done.stdout + done.stderr)
    expect('label null -> ***' in said["plan JOB"] and "hr.people.email" in said["plan JOB"], f"the plan does not say how it is:\n{said['plan JOB']}")
    expect("***" in said["quarantine list JOB"] and "constraint" in said["quarantine list JOB"], said["quarantine list JOB"])
    expect("sensitive" in said["test JOB"] and "name" in said["test JOB"], f"the test fails for another reason:\n{said['test JOB']}")
    expect("left as it is" in said["plan JOB"], said["plan JOB"])
    expect((place.folder / "hook.log").stat().st_size > 0, "no hook was called")
    events = [json.loads(line) for line in said["log --json"].splitlines()]
    expect(any(event.get("to_key") == "***" for event in events), "no chunk goes by a sensitive key")


def history_and_undo(place, env, change):
    """`change` alters rows behind the job's back."""
    row = place.call("audit", "row", "hr.people", "zq7wx-02@hidden.test", "job.bfl", env=env).stdout
    expect("salary" in row and "***" in row, row)
    show(row.replace("zq7wx-02@hidden.test", ""), "audit row")
    change()
    for words in ("undo job.bfl --plan", "undo job.bfl --plan --json", "undo job.bfl", "undo job.bfl --json"):
        done = place.call(*words.split(), code=None, env=env)
        expect(done.returncode in (0, 3, 4), f"{words}: {done.returncode}\n{done.stderr}")
        show(done.stdout + done.stderr, words)
    show(place.call("log", env=env).stdout, "log behind the undo")


def made_by_the_database(place, source, env, database):
    """`database` runs statements: computed columns and views that read a sensitive one, and those that read others."""
    database("CREATE TABLE t (id INTEGER PRIMARY KEY, email VARCHAR(60), n VARCHAR(60), low VARCHAR(60) GENERATED ALWAYS AS (lower(email)) STORED);"
             "CREATE TABLE o (id INTEGER PRIMARY KEY, open VARCHAR(60));"
             "CREATE VIEW vw AS SELECT email AS e2, id FROM t; CREATE VIEW again AS SELECT e2 AS e3, id FROM vw; CREATE VIEW shown AS SELECT open, id FROM o;"
             "INSERT INTO t (id, email, n) VALUES (1, 'Zq7wx-1', 'n'), (2, 'Zq7wx-2', 'n'); INSERT INTO o VALUES (1, 'seen'), (2, 'seen')")
    head = f'job h {{ why "w" }}\nsource s = {source} {{ sensitive t.email }}\n'
    refused = {"low": "update u of s.t { set n = low }", "e2": "update u of s.t join one s.vw as v on v.id == id { set n = v.e2 }",
               "e3": "update u of s.t join one s.again as v on v.id == id { set n = v.e3 }"}
    for column, step in refused.items():
        place.write("job.bfl", head + step + "\n")
        for words in (("check",), ("plan",), ("plan", "--json"), ("plan", "--format", "markdown"), ("run",)):
            said = place.call(words[0], "job.bfl", *words[1:], code=2, env=env)
            show(said.stdout + said.stderr, f"{words} of {column}")
        expect("BFL0421" in said.stderr and f".{column}`" in said.stderr, said.stderr)
    place.write("job.bfl", head + 'verify z { assert max(low from s.t) == "a" }\nverify y { assert max(e3 from s.again) == "a" }\nupdate u of s.t join one s.shown as v on v.id == id { set n = v.open }\n')
    planned = place.call("plan", "job.bfl", code=None, env=env).stdout
    expect("seen" in planned and "s.t.low" in planned and "s.again.e3" in planned and "s.shown" not in planned.split("sensitive")[1].split("update u")[0], planned)
    show(planned, "plan")
    place.write("job.bfl", head + 'update u of s.t { set email = "x" + email once }\n')
    place.call("run", "job.bfl", env=env)
    for words in (("log",), ("audit", "row", "s.t", "1", "job.bfl"), ("undo", "job.bfl", "--plan")):
        show(place.call(*words, env=env).stdout.lower(), f"{words}")


def failing_jobs(place, source, env, database):
    for name, steps in FAILURES.items():
        place.write("fail.bfl", HEAD.replace("SOURCE", source).replace("hide", f"fail_{name}") + steps + "\n")
        failed = False
        for words in (("check",), ("plan",), ("plan", "--json"), ("run",), ("run", "--json")):
            done = place.call(words[0], "fail.bfl", *words[1:], code=None, env=env)
            expect(done.returncode != 70, f"{name}: a bug:\n{done.stderr}")
            show(done.stdout + done.stderr, f"{' '.join(words)} of {name}")
            failed |= words == ("run",) and done.returncode == (2 if name == "not_safe" else 1)
        expect(failed, f"{name} does not fail over its rows:\n{done.stdout}{done.stderr}")
        show(place.call("log", env=env).stdout, f"log after {name}")
        search_files(place, *database)
