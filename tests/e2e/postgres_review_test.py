#!/usr/bin/env python3
"""Review and work without the database, on PostgreSQL: the kept catalogue, the rows that only one version of a job chooses, SQL that lint reads."""
import json

from harness import expect, main
from postgres_harness import on_postgres

HEAD = 'job totals { why "w" }\nsource shop = postgres(env("SHOP_URL"))\n'
JOB = HEAD + ("update fix of shop.orders where id <= 500 and total != subtotal + tax { set total = subtotal + tax }\n"
              "verify none_left { assert count(shop.orders where id <= 500 and total != subtotal + tax) == 0 }\n")


@on_postgres
def catalogues_are_kept(place, db):
    db.shop()
    db.sql("CREATE DOMAIN cents AS int; CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE SCHEMA other;"
           "CREATE TABLE other.odd (a int GENERATED ALWAYS AS IDENTITY, \"B c\" text COLLATE \"C\" NOT NULL, d cents, e mood, f int[], g numeric(8,3) DEFAULT 1, h timestamptz, PRIMARY KEY (a), UNIQUE (\"B c\"));"
           "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;"
           "CREATE TRIGGER noted AFTER UPDATE OF note ON orders FOR EACH ROW EXECUTE FUNCTION nothing()")
    place.write("job.bfl", JOB)
    said = place.call("schema", "pull", "job.bfl", env=place.env)
    text = (place.folder / "schema/shop.json").read_text()
    expect("postgres://" not in text and db.name not in text and "plpgsql" not in text, "the file says where the database is, or what a trigger does")
    expect("as it was" in place.call("schema", "pull", f"shop={db.url}").stdout, said.stdout)
    # Without the database, and without its address.
    expect("kept catalogue: 2 steps" in place.call("check", "--offline", "job.bfl").stdout, "check --offline")
    place.write("wrong.bfl", JOB.replace("set total =", "set note ="))
    offline = place.call("check", "--offline", "wrong.bfl", code=2).stderr
    expect(offline == place.call("check", "wrong.bfl", env=place.env, code=2).stderr and "trigger `noted`" not in place.call("check", "--offline", "job.bfl").stderr, offline)
    place.write("noted.bfl", HEAD + 'update u of shop.orders where note == null { set note = "x" }\n')
    expect("the trigger `noted`" in place.call("check", "--offline", "noted.bfl", code=2).stderr, "what a trigger reacts to is kept")
    expect(place.call("check", "job.bfl", env=place.env).stderr == "", "kept and read again they are the same")
    db.sql("DROP TRIGGER noted ON orders; ALTER TABLE orders ALTER COLUMN note TYPE varchar(80); DROP TABLE other.odd")
    warned = place.call("check", "job.bfl", env=place.env).stderr
    expect("BFL0604" in warned and "`orders.note` is text?, character varying(80), kept as text?, text" in warned and "is gone" in warned, warned)


@on_postgres
def rows_of_one_version(place, db):
    db.shop()
    for name, text in (("old.bfl", JOB), ("new.bfl", JOB.replace("id <= 500", "id <= 900 and id > 200"))):
        place.write(name, text)
    change = json.loads(place.call("diff", "old.bfl", "new.bfl", "--json", env=place.env, code=1).stdout)["changes"][0]
    before, now = (int(db.value(f"SELECT count(*) FROM orders WHERE total IS DISTINCT FROM subtotal + tax AND {where}")) for where in ("id <= 200", "id > 500 AND id <= 900"))
    expect(before > 0 or now > 0, "the shop has no such rows")
    expect((change["rows"]["only_before"]["rows"], change["rows"]["only_after"]["rows"]) == (before, now), f"{change}")
    sample = (change["rows"]["only_before"]["sample"] + change["rows"]["only_after"]["sample"])[0]
    expect(sample.startswith("id "), sample)


@on_postgres
def sql_is_read_before_the_database(place, db):
    db.shop(10)
    place.write("job.bfl", HEAD + 'sql mark on shop """UPDATE orders SET note = \'größer\' WHRE id = 1""" { writes orders(note) once }\n')
    done = place.call("lint", "--offline", "job.bfl", code=1).stdout
    expect('error[L801]: PostgreSQL does not parse this: syntax error at or near "WHRE"' in done and "^^^^" in done, done)


if __name__ == "__main__":
    main([catalogues_are_kept, rows_of_one_version, sql_is_read_before_the_database])
