#!/usr/bin/env python3
"""Statements of a job's own SQL: exactly once through a kill, seen row by row, undone."""
import json

from harness import expect, main

JOB = """
job by_hand { why "A statement of the database's own." }
source shop = sqlite("shop.db")
sql halve on shop \"\"\"UPDATE orders SET total = total / 2 WHERE id <= 10\"\"\" { writes orders(total) once }
sql drop_lines on shop \"\"\"DELETE FROM lines WHERE order_id = 1\"\"\" { writes lines done when not exists(shop.lines where order_id == 1) }
sql add on shop \"\"\"INSERT INTO products (id, sku, name, price) VALUES (9999, 'NEW', 'new', 1)\"\"\" { writes products once }
"""


def everything(place):
    return [place.sql(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("orders", "lines", "products", "customers")]


def runs_once_is_kept_and_undone(place):
    place.shop(50)
    place.write("job.bfl", JOB)
    before = everything(place)
    plan = json.loads(place.call("plan", "job.bfl", "--json").stdout)["steps"]
    expect(all(step["risk"] == "raw SQL" for step in plan), f"the plan: {plan}")
    expect(everything(place) == before, "the plan changed rows")
    place.call("run", "job.bfl")
    after = everything(place)
    expect(place.value("SELECT count(*) FROM lines WHERE order_id = 1") == 0 and place.value("SELECT count(*) FROM products WHERE sku = 'NEW'") == 1, "not run")
    expect("nothing to do" in place.call("run", "job.bfl").stdout and everything(place) == after, "the second run changed something")
    place.call("audit", "verify", "job.bfl")
    history = place.call("audit", "row", "shop.orders", "3").stdout
    expect("halve" in history, history)
    # Edited, a statement that is to run once stops the run.
    place.write("job.bfl", JOB.replace("total / 2", "total / 4"))
    said = place.call("run", "job.bfl", code=4).stderr
    expect("has run, and was edited" in said and everything(place) == after, said)
    place.write("job.bfl", JOB)
    place.call("undo", "job.bfl")
    expect(everything(place) == before, "the undo left something")


def what_is_not_declared_is_rolled_back(place):
    place.shop(50)
    before = everything(place)
    place.sql("CREATE TRIGGER t AFTER UPDATE ON orders BEGIN UPDATE customers SET name = 'x' WHERE id = new.customer_id; END")
    place.write("job.bfl", JOB)
    said = place.call("run", "job.bfl", "--only", "halve", code=2).stderr
    expect("`customers` (" in said and everything(place) == before, said)
    place.write("job.bfl", JOB.replace("writes orders(total)", "writes orders(total), customers(name)"))
    place.call("run", "job.bfl", "--only", "halve")
    place.sql("DROP TRIGGER t")
    place.call("undo", "job.bfl")
    expect(everything(place) == before, "the undo left something")


if __name__ == "__main__":
    main([runs_once_is_kept_and_undone, what_is_not_declared_is_rolled_back])
