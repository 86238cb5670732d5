#!/usr/bin/env python3
"""The forms of language_test.py on PostgreSQL; skipped without a server (see postgres_test.py)."""
import json

from harness import expect, main
from language_test import FIRST_ORDERS, FIRSTS, LEFT_OUT, what_a_choice_leaves_out_is_known_before_and_kept
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


@on_postgres
def a_choice_on_postgres(place, db):
    db.shop(600)
    db.sql(FIRSTS)
    job = FIRST_ORDERS.replace('sqlite("shop.db")', 'postgres(env("SHOP_URL"))')
    what_a_choice_leaves_out_is_known_before_and_kept(place, db.sql, db.value, job, place.env)


@on_postgres
def what_does_not_fit_names_its_row(place, db):
    db.shop(20)
    db.sql("CREATE TABLE offers (sku text PRIMARY KEY, price numeric(6,2) NOT NULL CHECK (price >= 0), customer_id integer REFERENCES customers)")
    head = 'job a { why "x" }\nsource shop = postgres(env("SHOP_URL"))\n'
    said = {
        "update u of shop.orders where id == 7 { set line_count = div(id, id - 7) }": ["division by zero", "at the row with id = 7; nothing was changed", "help: leave such rows out"],
        "update u of shop.orders derive { n = row_number() over (order by id) } { set line_count = n + to_int(case id { 9 => \"x\", else => \"1\" }) }": ['"x" is not a whole number', "at the row with id = 9"],
        "insert i into shop.offers from shop.customers where id < 4 { set sku = f\"{id}\" set price = 2 - id key sku chunk 1 }": ["violates check constraint", "at the row with sku = \"3\", made from the row with id = 3; chunks 1 to 2 are committed", "a value that the check allows"],
        "insert i into shop.offers from shop.customers where id == 2 { set sku = \"f\" set price = 1 set customer_id = id + 9_000 key sku }": ["violates foreign key constraint", "made from the row with id = 2", "parent is missing"],
        "insert i into shop.offers from shop.customers where id < 3 { set sku = \"one\" set price = id key sku }": ["the rows with id = 1 and with id = 2 would both become the row with sku = \"one\", and differ in `price`", "on duplicate (sku) keep first by"],
        "upsert i into shop.offers from shop.customers where id < 3 { set sku = \"one\" set price = id key sku }": ["would both become the row with sku = \"one\""],
        "snapshot s = shop.orders where id < 10 keep { id, x = to_int(case id { 6 => \"y\", else => \"1\" }) }": ['"y" is not a whole number', "at the row with id = 6"],
        "check c { assert count(shop.orders where 1 / (id - 5) > 0) > 0 }": ["division by zero", "at the row with id = 5"],
        "delete d of shop.lines where to_int(case order_id { 4 => \"z\", else => \"1\" }) > 1": ['"z" is not a whole number', "order_id = 4, position = "],
        "update u of shop.orders skip where to_int(case id { 3 => \"w\", else => \"1\" }) > 1 \"large\" { set line_count = 1 }": ['"w" is not a whole number', "at the row with id = 3"],
    }
    db.sql("DELETE FROM offers")
    for step, parts in said.items():
        place.write("job.bfl", head + step + "\n")
        db.sql("DROP SCHEMA IF EXISTS bfl CASCADE; DELETE FROM offers")
        told = place.call("run", "job.bfl", code=1, env=place.env).stderr
        for part in parts:
            expect(part in told, f"`{part}` is missing in\n{told}")


@on_postgres
def nets_clusters_and_folds(place, db):
    db.sql("CREATE TABLE persons (id integer PRIMARY KEY, email text, phone text, merged_into bigint, seal text);"
           "INSERT INTO persons (id, email, phone) VALUES (1, 'A@x', NULL), (2, 'a@X', '1'), (3, NULL, '1'), (4, '', NULL), (5, '', NULL);"
           "CREATE TABLE knows (a integer, b integer, PRIMARY KEY (a, b)); INSERT INTO knows VALUES (1, 2), (2, 1), (2, 3), (3, 1), (4, 5)")
    place.write("job.bfl", """job a { why "x" }
source shop = postgres(env("SHOP_URL"))
use std.text
check reached { assert list(k.b from shop.knows where a == 1 follow each shop.knows as k on k.a == prev.b order by k.b) == [1, 1, 2, 3] }
update clusters of shop.persons
  cluster g by nullif(lower(email), ""), phone
  derive { kept = first(id) over (partition by g order by id) }
  where kept != id
{
  set merged_into = kept
}
update chain of shop.persons
  derive { s = fold("", f"{so_far}{id}") over (order by id desc) }
{
  set seal = s
}
""")
    place.call("run", "job.bfl", env=place.env)
    found = db.value("SELECT string_agg(concat_ws(':', id, merged_into, seal), ' ' ORDER BY id) FROM persons")
    expect(found == "1:54321 2:1:5432 3:1:543 4:54 5:5", found)


@on_postgres
def rows_that_become_one_and_free_names(place, db):
    db.shop(10)
    db.sql("CREATE TABLE pages (customer_id integer PRIMARY KEY, slug text NOT NULL UNIQUE, n integer); INSERT INTO pages VALUES (99, 'same', 0)")
    place.write("job.bfl", """job a { why "x" }
source shop = postgres(env("SHOP_URL"))
insert pages_ into shop.pages from shop.orders {
  set customer_id = customer_id
  set slug = "same"
  set n = id
  key customer_id
  unique slug order by customer_id, id else f"{wanted}-{n}"
  on duplicate (customer_id) keep first by customer_id, id skip others "a later order"
}
""")
    said = place.call("run", "job.bfl", env=place.env).stdout
    customers = int(db.value("SELECT count(DISTINCT customer_id) FROM orders"))
    expect(db.value("SELECT count(*) FROM pages") == str(customers + 1), said)
    expect(db.value("SELECT count(*) FROM pages AS p WHERE customer_id <> 99 AND n <> (SELECT min(id) FROM orders AS o WHERE o.customer_id = p.customer_id)") == "0", "not the first")
    expect(db.value("SELECT slug FROM pages WHERE customer_id <> 99 ORDER BY customer_id LIMIT 1") == "same-1", "a name that is taken")
    expect("a later order" in said or customers == 10, said)


@on_postgres
def a_constant_beside_what_only_bfl_computes(place, db):
    db.shop(20)
    place.write("job.bfl", 'job a { why "x" }\nsource shop = postgres(env("SHOP_URL"))\nupdate u of shop.orders where id < 4 { set line_count = to_int(f"{id}") - 100 }\n')
    (step,) = json.loads(place.call("plan", "job.bfl", "--json", env=place.env).stdout)["steps"]
    expect(step["would_change"] == 3, step)
    place.call("run", "job.bfl", env=place.env)
    expect(db.sql("SELECT line_count FROM orders WHERE id < 4 ORDER BY id") == [("-99",), ("-98",), ("-97",)], "not what was to be set")


if __name__ == "__main__":
    main([rows_left_out_are_told_everywhere, a_choice_on_postgres, a_share_is_tested_before_the_first_write, what_does_not_fit_names_its_row, nets_clusters_and_folds,
          rows_that_become_one_and_free_names, a_constant_beside_what_only_bfl_computes])
