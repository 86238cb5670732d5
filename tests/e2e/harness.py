"""What the end-to-end tests share: a folder with a shop, a call of the real binary, and one line a test."""
import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED = 77


class Failure(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failure(what)


def wait_for(true, what, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        expect(time.monotonic() < end, f"waited {seconds} s for {what}")
        time.sleep(0.02)


class Place:
    """A folder that goes away; `call` runs bfl in it."""

    def __init__(self, bfl):
        self.bfl = bfl
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bfl-e2e-"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def shop(self, rows=1000, name="shop.db"):
        subprocess.run(["sh", str(ROOT / "examples/make_shop.sh"), str(self.folder / name), str(rows)], check=True)

    def example(self, name):
        shutil.copy(ROOT / "examples" / name, self.folder / name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def environment(self, more=None):
        environment = dict(os.environ)
        environment.pop("NO_COLOR", None)
        environment.update(more or {})
        return environment

    def call(self, *words, code=0, env=None, timeout=300, stdin=None):
        done = subprocess.run([self.bfl, *words], cwd=self.folder, env=self.environment(env), capture_output=True, text=True, timeout=timeout, stdin=stdin)
        expect("Sanitizer" not in done.stderr and "runtime error:" not in done.stderr, f"bfl {' '.join(words)} crashed:\n{done.stderr}")
        if code is not None:
            expect(done.returncode == code, f"bfl {' '.join(words)}: exit {done.returncode}, expected {code}\n{done.stdout}{done.stderr}")
        return done

    def start(self, *words, env=None):
        return subprocess.Popen([self.bfl, *words], cwd=self.folder, env=self.environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def journal(self, job, kind):
        """The entries of that kind in the diary of the job; none before its first run."""
        if not (self.folder / ".bfl/state.db").exists():
            return []
        return [entry for entry in map(json.loads, self.call("log", job, "--json").stdout.splitlines()) if entry["kind"] == kind]

    def sql(self, statement, name="shop.db", *bound):
        with contextlib.closing(sqlite3.connect(self.folder / name, timeout=30)) as db, db:
            return db.execute(statement, bound).fetchall()

    def value(self, statement, name="shop.db"):
        return self.sql(statement, name)[0][0]


def main(tests):
    bfl = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2:]
    failed = skipped = 0
    for test in tests:
        if wanted and test.__name__ not in wanted:
            continue
        try:
            with Place(bfl) as place:
                if test(place) == SKIPPED:
                    skipped += 1
                    print(f"skipped  {test.__name__}")
                    continue
            print(f"ok       {test.__name__}")
        except (Failure, subprocess.TimeoutExpired) as problem:
            failed += 1
            print(f"FAIL     {test.__name__}: {problem}")
    if failed:
        sys.exit(1)
    sys.exit(SKIPPED if skipped == len(tests) else 0)
