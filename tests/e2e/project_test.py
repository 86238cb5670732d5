#!/usr/bin/env python3
"""What a project keeps: `bfl init`, bfl.toml, and the catalogues of `bfl schema pull` for work without a database."""
import json
import os
import re
import subprocess

from harness import expect, main

JOB = "normal_addresses.bfl"


def begins_a_project_that_works_at_once(place):
    said = place.call("init", "mine").stdout
    expect("cd mine" in said and JOB in said, said)
    folder = place.folder / "mine"
    for name in ("bfl.toml", JOB, "example.db", "schema/shop.json", ".github/workflows/bfl.yml", ".gitignore"):
        expect((folder / name).is_file() and name in said, f"{name} is missing or not named")
    place.folder = folder
    expect("is sound: 3 steps" in place.call("check", JOB).stdout, "check")
    expect("1 test, 0 failed" in place.call("test", JOB).stdout, "test")
    expect(place.call("fmt", "--check", ".").stdout == "", "fmt --check")
    expect(place.call("lint", ".").stdout == "nothing found\n", "lint")
    # What the workflow says, as it says it, where there is no database.
    os.rename(folder / "example.db", folder / "away.db")
    steps = re.findall(r"- run: (.*)", (folder / ".github/workflows/bfl.yml").read_text())
    expect(len(steps) == 3, f"{steps}")
    for step in steps:
        done = subprocess.run(["sh", "-ec", step], cwd=folder, capture_output=True, text=True, env={**os.environ, "PATH": f"{os.path.dirname(place.bfl)}:{os.environ['PATH']}"})
        expect(done.returncode == 0, f"{step}: {done.stdout}{done.stderr}")
    os.rename(folder / "away.db", folder / "example.db")
    place.call("run", JOB)
    expect(place.value("SELECT group_concat(email, ' ') FROM customers", "example.db") == "ann@example.com bob@example.com chen@example.com dana@example.com eve@example.com", "the run")
    expect("nothing to do" in place.call("run", JOB).stdout, "the second run")


def init_overwrites_nothing(place):
    place.write(".gitignore", "mine\n")
    said = place.call("init").stdout
    expect("is there already: add `.bfl/`" in said and (place.folder / ".gitignore").read_text() == "mine\n", said)
    for name in ("bfl.toml", JOB, "example.db", "schema/shop.json", ".github/workflows/bfl.yml"):
        other = place.folder / ("with-" + name.replace("/", "-")) / "x"
        (other / name).parent.mkdir(parents=True)
        (other / name).write_text("kept\n")
        done = place.call("init", str(other), code=2)
        expect(name in done.stderr and "nothing was written" in done.stderr, done.stderr)
        expect([p for p in other.rglob("*") if p.is_file()] == [other / name] and (other / name).read_text() == "kept\n", f"{name}: something was written")
    place.write("file", "x")
    expect("is no folder" in place.call("init", "file", code=2).stderr, "a file is no folder")


def the_nearest_project_counts(place):
    place.shop()
    jobs = place.folder / "a" / "b"
    jobs.mkdir(parents=True)
    (jobs / "j.bfl").write_text('job j { why "w" owner "o" }\nsource shop = sqlite("../../shop.db")\nupdate u of shop.orders where note == null { set note = "x" }\nverify v { assert not exists(shop.orders where note == null) }\n')
    expect("missing-test" in place.call("lint", "a/b/j.bfl", "--json").stdout, "a note is no failure")
    place.write("bfl.toml", '[lint]\nmissing-test = "error"\n')
    expect("error[L306]" in place.call("lint", "a/b/j.bfl", code=1).stdout, "two folders above")
    sarif = json.loads(place.call("lint", "a/b/j.bfl", "--format", "sarif", code=1).stdout)["runs"][0]
    expect("error" in {r["level"] for r in sarif["results"] if r["ruleId"] == "L306"}, "the level in SARIF")
    expect("::error file=a/b/j.bfl" in place.call("lint", "a/b/j.bfl", "--format", "github", code=1).stdout, "the level of the annotation")
    nearer = place.folder / "a" / "bfl.toml"
    nearer.write_text('[lint]\nmissing-test = { level = "off", reason = "shown elsewhere" }\n')
    said = place.call("lint", "a/b/j.bfl", code=2).stderr
    expect("error[BFL0704]" in said and "a/bfl.toml:2:1" in said and "bfl.toml:2:1" in said and "a nearer file only tightens" in said, said)
    place.write("bfl.toml", "")
    done = place.call("lint", "a/b/j.bfl").stdout
    expect("L306 missing-test is off in this project: shown elsewhere" in done and "note[L306]" not in done, done)


