#!/usr/bin/env python3
"""The command line as a contract: exit codes, flags, both output forms, help, completions, the man page, `explain`."""
import json
import os
import re
import shutil
import subprocess
import time

from harness import ROOT, SKIPPED, expect, main


def shop_with_job(place):
    place.shop()
    place.example("fix_order_totals.bfl")


def misuse_is_exit_2(place):
    for words, said in [
        (["rnu"], "did you mean `bfl run`"),
        (["fix.bfl"], "bfl run fix.bfl"),
        (["run"], "needs JOB.bfl"),
        (["run", "a.bfl", "b.bfl"], "one too many"),
        (["run", "a.bfl", "--jsno"], "did you mean `--json`"),
        (["run", "a.bfl", "--set", "x"], "has no `=`"),
        (["run", "a.bfl", "--set"], "nothing stands behind `--set`"),
        (["run", "a.bfl", "--color", "pink"], "expected auto|always|never"),
        (["run", "a.bfl", "--limit-chunks", "none"], "not a number above zero"),
        (["run", "a.bfl", "--dry-run", "--only", "x"], "does not go with `--only`"),
        (["approve"], "needs PLAN"),
        (["completion", "tcsh"], "none of bash|zsh|fish"),
        (["explain", "BFL9999"], "unknown code"),
        (["--verbose"], "unknown flag"),
        ([], "usage"),
    ]:
        done = place.call(*words, code=2)
        expect(said in done.stderr, f"bfl {' '.join(words)} does not say `{said}`:\n{done.stderr}")
        expect(done.stdout == "", f"bfl {' '.join(words)} wrote to standard output:\n{done.stdout}")


def flags_that_mean_nothing_here_are_refused(place):
    shop_with_job(place)
    for words, said in ((("halt", "fix_order_totals.bfl", "--job", "other"), "goes with the address of a database"),
                        (("halt", "2025", "--job", "other"), "names a run"),
                        (("rehearse", "fix_order_totals.bfl", "--rows", "10"), "is of PostgreSQL"),
                        (("setup", "fix_order_totals.bfl", "--role", "runner"), "goes with `--print`"),
                        (("setup", "fix_order_totals.bfl", "--print", "--role", "runner"), "SQLite has no roles")):
        done = place.call(*words, code=2)
        expect(said in done.stderr and "help:" in done.stderr, f"bfl {' '.join(words)}: {done.stderr}")
    expect(place.sql("SELECT name FROM sqlite_schema WHERE name LIKE 'bfl_%'") == [], "nothing was made")


def help_names_every_command_and_flag(place):
    overview = place.call("help").stdout
    expect(overview == place.call("--help").stdout, "`--help` and `help` differ")
    for command in re.findall(r"^  (\w+) ", overview.split("Exit codes")[0], re.M):
        text = place.call("help", command).stdout
        expect(f"bfl {command}" in text and "--help" in text, f"the help of {command} is empty")
        expect(text == place.call(command, "--help").stdout, f"`bfl help {command}` and `bfl {command} --help` differ")
    expect("bfl 0." in place.call("version").stdout, "no version")


def json_is_json(place):
    shop_with_job(place)
    check = json.loads(place.call("check", "fix_order_totals.bfl", "--json").stdout)
    expect(check["ok"] and check["diagnostics"] == [], "a sound job is not ok")
    plan = json.loads(place.call("plan", "fix_order_totals.bfl", "--json").stdout)
    step = {s["step"]: s for s in plan["steps"]}["fix_totals"]
    expect(step["decision"] == "run" and step["would_change"] > 0, f"the plan of fix_totals: {step}")
    graph = json.loads(place.call("graph", "fix_order_totals.bfl", "--json").stdout)
    expect(any({"from": "fix_totals", "to": "none_left"}.items() <= edge.items() for edge in graph["edges"]), f"edges: {graph['edges']}")
    events = [json.loads(line) for line in place.call("run", "fix_order_totals.bfl", "--json").stdout.splitlines()]
    expect(all({"run", "job", "step", "kind", "time"} <= e.keys() for e in events), "an event lacks a field of the contract")
    kinds = [e["kind"] for e in events]
    expect(kinds[0] == "run_started" and kinds[-1] == "run_finished" and "chunk_committed" in kinds, f"kinds: {kinds}")
    run = events[0]["run"]
    log = [json.loads(line) for line in place.call("log", run, "--json").stdout.splitlines()]
    expect(all({"run", "job", "step", "kind", "time"} <= e.keys() for e in log) and log, "an entry of the log lacks a field")
    status = json.loads(place.call("status", "--json").stdout)
    expect(status[0]["run"] == run and status[0]["state"] == "done", f"status: {status[0]}")
    one = json.loads(place.call("status", run[:12], "--json").stdout)
    expect({s["step"] for s in one["steps"]} >= {"fix_totals", "none_left"}, f"steps: {one['steps']}")
    place.write("wrong.bfl", "job a { why \"x\" }\nsource shop = sqlite(\"shop.db\")\nverify v { assert exists(shop.order) }\n")
    wrong = json.loads(place.call("check", "wrong.bfl", "--json", code=2).stdout)
    expect(wrong["diagnostics"][0]["code"] == "BFL0203" and wrong["diagnostics"][0]["line"] == 3, f"{wrong['diagnostics']}")


