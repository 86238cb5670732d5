#!/usr/bin/env python3
"""`bfl diff`: each kind of edit by its class, what the next run does, against git, as git's driver."""
import json
import os
import re
import subprocess
import textwrap

from harness import ROOT, expect, main

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


def rows_that_only_one_version_chooses(place):
    place.shop()
    place.sql("UPDATE orders SET total = round(subtotal + tax, 2)")
    place.sql("UPDATE orders SET total = 0 WHERE id IN (3, 400, 501, 502, 600, 601, 602, 603, 604, 990)")
    _, result, _ = compared(place, JOB.replace("id <= 500", "id <= 900"))
    rows = next(c["rows"] for c in result["changes"] if c["step"] == "fix" and c["about"] == "rows")
    expect(rows == {"only_before": {"rows": 0, "sample": []}, "only_after": {"rows": 7, "sample": [f"id {i}" for i in (501, 502, 600, 601, 602)]}}, f"{rows}")
    _, result, _ = compared(place, JOB.replace("id <= 500", "customer_id > 0 and id > 100"))
    rows = next(c["rows"] for c in result["changes"] if c["step"] == "fix" and c["about"] == "rows")
    expect(rows["only_before"] == {"rows": 1, "sample": ["id 3"]} and rows["only_after"]["rows"] == 8, f"{rows}")
    text = place.call("diff", "old.bfl", "new.bfl", code=1).stdout
    expect("1 row only before: id 3\n" in text and "8 rows only now: id 501; id 502; " in text and "; …" in text, text)
    expect("plans that were kept and approved before are void" in text and result["kept_plans"] == "void", text)
    expect("8 rows only now" in place.call("diff", "--format", "markdown", "old.bfl", "new.bfl", code=1).stdout, "Markdown")
    place.call("schema", "pull", "new.bfl")
    os.remove(place.folder / "shop.db")
    offline = place.call("diff", "--offline", "old.bfl", "new.bfl", code=1).stdout
    expect("scope" in offline and "only now" not in offline, offline)


def the_order_of_conditions_is_cosmetic(place):
    place.shop()
    for new in (JOB.replace("  where id <= 500\n  where total != subtotal + tax", "  where total != subtotal + tax and id <= 500"),
                JOB.replace("  where id <= 500\n  where total != subtotal + tax", "  where total != subtotal + tax\n  where id <= 500"),
                JOB.replace("total != subtotal + tax", "subtotal + tax != total")):
        changes, result, steps = compared(place, new)
        expect(changes == {("cosmetic", "scope"), ("cosmetic", "fix"), ("cosmetic", "none_left")} and result["same_meaning"], f"{changes}")
        expect("the order of conditions" in place.call("diff", "old.bfl", "new.bfl").stdout, "text")


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


def the_review_of_a_pull_request(place):
    """The script and the workflow of examples/, in a repository, with a `gh` that keeps what it is given."""
    place.shop()
    git = lambda *words: subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words], cwd=place.folder, check=True, capture_output=True, text=True).stdout
    git("init", "-q", "-b", "main")
    place.write("job.bfl", JOB)
    git("add", "job.bfl")
    git("commit", "-qm", "a job")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    place.write("job.bfl", JOB.replace("id <= 500", "id <= 900"))
    place.write("new.bfl", JOB.replace("totals", "others"))
    place.write("wrong.bfl", JOB.replace("subtotal", "sutotal"))
    git("add", ".")
    git("commit", "-qm", "an edit")
    (place.folder / "examples").mkdir()
    place.example("post_review.sh")
    os.rename(place.folder / "post_review.sh", place.folder / "examples/post_review.sh")
    (place.folder / "bin").mkdir()
    os.symlink(place.bfl, place.folder / "bin/bfl")
    place.write("bin/gh", '#!/bin/sh\necho "$@" >> gh.log\ncase "$*" in *--edit-last*) exit 1 ;; esac\ncp review.md posted.md\n').chmod(0o755)
    workflow = (ROOT / "examples/pull_request.yml").read_text()
    steps = [textwrap.dedent(text) for text in re.findall(r"^ +run: \|\n((?: {10}.*\n)+)", workflow, re.M)]
    expect(len(steps) == 1 and "post_review.sh" in steps[0], f"{steps}")
    env = place.environment({"PATH": f"{place.folder}/bin:{os.environ['PATH']}", "BASE": "main", "NUMBER": "7"})
    done = subprocess.run(["sh", "-ec", steps[0]], cwd=place.folder, env=env, capture_output=True, text=True)
    expect(done.returncode == 0, done.stdout + done.stderr)
    expect((place.folder / "gh.log").read_text() == "pr comment 7 --edit-last --body-file review.md\npr comment 7 --body-file review.md\n", "the comment is kept up to date, or made")
    posted = (place.folder / "posted.md").read_text()
    for part in ("<!-- bfl: review -->", "### `totals`: ", "| review | scope widened | `fix` | rows | ", "### new job `new.bfl`", "### new job `wrong.bfl`", "did you mean `subtotal`", "<summary>bfl plan</summary>", "would change"):
        expect(part in posted, f"{part}: {posted}")
    expect(posted.count("<details>") == posted.count("</details>") and posted.count("```") % 2 == 0, "not well formed")


def misuse(place):
    expect("needs OLD and NEW" in place.call("diff", "a.bfl", code=2).stderr, "one operand")
    expect("behind `--git BASE`" in place.call("diff", "--git", "HEAD", code=2).stderr, "no job")


if __name__ == "__main__":
    main([edits_have_their_class, what_means_the_same_is_no_change, rows_that_only_one_version_chooses, the_order_of_conditions_is_cosmetic, the_next_run_is_told, markdown_for_a_pull_request,
          against_git_and_as_its_driver, the_review_of_a_pull_request, misuse])
