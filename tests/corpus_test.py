#!/usr/bin/env python3
"""Real backfills, retold: `corpus_test.py BFL [CASE…]`. Each folder of tests/corpus is one.

    case.md       what was wrong, the end state, the edge rows
    schema.sql    seed.sql    the database as it was found; `.sqlite.sql` and `.postgres.sql` where the engines differ
    source.schema.sql  source.seed.sql    a second database that the job reads; the job names it second
    job.bfl       the correction; its first source is the database. CSV files lie beside it
    expect.sql    queries that print the end state
    expected.txt  what they print: CSV, null is \\N

A case is right when the job reaches the end state; when a second run changes no row; when it reaches the end state in
pieces, stopped after every chunk; and when it does so although it is killed at any instant and run again.
"""
import contextlib
import csv
import io
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
CORPUS = HERE / "corpus"
KILLS = 6


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


def part_of(case, name):
    own = case / f"{name}.sqlite.sql"
    return (own if own.exists() else case / f"{name}.sql").read_text()


class Place:
    """The databases of a case, as they were found, in a folder of its own."""

    def __init__(self, bfl, case):
        self.bfl, self.case = bfl, case
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bfl-corpus-"))
        sources = re.findall(r"(?m)^\s*source\s+(\w+)\s*=\s*(\w+)", (case / "job.bfl").read_text())
        self.databases = dict(zip([name for name, kind in sources if kind != "csv"], ["case", "other"]))
        self.parts = {"case": ("schema", "seed"), "other": ("source.schema", "source.seed")}

    def __enter__(self):
        self.words = ["run", str(self.case / "job.bfl"), "--state", str(self.folder / "state.db")]
        for name, database in self.databases.items():
            with contextlib.closing(sqlite3.connect(self.folder / f"{database}.found")) as db:
                for part in self.parts[database]:
                    db.executescript(part_of(self.case, part))
            self.words += ["--source", f"{name}=sqlite:{self.folder / database}.db"]
        self.anew()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def anew(self):
        for name in self.folder.glob("*"):
            if name.suffix != ".found":
                name.unlink()
        for database in self.databases.values():
            shutil.copy(self.folder / f"{database}.found", self.folder / f"{database}.db")

    def start(self, *more):
        return subprocess.Popen([self.bfl, *self.words, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, what, *more, codes=(0,)):
        process = self.start(*more)
        out, err = process.communicate(timeout=120)
        if process.returncode not in codes:
            raise Wrong(f"{what}: exit {process.returncode}\n{out}{err}")
        return process.returncode

    def end(self):
        rows = []
        with contextlib.closing(sqlite3.connect(self.folder / "case.db")) as db:
            if "other" in self.databases.values():
                db.execute("ATTACH DATABASE ? AS src", (str(self.folder / "other.db"),))
            for query in statements(part_of(self.case, "expect")):
                rows += [[written(value) for value in row] for row in db.execute(query)]
        return rows

    def user_rows(self):
        with contextlib.closing(sqlite3.connect(self.folder / "case.db")) as db:
            db.text_factory = bytes
            tables = [name.decode() for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'bfl!_%' ESCAPE '!'")]
            return {table: sorted(map(repr, db.execute(f'SELECT * FROM "{table}"'))) for table in tables}

    def right(self, what):
        want = list(csv.reader(io.StringIO((self.case / "expected.txt").read_text())))
        got = self.end()
        for number, (is_, should) in enumerate(zip(got, want), 1):
            if is_ != should:
                raise Wrong(f"{what}: row {number} is {is_}, expected {should}")
        if len(got) != len(want):
            raise Wrong(f"{what}: {len(got)} rows, expected {len(want)}")


def reaches_its_end(place):
    place.run("the run")
    place.right("after the run")
    before = place.user_rows()
    place.run("the second run")
    if place.user_rows() != before:
        raise Wrong("the second run changed rows")


def reaches_it_in_pieces(place):
    place.anew()
    for _ in range(200):
        if place.run("a run that stops after a chunk", "--limit-chunks", "1", codes=(0, 75)) == 0:
            return place.right("after runs of one chunk")
    raise Wrong("runs of one chunk never come to an end")


def reaches_it_killed(place):
    chance = random.Random(place.case.name)
    place.anew()
    for _ in range(KILLS):
        process = place.start()
        try:
            process.communicate(timeout=chance.uniform(0.002, 0.08))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
    place.run("the run after the kills")
    place.right("after the kills")


def main():
    bfl = os.path.abspath(sys.argv[1])
    failed = 0
    for case in sorted(CORPUS.iterdir()):
        if not (case / "job.bfl").exists() or (sys.argv[2:] and not any(case.name.startswith(name) for name in sys.argv[2:])):
            continue
        try:
            with Place(bfl, case) as place:
                for test in (reaches_its_end, reaches_it_in_pieces, reaches_it_killed):
                    test(place)
            print(f"ok   {case.name}")
        except Wrong as wrong:
            failed += 1
            print(f"FAIL {case.name}: {wrong}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