def dry_run_is_the_plan(place):
    shop_with_job(place)
    before = (place.folder / "shop.db").read_bytes()
    shown = place.call("run", "fix_order_totals.bfl", "--dry-run").stdout
    expect(shown == place.call("plan", "fix_order_totals.bfl").stdout and "would change" in shown, f"--dry-run shows something else:\n{shown}")
    expect((place.folder / "shop.db").read_bytes() == before, "--dry-run changed the database")


def status_and_log_for_people(place):
    shop_with_job(place)
    expect("no state file" in place.call("status", code=5).stderr, "status without a state file")
    place.call("run", "fix_order_totals.bfl")
    table = place.call("status").stdout
    expect("fix_order_totals" in table and "done" in table, table)
    run = table.splitlines()[1].split()[0]
    expect("fix_totals" in place.call("status", run).stdout, "status of one run")
    expect("chunk_committed" in place.call("log", run).stdout, "log of one run")
    expect(place.call("log", "fix_order_totals.bfl").stdout == place.call("log").stdout, "a job's log and the folder's differ")
    expect("no run begins with" in place.call("log", "1999", code=2).stderr, "an unknown run")


def old_runs_leave_the_diary(place):
    shop_with_job(place)
    for job, code in (("gc", 2), ("purge", 2)):
        place.call("state", job, code=code)
    place.call("run", "fix_order_totals.bfl")
    expect("is no age" in place.call("state", "gc", "fix_order_totals.bfl", "--keep", "soon", code=2).stderr, "an age that is none")
    expect("0 runs and 0 events" in place.call("state", "gc", "fix_order_totals.bfl").stdout, "what is young stays")
    place.call("run", "fix_order_totals.bfl", "--again", "fix_totals")
    time.sleep(0.01)
    gone = json.loads(place.call("state", "gc", "fix_order_totals.bfl", "--keep", "0h", "--json").stdout)
    expect(gone["runs"] == 1 and gone["entries"] > 5, gone)
    expect(len(place.call("status", "fix_order_totals.bfl").stdout.splitlines()) == 2, "the newest stays")
    place.call("run", "fix_order_totals.bfl", "--again", "fix_totals")
    place.call("audit", "verify", "fix_order_totals.bfl")


def graph_formats(place):
    shop_with_job(place)
    expect("fix_totals" in place.call("graph", "fix_order_totals.bfl").stdout, "text")
    expect(place.call("graph", "fix_order_totals.bfl", "--format", "dot").stdout.startswith("digraph"), "dot")
    expect("graph" in place.call("graph", "fix_order_totals.bfl", "--format", "mermaid").stdout.splitlines()[0] or
           "flowchart" in place.call("graph", "fix_order_totals.bfl", "--format", "mermaid").stdout, "mermaid")


def a_graph_is_drawn(place):
    shop_with_job(place)
    if not shutil.which("dot"):
        return SKIPPED
    drawn = place.call("graph", "fix_order_totals.bfl", "--format", "svg").stdout
    expect("<svg" in drawn and "update fix_totals" in drawn and drawn.count('class="edge"') >= 2, drawn[:500])
    os.mkdir(place.folder / "empty")
    refused = place.call("graph", "fix_order_totals.bfl", "--format", "svg", env={"PATH": str(place.folder / "empty")}, code=5)
    expect("`dot`, which draws the graph, is not on the path" in refused.stderr and "install Graphviz" in refused.stderr and not refused.stdout, refused.stderr)


