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


if __name__ == "__main__":
    main([rows_left_out_are_told_everywhere, a_share_is_tested_before_the_first_write])