def no_nearer_file_lifts_the_policy(place):
    place.shop()
    jobs = place.folder / "jobs"
    jobs.mkdir()
    (jobs / "j.bfl").write_text('job j { why "w" owner "o" }\nsource shop = sqlite("../shop.db")\nupdate u of shop.orders where id == 1 { set note = "x" }\n')
    place.write("bfl.toml", '[policy]\nrequire = ["ticket"]\napprovals = 1\n')
    holds = lambda where: expect(all(said in place.call("run", "jobs/j.bfl", code=4).stderr for said in ("no `ticket`", "asks for 1 approval")), where)
    holds("the file above")
    (jobs / "bfl.toml").write_text("")
    holds("an empty file beside the job")
    os.remove(jobs / "bfl.toml")
    (jobs / ".git").mkdir()
    holds("a repository of its own")
    (jobs / "bfl.toml").write_text("[policy]\napprovals = 0\n")
    said = place.call("run", "jobs/j.bfl", code=2).stderr
    expect("error[BFL0704]: `approvals` asks for less than a bfl.toml further out" in said and "jobs/bfl.toml:2:13" in said and "asked for here" in said, said)
    os.remove(jobs / "bfl.toml")
    os.symlink("nowhere", jobs / "bfl.toml")
    expect("error[BFL0113]" in place.call("run", "jobs/j.bfl", code=5).stderr, "one that cannot be read")


def a_rule_that_the_policy_makes_an_error_stops_the_run(place):
    place.shop()
    place.write("j.bfl", 'job j { why "w" owner "o" }\nsource shop = sqlite("shop.db")\nupdate u of shop.orders where id == 1 { set note = "marked" }\n')
    marked = "SELECT count(*) FROM orders WHERE note = 'marked'"
    place.write("bfl.toml", '[lint]\nmissing-test = "error"\n')
    for command in ("run", "check"):
        said = place.call(command, "j.bfl", code=4).stderr
        expect("error[BFL0525]: the policy of the project makes `missing-test` an error" in said and "j.bfl:" in said and "help" in said, said)
    said = place.call("plan", "j.bfl").stderr
    expect("warning[BFL0525]: a run would be refused: the policy" in said, said)
    expect(place.value(marked) == 0, "nothing was changed")
    place.write("bfl.toml", '[lint]\nmising-test = "error"\n')
    expect("there is no rule `mising-test`" in place.call("run", "j.bfl", code=2).stderr, "a rule that there is not")
    place.write("bfl.toml", '[lint]\nmissing-test = "warning"\n')
    place.call("run", "j.bfl")
    expect(place.value(marked) == 1, "a warning is for `bfl lint`")


def kept(place):
    return json.loads((place.folder / "schema/shop.json").read_text())


