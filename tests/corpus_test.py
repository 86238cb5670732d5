#!/usr/bin/env python3
"""Real backfills, retold: `corpus_test.py BFL [--postgres FOLDER] [CASE…]`. Each folder of tests/corpus is one. With
--postgres they run on the server that `tests/postgres.sh start FOLDER` has started, else on SQLite.

    case.md       what was wrong, the end state, the edge rows
    schema.sql    seed.sql    the database as it was found; `.sqlite.sql` and `.postgres.sql` where the engines differ
    source.schema.sql  source.seed.sql    a second database that the job reads; the job names it second
    job.bfl       the correction; its first source is the database. CSV files lie beside it
    expect.sql    queries that print the end state
    expected.txt  what they print: CSV, null is \\N

A case is right when the job reaches the end state, each step changing as many rows as the plan has said; when a second run changes no row; when it reaches the end state in
pieces, stopped after every chunk; when it does so although it is killed at any instant and run again (an `atomic` job has no pieces: behind each kill there
is all of it or nothing); and when its `test` blocks, if it has any, hold in scratch databases. With BFL_ONCE each case is tried in one of the last three ways, by turns.
"""
import contextlib
import csv
import io
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE / "faults"))
import libpq

CORPUS = HERE / "corpus"


class Wrong(Exception):
    pass


def written(value):
    """A value as the sqlite3 shell prints it."""
    if value is None:
        return "\\N"
    if isinstance(value, float):
        text = format(value, ".15g")
        return text if any(c in text for c in ".en") else text + ".0"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def statements(text):
    part = ""
    for line in text.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            yield part
            part = ""


def part_of(case, name, engine):
    own = case / f"{name}.{engine}.sql"
    return own if own.exists() else case / f"{name}.sql"


