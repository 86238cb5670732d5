#!/usr/bin/env python3
"""Golden cases: what users read, kept in files beside the scripts. `cases_test.py BFL [AREA…]`

tests/cases/AREA/ok-RULE.bfl runs and ends well, each step changing as many rows as the plan says, is run again, and the second run must
write nothing;
tests/cases/AREA/fail-RULE.bfl must end with a diagnostic. Each runs in a folder of its own as `job.bfl`, beside `shop.db`,
which is made from RULE.seed.sql if that is there, else from the area's seed.sql, else from tests/cases/seed.sql; RULE.more.sql comes
behind it.

Beside a script:  .diag    exit code and standard error (fail-)
                  .report  standard output of the first and of the second run (ok-)
                  .rows    every row of the user's tables that differs from the seed (ok-)
                  .plan    standard output of `bfl plan` before the run (only where the file is there)
                  .args    further arguments, one a line; a first line `command NAME` replaces `run`
                  .env     environment, NAME=VALUE a line
                  .files/  copied into the folder; NAME.sql there becomes a second database, NAME.db
                  .bin     a Python expression that gives the bytes of the script, in place of a text no editor would keep

BFL_ACCEPT=1 rewrites the sidecars and reports the cases as skipped, never as passed. Without an area, or as
`cases_test.py BFL codes`, it also refuses codes of codes.def that no case shows.
"""
import contextlib
import difflib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "cases"
ACCEPT = os.environ.get("BFL_ACCEPT") == "1"
SKIPPED = 77
OWN_TABLES = re.compile(r"^(bfl_|sqlite_)")

