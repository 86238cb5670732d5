#!/usr/bin/env python3
"""Relations that a job says in SQL, on PostgreSQL; skipped without a server (see postgres_test.py)."""
import json

from harness import expect, main
from postgres_harness import on_postgres

HEAD = 'job notes { why "What a customer has spent up to each order." }\nsource shop = postgres(env("SHOP_URL"))\n'
SPENT = HEAD + """
param least: decimal = 1.00
param at: timestamp = now()
let spent = sql on shop key id { id: int, so_far: decimal, tags: [int], about: json, seen: bool }
  reads orders(id, customer_id, total, created_at)
  postgres \"\"\"
    SELECT id, sum(total) OVER (PARTITION BY customer_id ORDER BY id) AS so_far, ARRAY[1, customer_id] AS tags,
           jsonb_build_object('customer', customer_id) AS about, created_at < :at AS seen
    FROM orders WHERE total >= :least -- and no more
  \"\"\"
check some { assert count(spent where seen) > 0 }
snapshot kept = spent
update note_it of shop.orders join one kept as k on k.id == id else skip "nothing" { set note = f"{k.so_far}" }
update again of shop.orders join one spent as s on s.id == id else skip { set line_count = json_get_int(s.about, "customer") ?? 0 }
verify noted { assert count(shop.orders as o join one spent as s on s.id == o.id else skip where o.note != f"{s.so_far}") == 0 }
"""


@on_postgres
def rows_of_sql_are_read_joined_and_kept(place, db):
    db.shop(300)
    place.write("job.bfl", SPENT)
    place.call("plan", "job.bfl", env=place.env)
    place.call("run", "job.bfl", "--limit-chunks", "1", code=75, env=place.env)
    place.call("run", "job.bfl", env=place.env)
    wrong = db.value("""SELECT count(*) FROM orders o JOIN (SELECT id, customer_id, sum(total) OVER (PARTITION BY customer_id ORDER BY id) AS t FROM orders
                        WHERE total >= 1) s ON s.id = o.id WHERE o.note::numeric IS DISTINCT FROM s.t OR o.line_count <> o.customer_id""")
    expect(wrong == "0", f"{wrong} rows are wrong")
    expect("nothing to do" in place.call("run", "job.bfl", env=place.env).stdout, "the second run did something")


def said(place, declaration, code):
    place.write("job.bfl", HEAD + declaration + "\nverify v { assert count(p) >= 0 }\n")
    return place.call("run", "job.bfl", code=code, env=place.env).stderr


@on_postgres
def what_differs_from_the_declaration_is_refused(place, db):
    db.shop(50)
    of = 'let p = sql on shop key id {{ id: int, {} }} reads orders """SELECT id, {} FROM orders"""'
    for column, text, found in [
        ("n: int", "note", "gives no column `n`"),
        ("total: int", "total", "gives `total` as `numeric"),
        ("created_at: date", "created_at", "gives `created_at` as `timestamp"),
        ("n: text", "(SELECT name FROM customers c WHERE c.id = customer_id) AS n", "reads `customers`, which `reads` does not say"),
        ("n: int", "nextval('no_such_sequence') AS n", "gives something else each time"),
        ("n: int", "no_such_function(id) AS n", "the SQL of `p`: "),
    ]:
        message = said(place, of.format(column, text), 2)
        expect(found in message, f"{text}: {message}")
    message = said(place, 'let p = sql on shop { id: int } reads orders """WITH x AS (DELETE FROM orders RETURNING id) SELECT id FROM x"""', 2)
    expect("BFL0431" in message and db.value("SELECT count(*) FROM orders") == "50", message)
    # A function that writes is stopped by the server: what is read is read in a transaction that only reads.
    db.sql("CREATE FUNCTION sly() RETURNS int LANGUAGE sql VOLATILE AS $$ DELETE FROM lines; SELECT 1 $$")
    lines = db.value("SELECT count(*) FROM lines")
    message = said(place, 'let p = sql on shop { n: int } reads lines """SELECT sly() AS n"""', 5)
    expect("read-only" in message and "`sly()` is declared volatile" in message and db.value("SELECT count(*) FROM lines") == lines, message)


@on_postgres
def rows_that_do_not_fit_are_named(place, db):
    db.shop(50)
    db.sql("UPDATE orders SET note = NULL; UPDATE orders SET note = 'x' WHERE id <> 7")
    message = said(place, 'let p = sql on shop key id { id: int, note: text } reads orders(id, note) """SELECT id, note FROM orders"""', 1)
    expect("the row with id = 7: `note` is null" in message, message)
    message = said(place, 'let p = sql on shop key note { note: text } reads orders(id, note) """SELECT note FROM orders WHERE id > 7"""', 1)
    expect("the row with note = x: the key is not alone" in message, message)