class Place:
    """The databases of a case, as they were found, and a folder for all else."""

    def __init__(self, bfl, case):
        self.bfl, self.case = bfl, case
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bfl-corpus-"))
        sources = re.findall(r"(?m)^\s*source\s+(\w+)\s*=\s*(\w+)", (case / "job.bfl").read_text())
        self.databases = dict(zip([name for name, kind in sources if kind != "csv"], ["case", "other"]))
        self.parts = {"case": ("schema", "seed"), "other": ("source.schema", "source.seed")}

    def __enter__(self):
        self.words = ["run", str(self.case / "job.bfl"), "--state", str(self.folder / "state.db")]
        for name, database in self.databases.items():
            self.find(database)
            self.words += ["--source", f"{name}={self.url(database)}"]
        self.anew()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def anew(self):
        for name in self.folder.glob("state.db*"):
            name.unlink()
        for database in self.databases.values():
            self.put_back(database)

    def start(self, *more):
        return subprocess.Popen([self.bfl, *self.words, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, what, *more, codes=(0,)):
        process = self.start(*more)
        out, err = process.communicate(timeout=120)
        if process.returncode not in codes:
            raise Wrong(f"{what}: exit {process.returncode}\n{out}{err}")
        return process.returncode

    def right(self, what):
        want = list(csv.reader(io.StringIO((self.case / "expected.txt").read_text())))
        got = self.end()
        for number, (is_, should) in enumerate(zip(got, want), 1):
            if is_ != should:
                raise Wrong(f"{what}: row {number} is {is_}, expected {should}")
        if len(got) != len(want):
            raise Wrong(f"{what}: {len(got)} rows, expected {len(want)}")


class SqlitePlace(Place):
    server_words = ()
    kills = (0.002, 0.08)
    rounds = 6

    def url(self, database):
        return f"sqlite:{self.folder / database}.db"

    def find(self, database):
        with contextlib.closing(sqlite3.connect(self.folder / f"{database}.found")) as db:
            for part in self.parts[database]:
                db.executescript(part_of(self.case, part, "sqlite").read_text())

    def put_back(self, database):
        for name in self.folder.glob(f"{database}.db*"):
            name.unlink()
        shutil.copy(self.folder / f"{database}.found", self.folder / f"{database}.db")

    def end(self):
        rows = []
        with contextlib.closing(sqlite3.connect(self.folder / "case.db")) as db:
            if "other" in self.databases.values():
                db.execute("ATTACH DATABASE ? AS src", (str(self.folder / "other.db"),))
            for query in statements(part_of(self.case, "expect", "sqlite").read_text()):
                rows += [[written(value) for value in row] for row in db.execute(query)]
        return rows

    def left(self):
        return list(self.folder.glob("*.db-wal")) + list(self.folder.glob("*.db-journal"))

    def user_rows(self):
        with contextlib.closing(sqlite3.connect(self.folder / "case.db")) as db:
            db.text_factory = bytes
            tables = [name.decode() for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'bfl!_%' ESCAPE '!'")]
            return {table: sorted(map(repr, db.execute(f'SELECT * FROM "{table}"'))) for table in tables}


class PostgresPlace(Place):
    """A database of its own on the server; the second one of a case is its schema `src`."""

    kills = (0.01, 0.2)
    rounds = 3
    server = ""

    @property
    def server_words(self):
        return ("--server", self.server)

    def __init__(self, bfl, case):
        super().__init__(bfl, case)
        self.scripts = {}
        self.name = "corpus_" + case.name[:3]
        self.database = self.server.rsplit("/", 1)[0] + "/" + self.name

    @contextlib.contextmanager
    def session(self, url):
        try:
            with contextlib.closing(libpq.Session(url)) as session:
                session.sql("SET timezone = 'UTC'; SET datestyle = 'ISO'; SET bytea_output = 'hex'; SET extra_float_digits = 1")
                yield session
        except libpq.Refused as refused:
            raise Wrong(f"{refused}") from refused

    def ask(self, url, text):
        with self.session(url) as session:
            return session.texts(text)

    def __exit__(self, *more):
        super().__exit__(*more)
        self.ask(self.server, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")

    def url(self, database):
        return self.database + ("?options=-csearch_path%3Dsrc" if database == "other" else "")

    def find(self, database):
        if database == "case":
            self.ask(self.server, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
            self.ask(self.server, f"CREATE DATABASE {self.name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
        # Emptied and filled anew: that takes a tenth of the time of a fresh database.
        schema = "public" if database == "case" else "src"
        script = [f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self.name}' AND pid <> pg_backend_pid();",
                  f"DROP SCHEMA IF EXISTS bfl, {schema} CASCADE; CREATE SCHEMA {schema}; SET search_path TO {schema}; BEGIN;"]
        script += [part_of(self.case, part, "postgres").read_text() for part in self.parts[database]] + ["COMMIT;"]
        self.scripts[database] = "\n".join(script)

    def put_back(self, database):
        self.ask(self.database, self.scripts[database])

    def end(self):
        rows = self.ask(self.database, part_of(self.case, "expect", "postgres").read_text())
        return [["\\N" if value is None else value for value in row] for row in rows]

    def left(self):
        return self.ask(self.database, "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'pg_temp%'")

    def user_rows(self):
        with self.session(self.database) as session:
            tables = session.texts("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'bfl')")
            return {table: sorted(map(repr, session.texts(f"SELECT * FROM {table}"))) for table, in tables}


def planned(place):
    """What the plan says of each step: rows that it would change, and whether its assertions hold. It changes nothing."""
    before = place.user_rows()
    words = [word for word in place.words[1:] if word not in ("--state", str(place.folder / "state.db"))]
    done = subprocess.run([place.bfl, "plan", *words, "--json"], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise Wrong(f"the plan: exit {done.returncode}\n{done.stderr}")
    if place.user_rows() != before or place.left():
        raise Wrong("the plan changed the database")
    return {step["step"]: step for step in json.loads(done.stdout)["steps"]}


def does_what_was_planned(place):
    """Each step changes as many rows as the plan counted on top of those before it, and what it found to hold does."""
    steps = planned(place)
    process = place.start("--json")
    out, err = process.communicate(timeout=120)
    if process.returncode != 0:
        raise Wrong(f"the run: exit {process.returncode}\n{out}{err}")
    for event in map(json.loads, out.splitlines()):
        step = steps.get(event["step"], {})
        if event["kind"] == "step_finished" and "would_change" in step and step["kind"] not in ("snapshot", "check", "verify"):
            counted = step["would_change"] + sum(other["rows"] for other in step.get("with_them", []))
            if counted != event["rows_changed"]:
                raise Wrong(f"`{event['step']}`: the plan counts {counted} rows, the run changed {event['rows_changed']}")
        if event["kind"] == "assertion_failed":
            raise Wrong(f"`{event['step']}` fails: {event['reason']}")
    for step in steps.values():
        if "counted_before" in step:
            raise Wrong(f"`{step['step']}` is counted without {step['counted_before']}: {step.get('why_counted_before')}")
        if "refused_rows" in step:
            raise Wrong(f"`{step['step']}` changes all of its rows, and the plan says that some would be refused: {step['refused_rows']}")
        if any(not told.get("holds", True) for told in step.get("asserts", [])):
            raise Wrong(f"`{step['step']}` holds, and the plan says that it does not: {step['asserts']}")


def reaches_its_end(place):
    does_what_was_planned(place)
    place.right("after the run")
    before = place.user_rows()
    place.run("the second run")
    if place.user_rows() != before:
        raise Wrong("the second run changed rows")


def is_atomic(place):
    return re.search(r"(?m)^  atomic$", (place.case / "job.bfl").read_text())


def reaches_it_in_pieces(place):
    place.anew()
    if is_atomic(place):
        before = place.user_rows()
        place.run("a run that asks for a piece of it", "--limit-chunks", "1", codes=(2,))
        if place.user_rows() != before:
            raise Wrong("a run that was refused changed rows")
        return
    for _ in range(200):
        if place.run("a run that stops after a chunk", "--limit-chunks", "1", codes=(0, 75)) == 0:
            return place.right("after runs of one chunk")
    raise Wrong("runs of one chunk never come to an end")


def reaches_it_killed(place):
    chance = random.Random(place.case.name)
    place.anew()
    ends = [place.user_rows()]
    if is_atomic(place):
        place.run("a whole run")
        ends.append(place.user_rows())
        place.anew()
    for _ in range(place.rounds):
        process = place.start()
        try:
            process.communicate(timeout=chance.uniform(*place.kills))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        if is_atomic(place) and place.user_rows() not in ends:
            raise Wrong("a kill left a part of it")
    place.run("the run after the kills")
    place.right("after the kills")


def its_tests_hold(place):
    """Databases that nobody sees; the case's own is read for its catalogue alone."""
    text = (place.case / "job.bfl").read_text()
    if '\ntest "' not in text:
        return
    before = place.user_rows()
    words = [word for word in place.words[1:] if word not in ("--state", str(place.folder / "state.db"))]
    done = subprocess.run([place.bfl, "test", *words, *place.server_words], capture_output=True, text=True, timeout=120)
    if done.returncode != 0 or f"{text.count(chr(10) + 'test ')} test" not in done.stdout:
        raise Wrong(f"its tests: exit {done.returncode}\n{done.stdout}{done.stderr}")
    if place.user_rows() != before:
        raise Wrong("its tests changed the database")


def main():
    bfl, only, place_of = os.path.abspath(sys.argv[1]), sys.argv[2:], SqlitePlace
    if only[:1] == ["--postgres"]:
        url = pathlib.Path(only[1]) / "url"
        if not url.exists():
            print("no server was started")
            return 77
        PostgresPlace.server, place_of, only = url.read_text().strip(), PostgresPlace, only[2:]
    failed = 0
    ways = (reaches_it_in_pieces, reaches_it_killed, its_tests_hold)
    for number, case in enumerate(sorted(CORPUS.iterdir())):
        if not (case / "job.bfl").exists() or (only and not any(case.name.startswith(name) for name in only)):
            continue
        try:
            with place_of(bfl, case) as place:
                reaches_its_end(place)
                for way in ways[number % 3:][:1] if os.environ.get("BFL_ONCE") else ways:
                    way(place)
            print(f"ok   {case.name}")
        except Wrong as wrong:
            failed += 1
            print(f"FAIL {case.name}: {wrong}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