NORMAL = [  # what differs from run to run
    (re.compile(r"\b\d{8}T\d{9}-[0-9a-f]{4}\b"), "RUN"),
    (re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\b\d+\.\d\d s\b"), "SECONDS"),
    (re.compile(r"\bpid \d+"), "pid PID"),
]


def normal(text, folder):
    text = text.replace(str(folder) + "/", "").replace(str(folder), ".")
    for pattern, word in NORMAL:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def rows(path, own=False):
    """Every row of every table, as text, in a fixed order."""
    found = {}
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")]
        for table in sorted(tables):
            if bool(OWN_TABLES.match(table)) != own:
                continue
            found[table] = sorted(repr(row) for row in db.execute(f'SELECT * FROM "{table}"'))
    return found


def changed_rows(before, after):
    text = ""
    for table in sorted(set(before) | set(after)):
        old, new = before.get(table, []), after.get(table, [])
        gone, come = sorted(set(old) - set(new)), sorted(set(new) - set(old))
        text += "".join(f"- {table} {row}\n" for row in gone) + "".join(f"+ {table} {row}\n" for row in come)
    return text


def all_rows(folder, own=False):
    """Of every database of the case; tables of others than shop.db with its name before theirs."""
    found = {}
    for path in sorted(folder.glob("*.db")):
        prefix = "" if path.stem == "shop" else path.stem + "."
        found.update({prefix + table: content for table, content in rows(path, own).items()})
    return found


def lasting(folder):
    """What a second run must leave as it is: everything but who holds the job."""
    kept = all_rows(folder)
    kept.update({name: value for name, value in all_rows(folder, own=True).items() if name.split(".")[-1] not in ("bfl_job", "bfl_meta")})
    return kept


def users(kept):
    return {name: value for name, value in kept.items() if not OWN_TABLES.match(name.split(".")[-1])}


class Case:
    def __init__(self, script):
        self.script = script
        self.name = script.relative_to(CASES).as_posix()
        self.problems = []
        self.accepted = False

    def side(self, suffix):
        return self.script.with_suffix(suffix)

    def expect(self, suffix, found):
        path = self.side(suffix)
        expected = path.read_text() if path.exists() else None
        if found == expected:
            return
        if ACCEPT:
            path.write_text(found)
            self.accepted = True
            return
        diff = difflib.unified_diff((expected or "").splitlines(), found.splitlines(), path.name, "found", lineterm="")
        self.problems.append(f"differs from {path.name}:\n" + "\n".join(diff))

    def run(self, bfl):
        with tempfile.TemporaryDirectory(prefix="bfl-case-") as folder:
            folder = pathlib.Path(folder)
            job, shop = folder / "job.bfl", folder / "shop.db"
            data = self.script.read_bytes()
            if self.side(".bin").exists():
                data = eval(self.side(".bin").read_text())  # our own file
            job.write_bytes(data)
            for seed in (self.side(".seed.sql"), self.script.parent / "seed.sql", CASES / "seed.sql"):
                if seed.exists():
                    with contextlib.closing(sqlite3.connect(shop)) as db:
                        db.executescript(seed.read_text())
                        if self.side(".more.sql").exists():
                            db.executescript(self.side(".more.sql").read_text())
                    break
            if self.side(".files").exists():
                shutil.copytree(self.side(".files"), folder, dirs_exist_ok=True)
                for seed in folder.glob("*.sql"):
                    with contextlib.closing(sqlite3.connect(seed.with_suffix(".db"))) as db:
                        db.executescript(seed.read_text())
            arguments = self.side(".args").read_text().splitlines() if self.side(".args").exists() else []
            command = "run"
            if arguments and arguments[0].startswith("command "):
                command = arguments.pop(0).split()[1]
            environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR",)}
            if self.side(".env").exists():
                environment.update(line.split("=", 1) for line in self.side(".env").read_text().splitlines())

            def call(what, *more):
                return subprocess.run([bfl, what, "job.bfl", *more], cwd=folder, env=environment, capture_output=True, timeout=120)

            def text(raw):
                return normal(raw.decode("utf-8", "replace"), folder)

            before = all_rows(folder)
            if self.script.name.startswith("fail-"):
                done = call(command, *arguments)
                self.crashed(done)
                self.expect(".diag", f"exit {done.returncode}\n{text(done.stderr)}")
                if done.returncode == 0:
                    self.problems.append("ended well, expected a failure")
                if done.returncode == 2 and shop.exists() and changed_rows(before, all_rows(folder)):
                    self.problems.append("a wrong script changed rows")
                return
            if self.side(".plan").exists():
                plan = call("plan", *arguments)
                self.crashed(plan)
                self.expect(".plan", text(plan.stdout) + text(plan.stderr))
            planned = self.planned(call, arguments) if command == "run" else {}
            if changed_rows(before, all_rows(folder)):
                self.problems.append("`bfl plan` changed rows")
            first = call(command, *arguments)
            self.crashed(first)
            self.as_planned(planned, call)
            after = lasting(folder)
            second = call(command, *arguments)
            self.crashed(second)
            for which, done in (("first", first), ("second", second)):
                if done.returncode != 0:
                    self.problems.append(f"{which} run: exit {done.returncode}\n{text(done.stdout)}{text(done.stderr)}")
            if lasting(folder) != after:
                self.problems.append("the second run wrote:\n" + changed_rows(after, lasting(folder)))
            if not self.problems:
                self.expect(".report", f"{text(first.stdout)}{text(first.stderr)}--- again\n{text(second.stdout)}{text(second.stderr)}")
                if after:
                    self.expect(".rows", changed_rows(before, users(after)))

    def planned(self, call, arguments):
        """What the plan counts of each step, on top of those before it."""
        if any(word.startswith(("--only", "--limit-chunks")) for word in arguments):
            return {}
        done = call("plan", "--json", *(word for word in arguments if not word.startswith(("--workers", "--atomic"))))
        self.crashed(done)
        if done.returncode != 0:
            self.problems.append(f"the plan: exit {done.returncode}\n{done.stdout.decode()}")
            return {}
        steps = json.loads(done.stdout)["steps"]
        for step in steps:
            self.problems += [f"`{step['step']}`: the plan says that `{told['text']}` does not hold" for told in step.get("asserts", []) if not told.get("holds", True)]
        self.problems += [f"`{step['step']}`: the plan says that rows would be refused: {step['refused_rows']}" for step in steps if "refused_rows" in step]
        return {step["step"]: step["would_change"] + sum(other["rows"] for other in step.get("with_them", [])) for step in steps if "would_change" in step and step["kind"] != "snapshot"}

    def as_planned(self, planned, call):
        if not planned:
            return
        for entry in map(json.loads, call("log", "--json").stdout.decode("utf-8", "replace").splitlines()):
            counted = planned.get(entry["step"]) if entry["kind"] == "step_finished" else None
            if counted is not None and counted != entry["rows_changed"]:
                self.problems.append(f"`{entry['step']}`: the plan counts {counted} rows, the run changed {entry['rows_changed']}")

    def crashed(self, done):
        if done.returncode < 0 or done.returncode == 70 or b"Sanitizer" in done.stderr or b"runtime error:" in done.stderr:
            self.problems.append(f"crashed with {done.returncode}:\n{done.stderr.decode('utf-8', 'replace')}")


def shown_codes():
    codes = set()
    for path in [*CASES.rglob("*.diag"), *CASES.rglob("*.report"), *(HERE / "e2e").glob("*.py")]:
        codes.update(re.findall(r"\bBFL\d{4}\b", path.read_text()))
    return codes


def codes_without_case():
    known = re.findall(r'^BFL_CODE\((\w+),\s*"(BFL\d{4})"', (HERE.parent / "interpreter/base/codes.def").read_text(), re.M)
    shown = shown_codes()
    return [f"{code} {name}" for name, code in known if code not in shown]


def main():
    bfl, areas = os.path.abspath(sys.argv[1]), sys.argv[2:]
    scripts = sorted(path for path in CASES.glob("*/*.bfl") if not areas or path.relative_to(CASES).parts[0] in areas or path.relative_to(CASES).as_posix() in areas)
    failed = accepted = 0
    for script in scripts:
        case = Case(script)
        try:
            case.run(bfl)
        except subprocess.TimeoutExpired:
            case.problems.append("did not end within two minutes")
        accepted += case.accepted
        if case.problems:
            failed += 1
            print(f"FAIL {case.name}: " + "\n".join(case.problems))
    if not areas or areas == ["codes"]:
        for code in codes_without_case():
            failed += 1
            print(f"FAIL no case shows {code}")
    print(f"{len(scripts)} cases, {failed} failed" + (f", {accepted} accepted" if accepted else ""))
    return 1 if failed else SKIPPED if accepted else 0


if __name__ == "__main__":
    sys.exit(main())
