#!/usr/bin/env python3
"""`bfl diff`: each kind of edit by its class, what the next run does, against git, as git's driver."""
import json
import os
import subprocess

from harness import expect, main

JOB = '''job totals {
  owner "data@example.com"
  why   "Totals lack the tax."
}
source shop = sqlite("shop.db")

# The rows that are wrong.
let wrong = shop.orders
  where id <= 500
  where total != subtotal + tax

check scope { assert count(wrong) <= 50_000 "more than expected" }
update fix of wrong {
  expect changed <= 1_000
  set total = subtotal + tax
}
verify none_left { assert count(wrong) == 0 }
'''


def compared(place, new, old=JOB):
    place.write("old.bfl", old)
    place.write("new.bfl", new)
    done = place.call("diff", "old.bfl", "new.bfl", "--json", code=None)
    expect(done.returncode in (0, 1), f"exit {done.returncode}\n{done.stderr}")
    result = json.loads(done.stdout)
    expect((done.returncode == 0) == result["same_meaning"], f"exit {done.returncode} of {result}")
    return {(c["class"], c["step"]) for c in result["changes"]}, result, {s["step"]: s["next_run"] for s in result["steps"]}


def edits_have_their_class(place):
    place.shop()
    for before, after, wanted in [
        ("id <= 500", "id <= 900", ("scope widened", "fix")),
        ("id <= 500", "id < 500", ("scope narrowed", "fix")),
        ("  where id <= 500\n", "", ("scope widened", "fix")),
        ("id <= 500", "id <= 500 and tax > 0", ("scope narrowed", "fix")),
        ("id <= 500", "customer_id <= 500", ("scope unknown", "fix")),
        ("let wrong = shop.orders\n", "let wrong = shop.orders\n  join one shop.customers as c on c.id == customer_id else skip \"gone\"\n", ("scope unknown", "fix")),
        ("set total = subtotal + tax", "set total = subtotal + tax + 0.00", ("value changed", "fix")),
        ("set total = subtotal + tax", "set total = subtotal + tax\n  set note = \"seen\"", ("value changed", "fix")),
        ("changed <= 1_000", "changed <= 2_000", ("guard loosened", "fix")),
        ("changed <= 1_000", "changed <= 900", ("guard tightened", "fix")),
        ("  expect changed <= 1_000\n", "", ("guard loosened", "fix")),
        ('check scope { assert count(wrong) <= 50_000 "more than expected" }\n', "", ("guard loosened", "scope")),
        ("count(wrong) <= 50_000", "count(wrong) <= 60_000", ("guard loosened", "scope")),
        ("assert count(wrong) == 0", "assert count(wrong) <= 1", ("verification only", "none_left")),
        ("update fix of", "update mend of", ("removed", "fix")),
        ("update fix of", "update mend of", ("additive", "mend")),
        ("job totals", "job sums", ("target changed", "")),
        ("data@", "payments@", ("metadata", "")),
        ("more than expected", "far more than expected", ("metadata", "scope")),
        ("  set total", "  chunk 100\n  set total", ("metadata", "fix")),
    ]:
        expect(before in JOB, before)
        changes, result, _ = compared(place, JOB.replace(before, after, 1))
        expect(wanted in changes, f"`{before}` to `{after}`: {changes}, not {wanted}")
        if wanted[0] in ("metadata", "verification only"):
            expect(not any(c["review"] for c in result["changes"]), f"{result}")


def what_means_the_same_is_no_change(place):
    place.shop()
    for new in (JOB, JOB.replace("wrong", "bad"), JOB.replace("# The rows", "# All rows").replace("  where total", "\n  where  total")):
        changes, result, _ = compared(place, new)
        # A definition that is renamed is no other meaning.
        expect(not changes, f"{changes}\n{new}")
        expect(result["cosmetic"] == (new != JOB), "cosmetic or nothing")


def the_next_run_is_told(place):
    place.shop()
    _, _, steps = compared(place, JOB.replace("id <= 500", "id <= 900"))
    expect(steps["fix"] == "finished: runs again; half-finished: refused without --accept", steps["fix"])
    _, _, steps = compared(place, JOB.replace("changed <= 1_000", "changed <= 900"))
    expect(steps["fix"] == "finished: stays; half-finished: goes on", steps["fix"])
    # And so it is.
    place.write("job.bfl", JOB)
    place.call("run", "job.bfl")
    place.write("job.bfl", JOB.replace("changed <= 1_000", "changed <= 900"))
    plan = {s["step"]: s["decision"] for s in json.loads(place.call("plan", "job.bfl", "--json").stdout)["steps"]}
    expect(plan["fix"] == "reuse", plan)
    place.write("job.bfl", JOB.replace("id <= 500", "id <= 900"))
    plan = {s["step"]: s["decision"] for s in json.loads(place.call("plan", "job.bfl", "--json").stdout)["steps"]}
    expect(plan["fix"] == "run", plan)


def markdown_for_a_pull_request(place):
    place.shop()
    place.write("old.bfl", JOB)
    place.write("new.bfl", JOB.replace("id <= 500", "id <= 900"))
    text = place.call("diff", "--format", "markdown", "old.bfl", "new.bfl", code=1).stdout
    expect("| review | scope widened | `fix` | rows | " in text and text.startswith("### `totals`: ") and text.count("<details>") == text.count("</details>") == 1, text)


def against_git_and_as_its_driver(place):
    place.shop()
    os.mkdir(place.folder / "jobs")
    place.write("jobs/job.bfl", JOB.replace('"shop.db"', '"../shop.db"'))
    git = lambda *words: subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words], cwd=place.folder, check=True, capture_output=True, text=True).stdout
    git("init", "-q", "-b", "main")
    git("add", "jobs")
    git("commit", "-qm", "a job")
    expect("nothing changed" in place.call("diff", "--git", "HEAD", "jobs/job.bfl").stdout, "nothing was edited")
    place.write("jobs/job.bfl", JOB.replace('"shop.db"', '"../shop.db"').replace("id <= 500", "id <= 900"))
    expect("scope widened" in place.call("diff", "--git", "HEAD", "jobs/job.bfl", code=1).stdout, "the edit is not seen")
    expect("git has no `nowhere:./job.bfl`" in place.call("diff", "--git", "nowhere", "jobs/job.bfl", code=5).stderr, "a revision that is none")
    place.write(".gitattributes", "*.bfl diff=bfl\n")
    git("config", "diff.bfl.command", f"{place.bfl} diff")
    expect("scope widened" in git("diff"), "git does not call bfl")
    git("config", "--unset", "diff.bfl.command")
    git("config", "diff.bfl.textconv", f"sh -c '{place.bfl} fmt - < \"$1\"' --")
    place.write("jobs/job.bfl", JOB.replace('"shop.db"', '"../shop.db"').replace("set total = subtotal + tax", "set total=subtotal+tax"))
    expect(git("diff").count("\n") <= 4 and "subtotal" not in git("diff"), "white space is shown: " + git("diff"))


def misuse(place):
    expect("needs OLD and NEW" in place.call("diff", "a.bfl", code=2).stderr, "one operand")
    expect("behind `--git BASE`" in place.call("diff", "--git", "HEAD", code=2).stderr, "no job")


if __name__ == "__main__":
    main([edits_have_their_class, what_means_the_same_is_no_change, the_next_run_is_told, markdown_for_a_pull_request,
          against_git_and_as_its_driver, misuse])