def catalogues_are_kept(place):
    place.shop()
    place.example("fix_order_totals.bfl")
    none = place.call("check", "--offline", "fix_order_totals.bfl", code=2).stderr
    expect("error[BFL0705]: no catalogue of `shop` is kept" in none and "`bfl schema pull fix_order_totals.bfl`" in none, none)
    expect(place.call("schema", "pull", "fix_order_totals.bfl").stdout == "schema/shop.json: 4 tables of `shop`\n", "pull")
    text = (place.folder / "schema/shop.json").read_text()
    expect(place.call("schema", "pull", "fix_order_totals.bfl").stdout == "schema/shop.json: 4 tables of `shop`, as it was\n", "a second pull")
    expect(place.call("schema", "pull", "shop=sqlite:shop.db", "--json").stdout.count('"changed": false') == 1, "by its place")
    expect('{"name": "total", "type": "decimal?", "declared": "NUMERIC(12,2)"' in text and '"rows": 1000' in text, text)
    os.rename(place.folder / "shop.db", place.folder / "away.db")
    expect("is sound by its kept catalogue: 3 steps" in place.call("check", "--offline", "fix_order_totals.bfl").stdout, "check --offline")
    done = place.call("lint", "fix_order_totals.bfl", "--json", code=None)
    expect(json.loads(done.stdout)["files"][0]["left_out"] == [], "lint leaves nothing out")
    place.write("wrong.bfl", (place.folder / "fix_order_totals.bfl").read_text().replace("subtotal + tax\n}", "subtotl + note\n}"))
    expect("did you mean `subtotal`" in place.call("check", "--offline", "wrong.bfl", code=2).stderr, "what is wrong is found")
    os.rename(place.folder / "away.db", place.folder / "shop.db")
    # The same again from what was kept: nothing is lost on the way.
    place.call("check", "fix_order_totals.bfl")
    expect("BFL0604" not in place.call("check", "fix_order_totals.bfl").stderr, "nothing has changed")
    place.sql("ALTER TABLE orders ADD COLUMN channel TEXT")
    place.sql("DROP TABLE lines")
    place.sql("CREATE TABLE extra (id INTEGER PRIMARY KEY)")
    place.sql("CREATE INDEX by_name ON customers (name)")
    said = place.call("check", "fix_order_totals.bfl").stderr
    expect("warning[BFL0604]" in said and "`bfl schema pull fix_order_totals.bfl`" in said, said)
    for line in ("`orders.channel` is new", "the table `lines` is gone", "the table `extra` is new", "keys, indexes or triggers of `customers` are others"):
        expect(line in said, f"{line}: {said}")
    place.call("schema", "pull", "fix_order_totals.bfl")
    expect(place.call("check", "fix_order_totals.bfl").stderr == "", "pulled again")
    place.write("schema/shop.json", "{}")
    expect("cannot be used" in place.call("check", "--offline", "fix_order_totals.bfl", code=2).stderr, "no catalogue")
    expect("warning[BFL0604]" in place.call("check", "fix_order_totals.bfl").stderr, "no catalogue, with the database")


def offline_needs_no_credentials(place):
    place.shop()
    place.write("bfl.toml", "")
    (place.folder / "jobs").mkdir()
    place.write("jobs/j.bfl", 'job j { why "w" }\nsource shop = env("SHOP_URL")\nupdate u of shop.orders where note == null { set note = "none" }\nverify v { assert count(shop.orders where note == null) == 0 }\n'
                              'test "t" {\n  given shop.orders [{ id: 1, note: null }]\n  expect shop.orders [{ id: 1, note: "none" }]\n}\n')
    env = {"SHOP_URL": f"sqlite:{place.folder}/shop.db"}
    place.call("schema", "pull", "jobs/j.bfl", env=env)
    expect((place.folder / "schema/shop.json").exists(), "beside bfl.toml")
    place.call("check", "--offline", "jobs/j.bfl")
    expect("1 test, 0 failed" in place.call("test", "--offline", "jobs/j.bfl").stdout, "test --offline")
    expect("left out" not in place.call("lint", "jobs/j.bfl", code=None).stdout, "lint")
    expect("SHOP_URL" in place.call("check", "jobs/j.bfl", code=None).stderr, "without --offline it is needed")


if __name__ == "__main__":
    main([begins_a_project_that_works_at_once, init_overwrites_nothing, the_nearest_project_counts, no_nearer_file_lifts_the_policy, a_rule_that_the_policy_makes_an_error_stops_the_run, catalogues_are_kept, offline_needs_no_credentials])
