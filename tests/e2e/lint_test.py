#!/usr/bin/env python3
"""`bfl lint`: every rule on its failing and its passing example, suppressions, mends, and the forms of its output."""
import json
import re

from harness import ROOT, expect, main

EXAMPLES = ROOT / "interpreter/lint/examples"
RULES = re.findall(r'^BFL_RULE\((\w+), "(L\d+)", "([a-z-]+)", (\w+), (\w+), ', (ROOT / "interpreter/lint/rules.def").read_text(), re.M)
# Estimates of tables are in a catalogue only when the database has gathered them.
NEEDS_STATISTICS = {"atomic-on-large-table"}


def found(place, name, *words):
    done = place.call("lint", name, "--json", *words, code=None)
    expect(done.returncode in (0, 1), f"{name}: exit {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout)["files"][0]


def every_rule_has_examples_that_show_it(place):
    expect(len(RULES) >= 40, f"{len(RULES)} rules")
    expect(len({code for _, code, *_ in RULES}) == len(RULES), "a code stands twice")
    place.shop()
    place.sql("INSERT INTO orders (id, customer_id, created_at, subtotal, tax) WITH RECURSIVE n(i) AS (SELECT 2000 UNION ALL SELECT i + 1 FROM n WHERE i < 110000) "
              "SELECT i, 1, '2025-01-01 00:00:00', 1, 0 FROM n")
    place.sql("ANALYZE")
    for _, code, name, severity, _ in RULES:
        for which in ("fail", "pass"):
            place.write("job.bfl", (EXAMPLES / f"{name}.{which}.bfl").read_text())
            # The place of the data is what this rule is about.
            words = ["--source", "shop=sqlite:shop.db"] if name == "fixed-place" else []
            result = found(place, "job.bfl", *words)
            expect(not result["left_out"], f"{name}.{which}: rules were left out: {result.get('why_left_out')}")
            hits = [f for f in result["findings"] if f["rule"] == name]
            expect(bool(hits) == (which == "fail"), f"{name}.{which}.bfl: {hits or 'not found'}")
            expect(all(f["code"] == code and f["severity"] == severity for f in hits), f"{name}: {hits}")
        told = place.call("explain", code).stdout
        expect(name in told and (EXAMPLES / f"{name}.fail.bfl").read_text().split("\n")[0] in told, told)
        expect(told == place.call("explain", name).stdout, f"`bfl explain {name}` differs")
    stray = {path.name.split(".")[0] for path in EXAMPLES.iterdir()} - {name for _, _, name, *_ in RULES}
    expect(not stray, f"examples of no rule: {stray}")
    expect(place.call("lint", "--rules").stdout.count("\n") == len(RULES), "--rules lists others")


def what_could_not_be_looked_at_is_said(place):
    place.example("fix_order_totals.bfl")
    needy = sum(needs == "catalogue" for *_, needs in RULES)
    done = place.call("lint", "fix_order_totals.bfl")
    expect(f"{needy} rules were left out, since " in done.stdout and "null-passed-over" in done.stdout, done.stdout)
    expect("no database was asked" in place.call("lint", "--offline", "fix_order_totals.bfl").stdout, "--offline does not say it")
    place.write("wrong.bfl", "job j { why }\n")
    expect("BFL0107" in place.call("lint", "wrong.bfl", code=2).stderr, "mistakes are mistakes")
    expect("needs JOB.bfl" in place.call("lint", code=2).stderr, "no operand")


def exit_codes_follow_severity(place):
    place.shop()
    place.write("notes.bfl", (EXAMPLES / "missing-owner.fail.bfl").read_text())
    expect("0 errors, 0 warnings, " in place.call("lint", "notes.bfl").stdout, "notes alone end well")
    place.write("warned.bfl", (EXAMPLES / "unfiltered-delete.fail.bfl").read_text())
    expect("warning[L101]" in place.call("lint", "warned.bfl", code=1).stdout, "a warning is a failure")


def suppressions(place):
    place.shop()
    script = 'job j { why "w" }\nsource shop = sqlite("shop.db")\n{above}delete d of shop.lines{behind}\nverify v { assert count(shop.lines) == 0 }\n'

    def rules(above="", behind=""):
        place.write("job.bfl", script.replace("{above}", above).replace("{behind}", behind))
        return {f["rule"] for f in found(place, "job.bfl")["findings"]}

    expect({"unfiltered-delete", "unbounded-delete"} <= rules(), "both are found")
    for where in (dict(above="# bfl:allow unfiltered-delete the table is a cache\n"), dict(behind="  # bfl:allow L101 the table is a cache")):
        left = rules(**where)
        expect("unfiltered-delete" not in left and "unbounded-delete" in left and "allow-of-nothing" not in left, f"{where}: {left}")
    left = rules(above="# bfl:allow unfiltered-delete\n")
    expect({"unfiltered-delete", "allow-without-reason"} <= left, f"{left}")


def mends_what_means_the_same(place):
    place.shop()
    text = ('use std.json\njob j { why "w" }\nsource shop = sqlite("shop.db")\n# bfl:allow huge-chunk the machine is large\n'
            'update u of shop.orders as o where note == null { set note = "seen" }\n')
    place.write("job.bfl", text)
    before = json.loads(place.call("plan", "job.bfl", "--json").stdout)
    place.call("lint", "--fix", "job.bfl", code=None)
    mended = (place.folder / "job.bfl").read_text()
    expect(mended == text.replace("use std.json\n", "").replace("# bfl:allow huge-chunk the machine is large\n", "").replace(" as o", ""), mended)
    after = json.loads(place.call("plan", "job.bfl", "--json").stdout)
    expect([s.get("key") for s in before["steps"]] == [s.get("key") for s in after["steps"]], "the meaning changed")
    place.write("job.bfl", text)
    done = place.call("lint", "--fix", "--offline", "job.bfl", code=None)
    expect("is not mended" in done.stderr and (place.folder / "job.bfl").read_text() == text, "mended without proof")


def sarif_and_annotations(place):
    place.shop()
    place.write("job.bfl", (EXAMPLES / "unfiltered-delete.fail.bfl").read_text())
    log = json.loads(place.call("lint", "--format", "sarif", "job.bfl", code=1).stdout)
    expect(log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json"), "no SARIF 2.1.0")
    run, = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    expect([r["id"] for r in rules] == [code for _, code, *_ in RULES], "the rules of the driver")
    expect(all(r["fullDescription"]["text"] and r["help"]["text"] and r["defaultConfiguration"]["level"] in ("note", "warning", "error") for r in rules), "a rule lacks a text")
    for result in run["results"]:
        expect(rules[result["ruleIndex"]]["id"] == result["ruleId"] and result["message"]["text"] and result["partialFingerprints"], f"{result}")
        place_ = result["locations"][0]["physicalLocation"]
        region = place_["region"]
        expect(place_["artifactLocation"]["uri"] == "job.bfl" and (region["startLine"], region["startColumn"]) < (region["endLine"], region["endColumn"]), f"{place_}")
    expect("L101" in {r["ruleId"] for r in run["results"]}, "the finding is missing")
    line = next(l for l in place.call("lint", "--format", "github", "job.bfl", code=1).stdout.splitlines() if "L101" in l)
    expect(re.fullmatch(r"::warning file=job\.bfl,line=4,endLine=4,col=\d+,endColumn=\d+,title=L101 unfiltered-delete::every row of `shop\.lines` is deleted%0A.*", line), line)


if __name__ == "__main__":
    main([every_rule_has_examples_that_show_it, what_could_not_be_looked_at_is_said, exit_codes_follow_severity, suppressions,
          mends_what_means_the_same, sarif_and_annotations])
