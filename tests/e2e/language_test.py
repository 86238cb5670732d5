#!/usr/bin/env python3
"""Forms of the language whose effects are seen in several places: rows that are left out, shares of rows."""
import json

from harness import expect, main

LEFT_OUT = """
job notes { why "Orders from Germany carry the name of the customer." }
source shop = sqlite("shop.db")
update note of shop.orders
  skip where id < 4 "too old"
  join one shop.customers as c on c.id == customer_id and c.country == "DE" else skip "not from Germany"
{
  set note = c.name
  chunk 5
  expect changed <= 100% of shop.orders
}
"""


def rows_left_out_are_told_everywhere(place):
    place.shop(200)
    place.write("job.bfl", LEFT_OUT)
    abroad = place.value("SELECT count(*) FROM orders JOIN customers AS c ON c.id = customer_id WHERE orders.id >= 4 AND c.country <> 'DE'")
    plan = json.loads(place.call("plan", "job.bfl", "--json").stdout)["steps"][0]["left_out"]
    expect([(part["reason"], part["rows"]) for part in plan] == [("too old", 3), ("not from Germany", abroad)], f"the plan: {plan}")
    expect(plan[0]["keys"] == ["1", "2", "3"] and len(plan[1]["keys"]) == 10, f"the keys: {plan}")
    # Begun, stopped, and gone on with after the data have changed: the figures are those of the beginning.
    first = place.call("run", "job.bfl", "--limit-chunks", "2", code=75).stdout
    place.sql("UPDATE customers SET country = 'DE'")
    second = place.call("run", "job.bfl").stdout
    said = f"{abroad} rows left out: not from Germany"
    expect(said in second and f"{abroad + 3} left out" in second and f"{abroad + 3} left out" in first, f"the runs say:\n{first}{second}")
    log = place.call("log").stdout
    expect(log.count("rows_left_out") == 4 and f"{abroad} rows: not from Germany: " in log, f"the log:\n{log}")
    entries = [json.loads(entry) for (entry,) in place.sql("SELECT entry FROM bfl_ledger WHERE entry LIKE '%\"kind\":\"open\"%'")]
    kept = json.loads(entries[0]["measured"])
    expect(len(entries) == 1 and kept["left_out"][0] == {"reason": "too old", "rows": 3, "keys": ["1", "2", "3"]}, f"the ledger: {entries}")
    expect(kept["counted"] == {"shop.orders": 200}, f"the ledger: {kept}")


def a_share_is_tested_before_the_first_write(place):
    place.shop(100)
    place.write("job.bfl", LEFT_OUT.replace("100% of", "1.5% of"))
    before = place.sql("SELECT * FROM orders")
    said = place.call("run", "job.bfl", code=1).stderr
    expect("expected at most 1, 1.5% of the 100 rows of `shop.orders`" in said, said)
    expect(place.sql("SELECT * FROM orders") == before, "rows were changed")


FIRST_ORDERS = """
job firsts { why "The first order of each customer." }
source shop = sqlite("shop.db")
insert of_each into shop.firsts from shop.orders {
  set customer = f"c{customer_id}"
  set order_id = id
  key customer
  on duplicate (customer) keep first by id skip others "a later order"
  expect skipped <= LATER
  chunk 3
}
"""
FIRSTS = "CREATE TABLE firsts (customer VARCHAR(20) PRIMARY KEY NOT NULL, order_id INTEGER NOT NULL)"


def what_a_choice_leaves_out_is_known_before_and_kept(place, sql, value, job=FIRST_ORDERS, env=None):
    customers, orders = int(value("SELECT count(DISTINCT customer_id) FROM orders")), int(value("SELECT count(*) FROM orders"))
    later = orders - customers
    place.write("job.bfl", job.replace("LATER", str(later - 1)))
    said = place.call("run", "job.bfl", code=1, env=env).stderr
    expect(f"{later} rows are left out, expected at most {later - 1}" in said and int(value("SELECT count(*) FROM firsts")) == 0, said)
    place.write("job.bfl", job.replace("LATER", str(later)))
    plan = json.loads(place.call("plan", "job.bfl", "--json", env=env).stdout)["steps"][0]
    expect(plan["would_change"] == customers and [(part["reason"], part["rows"]) for part in plan["left_out"]] == [("a later order", later)], f"the plan: {plan}")
    # Stopped behind two chunks, a row of the third added by another: the run that goes on tells both.
    place.call("run", "job.bfl", "--limit-chunks", "2", code=75, env=env)
    sql("INSERT INTO firsts SELECT 'c' || customer_id, 0 FROM orders WHERE 'c' || customer_id NOT IN (SELECT customer FROM firsts) ORDER BY id LIMIT 1")
    place.call("run", "job.bfl", "--limit-chunks", "1", code=75, env=env)
    said = place.call("run", "job.bfl", env=env).stdout
    expect(f"{later} rows left out: a later order" in said and "1 row left out: a row with this key is there" in said and f"{later + 1} left out" in said, said)
    # Rows under one key: the plan says so as the run would.
    place.write("job.bfl", job.replace("LATER", str(orders)).replace("  on duplicate", "  # on duplicate"))
    for command in "plan", "run":
        sql("DELETE FROM firsts")
        said = place.call(command, "job.bfl", *(["--again", "of_each"] if command == "run" else []), code=None, env=env).stderr
        expect("would both become the row with customer = " in said and "and differ in `order_id`" in said, f"{command}: {said}")


def a_choice_on_sqlite(place):
    place.shop(600)
    place.sql(FIRSTS)
    what_a_choice_leaves_out_is_known_before_and_kept(place, place.sql, place.value)


if __name__ == "__main__":
    main([rows_left_out_are_told_everywhere, a_share_is_tested_before_the_first_write, a_choice_on_sqlite])
