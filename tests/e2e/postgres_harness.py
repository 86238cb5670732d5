"""A database of its own on the server that tests/postgres.sh has started, for one end-to-end test."""
import functools
import os
import pathlib
import subprocess
import uuid

from harness import ROOT, SKIPPED, expect

SERVER = pathlib.Path(os.environ.get("BFL_POSTGRES", "/nonexistent"))


def psql(url, statement):
    done = subprocess.run(["psql", "-X", "-q", "-At", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement], capture_output=True, text=True)
    expect(done.returncode == 0, f"psql: {done.stderr}")
    return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


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
