"""A shop on SQLite and on PostgreSQL behind one face, for tests that are the same on both."""
import json
import sqlite3

from harness import expect
from postgres_harness import on_postgres

SQLITE, POSTGRES = 'sqlite("shop.db")', 'postgres(env("SHOP_URL"))'


class OnSqlite:
    source, engine = SQLITE, "sqlite"

    def __init__(self, place, rows=200):
        self.place = place
        self.address = "sqlite:shop.db"
        place.env = {}
        place.shop(rows)

    def sql(self, statement):
        return self.place.sql(statement)

    def value(self, statement):
        return self.place.value(statement)

    def number(self, statement):
        return int(self.value(statement))

    def own(self, table):
        return "bfl_" + table

    def keep_own_tables(self):
        (self.place.folder / "older.db").unlink(missing_ok=True)
        self.place.sql(f"VACUUM INTO '{self.place.folder / 'older.db'}'")

    def put_back_own_tables(self):
        """bfl's tables as they were kept; the rows stay."""
        db = sqlite3.connect(self.place.folder / "shop.db")
        db.execute(f"ATTACH '{self.place.folder / 'older.db'}' AS older")
        for (name,) in db.execute("SELECT name FROM older.sqlite_schema WHERE type = 'table' AND name LIKE 'bfl_%'").fetchall():
            db.execute(f"DELETE FROM main.{name}")
            db.execute(f"INSERT INTO main.{name} SELECT * FROM older.{name}")
        db.commit()
        db.close()


class OnPostgres:
    source, engine = POSTGRES, "postgres"

    def __init__(self, place, database, rows=200):
        self.place, self.database = place, database
        self.address = database.url
        database.shop(rows)

    def sql(self, statement):
        return self.database.sql(statement)

    def value(self, statement):
        return self.database.value(statement)

    def number(self, statement):
        return int(self.value(statement))

    def own(self, table):
        return "bfl." + table

    def own_tables(self):
        return [name for (name,) in self.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'bfl'")]

    def keep_own_tables(self):
        self.sql("DROP SCHEMA IF EXISTS older CASCADE; CREATE SCHEMA older;" + ";".join(f"CREATE TABLE older.{name} AS TABLE bfl.{name}" for name in self.own_tables()))

    def put_back_own_tables(self):
        self.sql(";".join(f"DELETE FROM bfl.{name}; INSERT INTO bfl.{name} SELECT * FROM older.{name}" for name in self.own_tables()))


def call(place, *words, code=0):
    return place.call(*words, code=code, env=place.env)


def told(place, *words, code=0):
    return json.loads(call(place, *words, "--json", code=code).stdout)


def sound(place, job="job.bfl", *more):
    found = told(place, "audit", "verify", job, *more)
    expect(found["ok"] and not any(target["damages"] for target in found["targets"]), f"{found}")
    return found["targets"][0]


def on_server(test, rows=200):
    """The test gets (place, shop); it is skipped where no server was started."""

    @on_postgres
    def run(place, database):
        return test(place, OnPostgres(place, database, rows))

    run.__name__ = test.__name__
    return run


def on_both(test):
    def sqlite(place):
        test(place, OnSqlite(place))

    postgres = on_server(test)
    sqlite.__name__, postgres.__name__ = test.__name__, test.__name__ + "_on_postgres"
    return [sqlite, postgres]
