#!/usr/bin/env python3
"""Jobs on a real database that nobody here designed: mixed-case names, NUMERIC money, dates as text, nullable columns.

The file stands beside the checkout (`shared/data/chinook`) or where BFL_CHINOOK says; without it the tests are skipped.
"""
import os
import pathlib
import shutil

from harness import ROOT, SKIPPED, expect, main

FILE = pathlib.Path(os.environ.get("BFL_CHINOOK", ROOT.parent / "shared/data/chinook/Chinook_Sqlite.sqlite"))


def chinook(place):
    if not FILE.exists():
        return False
    shutil.copy(FILE, place.folder / "chinook.db")
    (place.folder / "chinook.db").chmod(0o644)
    return True


def run_twice(place, text):
    place.write("job.bfl", text)
    place.call("plan", "job.bfl")
    first = place.call("run", "job.bfl").stdout
    image = place.sql("SELECT count(*), sum(seq) FROM bfl_ledger", "chinook.db")
    again = place.call("run", "job.bfl").stdout
    expect("nothing to do" in again, f"the second run did something:\n{again}")
    expect(place.sql("SELECT count(*), sum(seq) FROM bfl_ledger", "chinook.db") == image, "the second run wrote to the ledger")
    return first


def money_in_numeric(place):
    """Totals are recomputed from their lines: NUMERIC(10,2) prices that lie in the file as REAL."""
    if not chinook(place):
        return SKIPPED
    right = place.sql("SELECT InvoiceId, Total FROM Invoice ORDER BY 1", "chinook.db")
    place.sql("UPDATE Invoice SET Total = Total - 0.01 WHERE InvoiceId % 7 = 0", "chinook.db")
    place.sql("UPDATE Invoice SET Total = 0 WHERE InvoiceId % 11 = 0", "chinook.db")
    wrong = 412 // 7 + 412 // 11 - 412 // 77
    out = run_twice(place, """
job retotal { why "Totals differ from the sum of their lines." }
source app = sqlite("chinook.db")
let summed = app.InvoiceLine group by InvoiceId { due = sum(UnitPrice * Quantity) }
check scope { assert count(app.Invoice) == 412 }
update retotal of app.Invoice join one summed as s on s.InvoiceId == InvoiceId {
  set Total = s.due
  expect changed <= 100
}
verify equal { assert not exists(app.Invoice join one summed as s on s.InvoiceId == InvoiceId where Total != s.due) }
""")
    expect(f"{wrong} rows changed" in out, f"expected {wrong} rows to change:\n{out}")
    expect(place.sql("SELECT InvoiceId, round(Total, 2) FROM Invoice ORDER BY 1", "chinook.db") == right, "totals are not what they were")


def text_of_customers(place):
    """Telephone numbers in one form; the empty company becomes null-safe."""
    if not chinook(place):
        return SKIPPED
    run_twice(place, """
use std.text
job phones { why "Numbers were typed in by hand: one form, digits and a plus." }
source app = sqlite("chinook.db")
fn digits(s: text) -> text = replace_all(s, r"[^0-9+]", "")
update plain of app.Customer where Phone != null { set Phone = digits(Phone) }
update fax of app.Customer where Fax != null { set Fax = digits(Fax) }
verify plain_now { assert not exists(app.Customer where matches(Phone ?? "", r"[^0-9+]")) }
""")
    odd = place.sql("SELECT Phone FROM Customer WHERE Phone GLOB '*[^0-9+]*'", "chinook.db")
    expect(odd == [], f"telephone numbers are not normal: {odd[:3]}")
    expect(place.value("SELECT count(*) FROM Customer WHERE Phone IS NULL", "chinook.db") == 1, "a null became something")


def fill_by_join(place):
    """Missing billing addresses are filled from the customer, two columns at once, nulls included."""
    if not chinook(place):
        return SKIPPED
    place.sql("UPDATE Invoice SET BillingCountry = NULL, BillingCity = NULL WHERE InvoiceId % 5 = 0", "chinook.db")
    run_twice(place, """
job billing { why "Imported invoices have no place." }
source app = sqlite("chinook.db")
update fill of app.Invoice where BillingCountry == null
  join one app.Customer as c on c.CustomerId == CustomerId
{ set BillingCountry = c.Country set BillingCity = c.City }
verify filled { assert not exists(app.Invoice where BillingCountry == null) }
""")
    differ = "SELECT count(*) FROM Invoice i JOIN Customer c USING (CustomerId) WHERE InvoiceId % 5 = 0 AND (BillingCountry IS NOT Country OR BillingCity IS NOT City)"
    expect(place.value(differ, "chinook.db") == 0, "filled in from somebody else")


def group_by_into_names(place):
    """A count of tracks goes into the name of each genre: group, join and text together; names are nullable."""
    if not chinook(place):
        return SKIPPED
    run_twice(place, """
use std.text
job sizes { why "The catalogue shows how much there is of each genre." }
source app = sqlite("chinook.db")
let sized = app.Track group by GenreId { n = count() }
update label of app.Genre
  join one sized as s on s.GenreId == GenreId
{
  set Name = f"{Name ?? "unknown"} ({s.n})"
  once
}
verify labelled { assert count(app.Genre where matches(Name ?? "", r" \\(\\d+\\)$")) == 25 }
""")
    expect(place.value("SELECT Name FROM Genre WHERE GenreId = 1", "chinook.db") == "Rock (1297)", "the count is wrong")


def dates_as_text(place):
    """DATETIME columns hold text; a comparison with a date and a change that keeps the stored form."""
    if not chinook(place):
        return SKIPPED
    run_twice(place, """
use std.time
job hired { why "Two hire dates are a day early." }
source app = sqlite("chinook.db")
update hired of app.Employee where EmployeeId in [1, 2] and HireDate < 2002-08-15 { set HireDate = add_days(2002-08-14, EmployeeId) }
""")
    expect(place.sql("SELECT HireDate FROM Employee WHERE EmployeeId < 4 ORDER BY EmployeeId", "chinook.db")[0][0] == "2002-08-15 00:00:00",
           "the stored form of a date changed")


if __name__ == "__main__":
    main([money_in_numeric, text_of_customers, fill_by_join, group_by_into_names, dates_as_text])