def colors_only_where_wanted(place):
    for flags, env, wanted in [([], {}, False), (["--color", "always"], {}, True), (["--color", "always"], {"NO_COLOR": "1"}, True), (["--color", "never"], {}, False)]:
        done = place.call("check", "missing.bfl", *flags, code=5, env=env)
        expect(("\x1b[" in done.stderr) == wanted, f"{flags} {env}: {done.stderr!r}")


def a_reader_that_leaves_is_no_error(place):
    shop_with_job(place)
    process = subprocess.run(f"'{place.bfl}' run fix_order_totals.bfl | head -c 1 >/dev/null; '{place.bfl}' doc | head -c 1 >/dev/null",
                             shell=True, cwd=place.folder, capture_output=True, text=True)
    expect("error" not in process.stderr, process.stderr)
    expect(place.value("SELECT count(*) FROM orders WHERE total IS NULL") == 0, "a closed pipe kept rows from being changed")


def parameters_are_bound(place):
    shop_with_job(place)
    place.write("job.bfl", 'job j { why "x" }\nparam mark: text\nsource shop = sqlite("shop.db")\nupdate u of shop.customers where id == 1 { set name = mark }\n')
    evil = "x'; DROP TABLE orders;--"
    expect("BFL0210" in place.call("run", "job.bfl", code=2).stderr, "a missing parameter")
    expect("BFL0211" in place.call("run", "job.bfl", "--set", "mark=a", "--set", "marc=b", code=2).stderr, "an unknown parameter")
    place.call("run", "job.bfl", "--set", f"mark={evil}")
    expect(place.value("SELECT name FROM customers WHERE id = 1") == evil, "the value was not stored as it is")
    expect(place.value("SELECT count(*) FROM orders") == 1000, "a value did something")


def sources_can_be_replaced(place):
    shop_with_job(place)
    os.rename(place.folder / "shop.db", place.folder / "elsewhere.db")
    expect("BFL0501" in place.call("run", "fix_order_totals.bfl", code=5).stderr, "a missing database")
    expect(not (place.folder / "shop.db").exists(), "a missing database was created")
    place.call("run", "fix_order_totals.bfl", "--source", "shop=sqlite:elsewhere.db")
    place.call("run", "fix_order_totals.bfl", "--source", "shop=sqlite:nowhere.db", code=5)


def what_is_no_file_is_not_read(place):
    for path, said in [("nowhere.bfl", "No such file"), (".", "is a folder"), ("/dev/null", "no regular file")]:
        done = place.call("check", path, code=5)
        expect("BFL0113" in done.stderr and said in done.stderr, done.stderr)
    os.mkfifo(place.folder / "pipe.bfl")
    expect("no regular file" in place.call("run", "pipe.bfl", code=5, timeout=10).stderr, "a pipe was waited for")


def only_one_step(place):
    shop_with_job(place)
    place.call("run", "fix_order_totals.bfl", "--only", "scope")
    expect(place.value("SELECT count(*) FROM orders WHERE total IS NULL") > 0, "--only scope changed rows")
    refused = place.call("run", "fix_order_totals.bfl", "--only", "fix_total", code=2)
    expect("did you mean `fix_totals`" in refused.stderr, refused.stderr)


def finished_job_is_answered_from_memory(place):
    place.shop()
    job = place.folder / "raise.bfl"
    shutil.copy(ROOT / "examples/raise_prices.bfl", job)
    first = place.call("run", "raise.bfl")
    prices = place.sql("SELECT price FROM products")
    expect("nothing to do" in place.call("run", "raise.bfl").stdout, "not finished")
    # Layout and comments change the text, not the meaning: the long way gives the same answer.
    job.write_text("# a comment\n" + job.read_text())
    expect("nothing to do" in place.call("run", "raise.bfl").stdout, "a comment made the job a new one")
    # Without the state file the target knows.
    shutil.rmtree(place.folder / ".bfl")
    expect("nothing to do" in place.call("run", "raise.bfl").stdout, "the target does not know that the job is finished")
    # Another database is another question.
    place.shop(name="other.db")
    expect("nothing to do" not in place.call("run", "raise.bfl", "--source", "shop=sqlite:other.db").stdout, "another database was taken for the first")
    expect(place.sql("SELECT price FROM products") == prices, f"prices rose twice\n{first.stdout}")
    # A file put in the place of the first one, too.
    place.shop()
    expect("nothing to do" not in place.call("run", "raise.bfl").stdout, "a new file was taken for the old one")


