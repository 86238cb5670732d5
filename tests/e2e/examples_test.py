#!/usr/bin/env python3
"""Every job of examples/ runs on the shop that examples/make_shop.sh makes, and twice changes what once does."""
from harness import ROOT, expect, main
from reencrypting import reencrypts

ORDERS = "SELECT id, subtotal, tax, total, country, line_count, note FROM orders ORDER BY id"


def fix_order_totals(place):
    place.shop()
    place.example("fix_order_totals.bfl")
    wrong = "SELECT count(*) FROM orders WHERE total IS NULL OR round(total - subtotal - tax, 4) <> 0"
    expect(place.value(wrong) > 20, "the shop holds nothing to correct")
    before = place.value(wrong)
    plan = place.call("plan", "fix_order_totals.bfl").stdout
    expect(str(before) in plan, f"the plan does not say how many rows would change ({before}):\n{plan}")
    expect(place.value(wrong) == before, "the plan changed rows")
    first = place.call("run", "fix_order_totals.bfl").stdout
    expect(f"{before} rows changed" in first, f"the run does not say how many rows it changed:\n{first}")
    expect(place.value(wrong) == 0, "rows are still wrong")
    again = place.call("run", "fix_order_totals.bfl").stdout
    expect("nothing to do" in again, f"the second run does not say that there is nothing to do:\n{again}")
    expect(place.value("SELECT count(*) FROM bfl_ledger") > 0, "no evidence was kept")


def fill_country(place):
    place.shop()
    place.example("fill_country.bfl")
    place.call("run", "fill_country.bfl")
    expect(place.value("SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.country IS NULL") == 0, "countries are missing")
    expect("nothing to do" in place.call("run", "fill_country.bfl").stdout, "the second run did something")


def recount_lines(place):
    place.shop()
    place.example("recount_lines.bfl")
    place.call("run", "recount_lines.bfl")
    wrong = "SELECT count(*) FROM orders o WHERE line_count <> (SELECT count(*) FROM lines l WHERE l.order_id = o.id)"
    expect(place.value(wrong) == 0, "counts are wrong")
    expect("nothing to do" in place.call("run", "recount_lines.bfl").stdout, "the second run did something")


def normal_emails(place):
    place.shop()
    place.example("normal_emails.bfl")
    place.call("run", "normal_emails.bfl")
    expect(place.value("SELECT count(*) FROM customers WHERE email <> lower(trim(email))") == 0, "addresses are not normal")
    expect("nothing to do" in place.call("run", "normal_emails.bfl").stdout, "the second run did something")


def raise_prices(place):
    place.shop()
    place.example("raise_prices.bfl")
    old = dict(place.sql("SELECT id, price FROM products"))
    place.call("run", "raise_prices.bfl")
    new = dict(place.sql("SELECT id, price FROM products"))
    for key, price in old.items():
        expect(abs(new[key] - price * 1.03) <= 0.00501, f"price of {key} went from {price} to {new[key]}")
    expect("nothing to do" in place.call("run", "raise_prices.bfl").stdout, "the second run did something")
    expect(dict(place.sql("SELECT id, price FROM products")) == new, "prices rose twice")


def add_tax(place):
    place.shop()
    place.example("add_tax.bfl")
    place.call("run", "add_tax.bfl")
    expect(place.value("SELECT count(*) FROM orders WHERE total = subtotal AND tax > 0") == 0, "taxes are missing")
    expect("nothing to do" in place.call("run", "add_tax.bfl").stdout, "the second run did something")


def reencrypt(place):
    return reencrypts(place, [], lambda statement: place.sql(statement, "app.db"), {})


def every_example_is_tested(_):
    tested = {f.__name__ for f in TESTS}
    for path in (ROOT / "examples").glob("*.bfl"):
        expect(path.stem in tested, f"{path.name} has no test")


TESTS = [fix_order_totals, fill_country, recount_lines, normal_emails, raise_prices, add_tax, reencrypt, every_example_is_tested]

if __name__ == "__main__":
    main(TESTS)
