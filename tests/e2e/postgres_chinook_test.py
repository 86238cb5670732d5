#!/usr/bin/env python3
"""The jobs of chinook_test.py on the same database in PostgreSQL: names in snake case, numeric money, timestamps, nullable columns.

The script stands beside the checkout (`shared/data/chinook`) or where BFL_CHINOOK_POSTGRES says; without it the tests are skipped.
"""
import functools
import os
import pathlib
import subprocess

from harness import ROOT, SKIPPED, expect, main
from postgres_harness import on_postgres

FILE = pathlib.Path(os.environ.get("BFL_CHINOOK_POSTGRES", ROOT.parent / "shared/data/chinook/Chinook_PostgreSql.sql"))


def on_chinook(test):
    @on_postgres
    @functools.wraps(test)
    def run(place, db):
        if not FILE.exists():
            return SKIPPED
        # The script makes its own database: of this one only the tables and rows are wanted.
        text = FILE.read_text(encoding="utf-8")
        place.write("chinook.sql", text[text.index("\\c chinook;") + len("\\c chinook;"):])
        made = subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", db.url, "-f", str(place.folder / "chinook.sql")], capture_output=True, text=True)
        expect(made.returncode == 0, made.stderr)
        os.environ["APP_URL"] = db.url
        return test(place, db)

    return run


def run_twice(place, db, text):
    place.write("job.bfl", text)
    place.call("plan", "job.bfl")
    first = place.call("run", "job.bfl").stdout
    image = db.sql("SELECT count(*), sum(seq) FROM bfl.ledger")
    again = place.call("run", "job.bfl").stdout
    expect("nothing to do" in again, f"the second run did something:\n{again}")
    expect(db.sql("SELECT count(*), sum(seq) FROM bfl.ledger") == image, "the second run wrote to the ledger")
    place.call("audit", "verify", "job.bfl")
    return first


@on_chinook
def money_in_numeric(place, db):
    right = db.sql("SELECT invoice_id, total FROM invoice ORDER BY 1")
    db.sql("UPDATE invoice SET total = total - 0.01 WHERE invoice_id % 7 = 0")
    db.sql("UPDATE invoice SET total = 0 WHERE invoice_id % 11 = 0")
    wrong = 412 // 7 + 412 // 11 - 412 // 77
    out = run_twice(place, db, """
job retotal { why "Totals differ from the sum of their lines." }
source app = postgres(env("APP_URL"))
let summed = app.invoice_line group by invoice_id { due = sum(unit_price * quantity) }
check scope { assert count(app.invoice) == 412 }
update retotal of app.invoice join one summed as s on s.invoice_id == invoice_id {
  set total = s.due
  expect changed <= 100
}
verify equal { assert not exists(app.invoice join one summed as s on s.invoice_id == invoice_id where total != s.due) }
""")
    expect(f"{wrong} rows changed" in out, f"expected {wrong} rows to change:\n{out}")
    expect(db.sql("SELECT invoice_id, total FROM invoice ORDER BY 1") == right, "totals are not what they were")


@on_chinook
def fill_by_join(place, db):
    """Missing billing addresses are filled from the customer, two columns at once, nulls included."""
    db.sql("UPDATE invoice SET billing_country = NULL, billing_city = NULL WHERE invoice_id % 5 = 0")
    run_twice(place, db, """
job billing { why "Imported invoices have no place." }
source app = postgres(env("APP_URL"), workers: 2)
update fill of app.invoice where billing_country == null
  join one app.customer as c on c.customer_id == customer_id
  chunk 20
{ set billing_country = c.country set billing_city = c.city }
verify filled { assert not exists(app.invoice where billing_country == null) }
""")
    differ = db.value("SELECT count(*) FROM invoice i JOIN customer c USING (customer_id) WHERE invoice_id % 5 = 0"
                      " AND (billing_country IS DISTINCT FROM country OR billing_city IS DISTINCT FROM city)")
    expect(differ == "0", "filled in from somebody else")


@on_chinook
def counted_into_names(place, db):
    """A count of tracks goes into the name of each genre: group, join and text together; names are nullable."""
    run_twice(place, db, """
job sizes { why "The catalogue shows how much there is of each genre." }
source app = postgres(env("APP_URL"))
let sized = app.track group by genre_id { n = count() }
update label of app.genre
  join one sized as s on s.genre_id == genre_id
{
  set name = f"{name ?? "unknown"} ({s.n})"
  once
}
""")
    expect(db.value("SELECT name FROM genre WHERE genre_id = 1") == "Rock (1297)", "the count is wrong")


@on_chinook
def timestamps(place, db):
    run_twice(place, db, """
job hired { why "Two hire dates are a day early." }
source app = postgres(env("APP_URL"))
update hired of app.employee where employee_id < 3 and hire_date < 2002-08-15T00:00:00Z { set hire_date = 2002-08-15T00:00:00Z }
""")
    expect(db.sql("SELECT hire_date FROM employee WHERE employee_id < 3 ORDER BY employee_id") == [("2002-08-15 00:00:00",)] * 2, "a date is wrong")


@on_chinook
def every_track_cheaper(place, db):
    """All 3,503 tracks, by four workers; the media types that they name are left alone."""
    before = db.value("SELECT sum(unit_price) FROM track")
    run_twice(place, db, """
job cheaper { why "Prices were a cent too high." }
source app = postgres(env("APP_URL"), workers: 4)
update lower of app.track where unit_price == 0.99 or unit_price == 1.99 chunk 100 { set unit_price = unit_price - 0.01 }
""")
    expect(db.value(f"SELECT sum(unit_price) = {before} - count(*) * 0.01 FROM track") == "t", "prices are wrong")


if __name__ == "__main__":
    main([money_in_numeric, fill_by_join, counted_into_names, timestamps, every_track_cheaper])