def a_check_that_fails_stops_the_job(place):
    place.shop()
    place.write("job.bfl", """job j { why "x" }
source shop = sqlite("shop.db")
check few { assert count(shop.orders where total == null) == 0 "there are some" }
update u of shop.orders where total == null { set total = subtotal }
""")
    done = place.call("run", "job.bfl", code=1)
    expect("BFL0505" in done.stderr and "there are some" in done.stderr, done.stderr)
    expect(place.value("SELECT count(*) FROM orders WHERE total IS NULL") > 0, "rows were changed behind a failed check")


def completions_are_accepted_by_their_shells(place):
    for shell in ("bash", "zsh", "fish"):
        script = place.write(f"bfl.{shell}", place.call("completion", shell).stdout)
        if shutil.which(shell):
            done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True)
            expect(done.returncode == 0, f"{shell}: {done.stderr}")
    words = subprocess.run(["bash", "-c", f"source {place.folder}/bfl.bash; COMP_WORDS=(bfl run --lim); COMP_CWORD=2; _bfl; echo ${{COMPREPLY[@]}}"],
                           capture_output=True, text=True).stdout
    expect(words.strip() == "--limit-chunks", f"completion of `bfl run --lim`: {words}")


def man_page_is_well_formed(place):
    page = place.call("__man").stdout
    expect(".Sh EXIT STATUS" in page and ".It Cm run" in page, "the man page lacks parts")
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-mdoc", "-Tutf8", "-ww", "-z"], input=page, capture_output=True, text=True)
        expect(done.stderr == "", done.stderr)


def every_code_is_explained(place):
    codes = re.findall(r'^BFL_CODE\((\w+),\s*"(BFL\d{4})"', (ROOT / "interpreter/base/codes.def").read_text(), re.M)
    listed = place.call("explain").stdout
    wrong = []
    place.shop(100)
    for name, code in codes:
        expect(code in listed, f"{code} is not listed")
        entry = json.loads(place.call("explain", name, "--json").stdout)
        expect(entry["code"] == code and entry["why"] and entry["failing"] and entry["mended"], f"{code} {name} is not explained")
        expect(place.call("explain", code).stdout.startswith(code), f"bfl explain {code}")
        for which in ("failing_script", "mended_script"):
            if not entry[which]:
                continue
            place.write("job.bfl", entry[which])
            done = place.call("check", "job.bfl", code=None, env={"TOKEN": "known to the shop alone"})
            found = re.findall(r"\[(BFL\d{4})\]", done.stderr)
            good = code in found if which == "failing_script" else done.returncode == 0 and not found
            if not good:
                wrong.append(f"the {which} of {code} {name} gives {found}:\n{entry[which]}{done.stderr}")
    expect(not wrong, "\n".join(wrong))


def library_is_documented(place):
    functions = json.loads(place.call("doc", "--json").stdout)
    expect(len(functions) > 60, f"{len(functions)} functions")
    expect("lower(" in place.call("doc", "lower").stdout, "bfl doc lower")
    expect("did you mean `lower`" in place.call("doc", "lowr", code=2).stderr, "bfl doc lowr")


TESTS = [misuse_is_exit_2, flags_that_mean_nothing_here_are_refused, help_names_every_command_and_flag, json_is_json, dry_run_is_the_plan, status_and_log_for_people, old_runs_leave_the_diary, graph_formats, a_graph_is_drawn, colors_only_where_wanted,
         a_reader_that_leaves_is_no_error, parameters_are_bound, sources_can_be_replaced, what_is_no_file_is_not_read, only_one_step, finished_job_is_answered_from_memory,
         a_check_that_fails_stops_the_job, completions_are_accepted_by_their_shells, man_page_is_well_formed, every_code_is_explained,
         library_is_documented]

if __name__ == "__main__":
    main(TESTS)
