#!/usr/bin/env python3
"""The forms of language_test.py on PostgreSQL; skipped without a server (see postgres_test.py)."""
import json

from harness import expect, main
from language_test import LEFT_OUT
from postgres_harness import on_postgres

ON_POSTGRES = LEFT_OUT.replace('sqlite("shop.db")', 'postgres(env("SHOP_URL"))')


@on_postgres
def rows_left_out_are_told_everywhere(place, db):
    db.shop(200)
    place.write("job.bfl", ON_POSTGRES)
    abroad = int(db.value("SELECT count(*) FROM orders JOIN customers AS c ON c.id = customer_id WHERE orders.id >= 4 AND c.country <> 'DE'"))
    plan = json.loads(place.call("plan", "job.bfl", "--json", env=place.env).stdout)["steps"][0]["left_out"]
    expect([(part["reason"], part["rows"]) for part in plan] == [("too old", 3), ("not from Germany", abroad)], f"the plan: {plan}")
    place.call("run", "job.bfl", "--limit-chunks", "2", code=75, env=place.env)
    db.sql("UPDATE customers SET country = 'DE'")
    said = place.call("run", "job.bfl", env=place.env).stdout
    expect(f"{abroad} rows left out: not from Germany" in said and f"{abroad + 3} left out" in said, said)


@on_postgres
def a_share_is_tested_before_the_first_write(place, db):
    db.shop(100)
    for job in (ON_POSTGRES, ON_POSTGRES.replace("chunk 5", "once")):
        place.write("job.bfl", job.replace("100% of", "1.5% of"))
        said = place.call("run", "job.bfl", code=1, env=place.env).stderr
        expect("expected at most 1, 1.5% of the 100 rows of `shop.orders`" in said, said)
        expect(db.value("SELECT count(*) FROM bfl.ledger WHERE pack IS NOT NULL") == "0", "rows were changed")


if __name__ == "__main__":
    main([rows_left_out_are_told_everywhere, a_share_is_tested_before_the_first_write])
