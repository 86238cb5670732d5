"""A database of its own on the server that tests/postgres.sh has started, for one end-to-end test."""
import contextlib
import functools
import os
import pathlib
import subprocess
import sys
import uuid

from harness import ROOT, SKIPPED, expect

sys.path.append(str(ROOT / "tests/faults"))
import libpq

SERVER = pathlib.Path(os.environ.get("BFL_POSTGRES", "/nonexistent"))


def psql(url, statement):
    """In a session of its own; -> the rows as psql would write them, unaligned. A psql takes fifty times as long to start."""
    try:
        with contextlib.closing(libpq.Session(url)) as session:
            return [tuple("" if value is None else value for value in row) for row in session.texts(statement)]
    except libpq.Refused as refused:
        expect(False, f"psql: {refused}")


class Database:
    def __init__(self, name, server=None):
        self.server = server or (SERVER / "url").read_text().strip()
        self.name = name
        self.url = self.server.rsplit("/", 1)[0] + "/" + name

    def sql(self, statement):
        return psql(self.url, statement)

    def value(self, statement):
        return self.sql(statement)[0][0]

    def shop(self, rows=1000):
        subprocess.run(["sh", str(ROOT / "examples/make_shop_postgres.sh"), self.url, str(rows)], check=True)


def on_postgres(test):
    """The test gets (place, database); it is skipped where no server was started."""

    @functools.wraps(test)
    def run(place):
        if not (SERVER / "url").exists():
            return SKIPPED
        database = Database("t_" + uuid.uuid4().hex[:12])
        psql(database.server, f"CREATE DATABASE {database.name}")
        try:
            place.env = {"SHOP_URL": database.url}
            return test(place, database)
        finally:
            psql(database.server, f"DROP DATABASE {database.name} WITH (FORCE)")

    return run
