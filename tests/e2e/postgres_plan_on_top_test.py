#!/usr/bin/env python3
"""Steps that look at what others change are planned on top of it, and nothing of it stays: on PostgreSQL."""
import functools

import on_top
from both_engines import on_server
from harness import expect, main


there = functools.partial(on_server, rows=5)


@there
def nothing_stays_and_no_number_is_taken(place, db):
    on_top.make(place, db)
    place.write("chain.bfl", on_top.JOB.format(source=db.source))
    figures = lambda: (db.value("SELECT last_value FROM parts_id_seq"), db.value("SELECT count(*) FROM pg_class"), db.value("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"))
    before = figures()
    on_top.plan(place, "chain.bfl")
    expect(figures() == before, f"{before}, then {figures()}")


@there
def without_the_right_to_make_temporary_tables_it_says_so(place, db):
    on_top.make(place, db)
    role = db.database.name + "_reader"
    db.sql(f"CREATE ROLE {role} LOGIN")
    try:
        db.sql(f"REVOKE TEMP ON DATABASE {db.database.name} FROM PUBLIC")
        db.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        place.write("chain.bfl", on_top.JOB.format(source=db.source))
        rest = db.database.url.split("://", 1)[1]
        place.env = {"SHOP_URL": f"postgres://{role}@{rest.rsplit('@', 1)[-1]}"}
        steps = on_top.plan(place, "chain.bfl")
        expect(steps["marked"]["counted_before"] == ["grow"] and "permission denied" in steps["marked"]["why_counted_before"], steps["marked"])
    finally:
        db.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


@there
def an_event_trigger_is_not_set_off(place, db):
    on_top.make(place, db)
    db.sql("CREATE TABLE seen (at text); CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (tg_tag); END $$; CREATE EVENT TRIGGER watching ON ddl_command_end EXECUTE FUNCTION see()")
    steps = on_top.chain(place, db)
    expect("event trigger `watching`" in steps["marked"]["why_counted_before"], steps["marked"])


@there
def a_session_that_ends_is_given_up(place, db):
    on_top.make(place, db)
    # A view that ends the session in which there is a copy.
    db.sql("CREATE FUNCTION ends() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF to_regclass('pg_temp.bfl_copy_1_') IS NOT NULL THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END IF; RETURN true; END $$;"
           " CREATE VIEW kept_parts AS SELECT id, n FROM parts WHERE ends()")
    place.write("ends.bfl", f"""
job ends {{ why "The server ends the session." }}
source shop = {db.source}
update grow of shop.parts where n < 10 {{ set n = n + 100 }}
update seen of shop.loose where n == 2 and exists(shop.kept_parts where n == 3) {{ set n = 4 atomic }}
update marked of shop.parts where n > 100 {{ set state = "grown" }}
verify end {{ assert count(shop.parts where state == "grown") == 5 }}
""")
    steps = on_top.plan(place, "ends.bfl")
    expect(steps["marked"]["counted_before"] == ["grow"] and "has ended the transaction" in steps["marked"]["why_counted_before"], steps["marked"])


@there
def checks_that_are_not_proven_hold_for_rows_that_change(place, db):
    on_top.make(place, db)
    db.sql("ALTER TABLE parts ADD CONSTRAINT small CHECK (n < 300) NOT VALID")
    place.write("chain.bfl", on_top.JOB.format(source=db.source))
    steps = on_top.plan(place, "chain.bfl", code=1)
    expect(steps["marked"]["on_top_of"] == ["grow"], "it cannot be copied")
    told = steps["marked"]["refused_rows"]
    expect(told["rows"] == 1 and "small" in told["reasons"][0]["reason"] and told["reasons"][0]["keys"] == ["id = 4"], told)
    said = place.call("run", "chain.bfl", code=1, env=place.env).stderr
    expect("step `marked`" in said and "small" in said, said)


NUMBERED = """
job numbered {{ why "Defaults count." }}
source shop = postgres(env("SHOP_URL"))
insert more into shop.{table} from shop.parts {{ set name = name key (name) }}
update marked of shop.{table} where id != null {{ set state = "seen" }}
"""


@there
def defaults_that_count_take_no_number_of_the_table(place, db):
    on_top.make(place, db)
    db.sql("CREATE SEQUENCE of_tags START 7; CREATE TABLE tags (id bigint NOT NULL DEFAULT nextval('of_tags'), name text NOT NULL UNIQUE, state text); INSERT INTO tags (name) VALUES ('first');"
           " CREATE TABLE labels (id text NOT NULL DEFAULT 'L' || nextval('of_tags'), name text NOT NULL UNIQUE, state text)")
    before = db.value("SELECT last_value FROM of_tags")
    place.write("numbered.bfl", NUMBERED.format(table="tags"))
    steps = on_top.plan(place, "numbered.bfl")
    expect(steps["marked"]["on_top_of"] == ["more"] and steps["marked"]["would_change"] == 6, steps["marked"])
    place.write("labels.bfl", NUMBERED.format(table="labels"))
    steps = on_top.plan(place, "labels.bfl")
    expect("takes numbers from a sequence" in steps["marked"]["why_counted_before"], steps["marked"])
    expect(db.value("SELECT last_value FROM of_tags") == before, "a number was taken")


@there
def a_default_that_writes_is_not_called(place, db):
    on_top.make(place, db)
    db.sql("CREATE TABLE heard (at timestamptz DEFAULT clock_timestamp()); CREATE FUNCTION loud() RETURNS integer LANGUAGE plpgsql AS $$ BEGIN INSERT INTO heard DEFAULT VALUES; RETURN 1; END $$;"
           " CREATE TABLE many (id int PRIMARY KEY); INSERT INTO many SELECT generate_series(1, 20000); CREATE TABLE told (id int PRIMARY KEY, by integer NOT NULL DEFAULT loud(), state text, CHECK (id > 5))")
    text = """
job tells {{ why "A default of the table writes." }}
source shop = postgres(env("SHOP_URL"))
insert more into shop.told from shop.many where id > 10 {{ set id = id key (id) }}
{more}
"""
    for more in ("", 'update marked of shop.told where id > 0 { set state = "seen" }'):
        place.write("tells.bfl", text.format(more=more))
        steps = on_top.plan(place, "tells.bfl")
        expect(steps["more"]["would_change"] == 19_990 and "estimate" not in steps["more"] and "read-only" in "".join(steps["more"].get("untried", [])) + steps.get("marked", {}).get("why_counted_before", ""), steps)
        expect(db.value("SELECT count(*) FROM heard") == "0", "the function has written")
        expect(int(db.value("SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'heard'")) == 0, "rows were written and rolled back")


if __name__ == "__main__":
    main([defaults_that_count_take_no_number_of_the_table, a_default_that_writes_is_not_called, *map(there, on_top.TESTS), nothing_stays_and_no_number_is_taken, without_the_right_to_make_temporary_tables_it_says_so, an_event_trigger_is_not_set_off, a_session_that_ends_is_given_up,
          checks_that_are_not_proven_hold_for_rows_that_change])