STATEMENTS = HEAD + """
sql halve on shop \"\"\"UPDATE orders SET total = total / 2 WHERE id <= 10\"\"\" { writes orders(total) once }
sql drop_lines on shop \"\"\"DELETE FROM lines WHERE order_id = 1\"\"\" { writes lines done when not exists(shop.lines where order_id == 1) }
sql add on shop \"\"\"INSERT INTO products (id, sku, name, price) VALUES (9999, 'NEW', 'new', 1)\"\"\" { writes products once }
"""


def everything(db):
    return [db.sql(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("orders", "lines", "products", "customers")]


@on_postgres
def statements_run_once_are_kept_and_undone(place, db):
    db.shop(50)
    before = everything(db)
    place.write("job.bfl", STATEMENTS)
    plan = place.call("plan", "job.bfl", env=place.env).stdout
    expect(plan.count("raw-sql: ") == 3 and everything(db) == before, plan)
    said = place.call("run", "job.bfl", env=place.env).stdout
    after = everything(db)
    expect("halve       10 rows changed" in said and after != before, said)
    expect("nothing to do" in place.call("run", "job.bfl", env=place.env).stdout and everything(db) == after, "the second run changed something")
    place.call("audit", "verify", "job.bfl", env=place.env)
    place.call("undo", "job.bfl", env=place.env)
    expect(everything(db) == before, "the undo left something")


SEVERAL = HEAD + """
sql move on shop \"\"\"
  WITH cheaper AS (UPDATE orders SET total = total - 1, note = 'moved' WHERE id <= 10 RETURNING customer_id),
       fewer AS (DELETE FROM lines WHERE order_id = 1 RETURNING order_id),
       more AS (INSERT INTO products (id, sku, name, price) VALUES (9999, 'NEW', 'new', 1) RETURNING id)
  UPDATE customers SET name = 'seen' WHERE id IN (SELECT customer_id FROM cheaper)
\"\"\" { writes customers(name), orders(total, note), lines, products once }
"""


def moved(place, db):
    """The tables before and after the run of SEVERAL."""
    db.shop(50)
    before = everything(db)
    place.write("job.bfl", SEVERAL)
    place.call("run", "job.bfl", env=place.env)
    return before, everything(db)


@on_postgres
def a_statement_that_writes_several_tables_is_undone(place, db):
    before, after = moved(place, db)
    expect(all(now != was for now, was in zip(after, before)), "a table was not written")
    place.call("audit", "verify", "job.bfl", env=place.env)
    # What somebody changed since is a conflict, in whichever table, and the rest goes back.
    db.sql("UPDATE orders SET total = 7 WHERE id = 3")
    said = place.call("undo", "job.bfl", code=3, env=place.env).stdout
    expect("`total` was changed since" in said, said)
    expect(db.value("SELECT count(*) FROM orders WHERE note = 'moved'") == "1" and everything(db)[1:] == before[1:], "the undo left more than the conflict")
    place.call("audit", "verify", "job.bfl", env=place.env)


@on_postgres
def an_undo_of_several_tables_is_undone(place, db):
    before, after = moved(place, db)
    place.call("undo", "job.bfl", env=place.env)
    expect(everything(db) == before, "the undo left something")
    run = json.loads(place.call("status", "--json", env=place.env).stdout)[0]["run"]
    place.call("undo", "job.bfl", "--run", run, env=place.env)
    expect(everything(db) == after, "the undo of the undo is not what the job did")


@on_postgres
def what_is_not_declared_is_rolled_back(place, db):
    db.shop(50)
    db.sql("""CREATE FUNCTION sly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE customers SET name = 'x' WHERE id = new.customer_id; RETURN new; END $$;
              CREATE TRIGGER t AFTER UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION sly()""")
    before = everything(db)
    place.write("job.bfl", STATEMENTS)
    said = place.call("run", "job.bfl", "--only", "halve", code=2, env=place.env).stderr
    expect("`public.customers` (" in said and everything(db) == before, said)
    place.write("job.bfl", STATEMENTS.replace("SET total = total / 2", "SET total = total / 2, tax = 0"))
    db.sql("DROP TRIGGER t ON orders")
    said = place.call("run", "job.bfl", "--only", "halve", code=2, env=place.env).stderr
    expect("`orders` itself (" in said and everything(db) == before, said)
    place.write("job.bfl", STATEMENTS.replace("WHERE order_id = 1", "WHERE order_id = 2"))
    said = place.call("run", "job.bfl", "--only", "drop_lines", code=1, env=place.env).stderr
    expect("does not hold" in said and everything(db) == before, said)
    place.write("job.bfl", STATEMENTS.replace("writes lines done", "writes orders done"))
    said = place.call("run", "job.bfl", code=2, env=place.env).stderr
    expect("writes `lines`, which `writes` does not say" in said, said)


if __name__ == "__main__":
    main([rows_of_sql_are_read_joined_and_kept, what_differs_from_the_declaration_is_refused, rows_that_do_not_fit_are_named, statements_run_once_are_kept_and_undone,
          a_statement_that_writes_several_tables_is_undone, an_undo_of_several_tables_is_undone, what_is_not_declared_is_rolled_back])
