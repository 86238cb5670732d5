#!/usr/bin/env python3
"""An undo of a part: what was put back is done again and nothing else, whatever stands on it is named, and what could not be put back is told. On SQLite and on
PostgreSQL. The seed of the random jobs is printed when one fails; BFL_SEED repeats it."""
import json
import os
import random

from both_engines import OnSqlite, call, on_both, on_server, sound, told
from harness import expect, main

SEED = int(os.environ.get("BFL_SEED", random.randrange(1 << 30)))


def job(place, shop, steps):
    place.write("job.bfl", f'job parts {{ why "A test." }}\nsource db = {shop.source}\n{steps}\n')


def rows(shop, columns="id, v, w, z", table="t"):
    return [tuple(row) for row in shop.sql(f"SELECT {columns} FROM {table} ORDER BY 1")]


def four_rows(shop):
    shop.sql("CREATE TABLE t (id int PRIMARY KEY NOT NULL, v int NOT NULL, w text, z text)")
    shop.sql("INSERT INTO t VALUES (1, 1, 'w', 'z'), (2, 2, 'w', 'z'), (3, 3, 'w', 'z'), (4, 4, 'w', 'z')")


def keys_that_a_step_has_set(place, shop):
    shop.sql("CREATE TABLE t (id int NOT NULL, r text NOT NULL, v int, PRIMARY KEY (r, id))")
    shop.sql("INSERT INTO t VALUES (1, 'a', 0), (2, 'b', 0), (3, 'c', 0)")
    shop.sql("CREATE TABLE lone (id int PRIMARY KEY NOT NULL, v int)")
    shop.sql("INSERT INTO lone VALUES (1, 1), (2, 2)")
    before = rows(shop, "id, r, v"), rows(shop, "id, v", "lone")
    job(place, shop, """update move of db.t where v == 0 { set r = case { r == "a" => "b" r == "b" => "c" else => "a" } set v = 1 }
update shift of db.lone where id < 100 { set id = id + 100 }""")
    call(place, "run", "job.bfl")
    call(place, "undo", "job.bfl")
    now = rows(shop, "id, r, v"), rows(shop, "id, v", "lone")
    expect(now == before, f"{now}, expected {before}")
    sound(place)


def rows_whose_keys_are_back(place, shop):
    """Put back by their keys, changed by the next run, put back with all else: the images of the first time find them where they were."""
    shop.sql("CREATE TABLE lone (id int PRIMARY KEY NOT NULL, v int)")
    shop.sql("INSERT INTO lone VALUES (1, 1), (2, 2), (3, 3)")
    before = rows(shop, "id, v", "lone")
    job(place, shop, "update shift of db.lone where id < 100 { set id = id + 100 }")
    call(place, "run", "job.bfl")
    call(place, "undo", "job.bfl", "--step", "shift", "--keys", "101..103")
    expect(rows(shop, "id, v", "lone") == before, "they were not put back")
    call(place, "run", "job.bfl")
    call(place, "undo", "job.bfl")
    expect(rows(shop, "id, v", "lone") == before, f"{rows(shop, 'id, v', 'lone')}")
    # What has its key meanwhile is another row.
    call(place, "run", "job.bfl")
    shop.sql("DELETE FROM lone WHERE id = 102")
    shop.sql("INSERT INTO lone VALUES (2, 7)")
    said = call(place, "undo", "job.bfl", code=3).stdout
    expect("lone 2: the row is gone" in said, said)
    sound(place)


@on_server
def a_namesake_in_another_schema_is_left_alone(place, shop):
    four_rows(shop)
    job(place, shop, "update raise of db.t { set v = v + 10 once }")
    call(place, "run", "job.bfl")
    shop.sql("CREATE SCHEMA archive; CREATE TABLE archive.t (LIKE t INCLUDING ALL); INSERT INTO archive.t SELECT * FROM t")
    here, place.env = place.env, {"SHOP_URL": shop.address + "?options=-csearch_path%3Darchive,public"}
    said = call(place, "undo", "job.bfl", code=4).stderr
    expect("its images are of `public.t`, and `t` is `archive.t` now" in said, said)
    expect(shop.value("SELECT sum(v) FROM archive.t") == shop.value("SELECT sum(v) FROM public.t") != "10", "something was put back")
    place.env = here
    call(place, "undo", "job.bfl")
    expect(shop.value("SELECT sum(v) FROM public.t") == "10", f"{rows(shop)}")
    sound(place)


def a_row_in_conflict_is_not_changed_twice(place, shop):
    four_rows(shop)
    job(place, shop, "update raise of db.t { set v = v + 10 once }")
    call(place, "run", "job.bfl")
    shop.sql("UPDATE t SET v = 500 WHERE id = 2")
    call(place, "undo", "job.bfl", code=3)
    call(place, "run", "job.bfl")
    expect([int(row[1]) for row in rows(shop)] == [11, 500, 13, 14], f"{rows(shop)}")
    call(place, "undo", "job.bfl")
    run = told(place, "status")[0]["run"]
    call(place, "undo", "job.bfl", "--run", run)
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "what an undo of the undo has changed again is done")
    expect([int(row[1]) for row in rows(shop)] == [11, 500, 13, 14], f"{rows(shop)}")
    sound(place)


def whole_numbers_in_columns_of_reals(place):
    shop = OnSqlite(place)
    place.sql("CREATE TABLE a (id INTEGER PRIMARY KEY, f REAL)")
    place.sql("INSERT INTO a VALUES (1, 88.0), (2, 0.5), (3, -0.0)")
    place.sql("CREATE TABLE l (id INTEGER PRIMARY KEY, src INT UNIQUE, amt REAL, n NUMERIC, s TEXT)")
    job(place, shop, """insert add into db.l from db.a { set src = id set amt = f set n = 5 set s = "7" key src }
sql more on db \"\"\"INSERT INTO l (src, amt, n, s) VALUES (100, 88, 7.0, 7), (101, -0.0, '8', 8.5)\"\"\" { writes l after add once }
sql change on db \"\"\"UPDATE l SET amt = 12\"\"\" { writes l(amt) after more once }""")
    call(place, "run", "job.bfl")
    call(place, "undo", "job.bfl")
    expect(place.value("SELECT count(*) FROM l") == 0, f"{place.sql('SELECT * FROM l')}")
    sound(place)


def what_stands_on_it_is_named(place, shop):
    four_rows(shop)
    job(place, shop, 'update fix of db.t { set w = f"n{v}" }\nupdate raise of db.t where id > 1 { set v = v + 1 once }')
    call(place, "run", "job.bfl")
    done = rows(shop)
    said = call(place, "undo", "job.bfl", "--step", "fix", "--keys", "1..2", code=4).stderr
    expect("`raise`" in said and "`v` of `t`" in said and "--step raise" in said, said)
    call(place, "undo", "job.bfl", "--step", "fix", "--keys", "1..1")  # no later step has changed the row
    call(place, "run", "job.bfl")
    expect(rows(shop) == done, f"{rows(shop)}: rows that were not put back are done anew")
    call(place, "undo", "job.bfl", "--step", "raise", "--keys", "2..2")
    call(place, "undo", "job.bfl", "--step", "fix", "--keys", "2..2")
    call(place, "undo", "job.bfl")
    job(place, shop, 'update fix of db.t { set w = f"n{v}" }\nupdate copy of db.t { set z = f"z{w}" }')
    call(place, "run", "job.bfl")
    said = call(place, "undo", "job.bfl", "--step", "fix", code=4).stderr
    expect("`copy`" in said and "`w` of `t`" in said, said)
    call(place, "undo", "job.bfl", "--step", "copy")
    call(place, "undo", "job.bfl", "--step", "fix")
    expect({row[2] for row in rows(shop)} == {"w"}, f"{rows(shop)}")
    sound(place)


def a_trigger_is_in_the_way(place, shop):
    shop.sql("CREATE TABLE tg (id int PRIMARY KEY, v int, upd int DEFAULT 0)")
    shop.sql("INSERT INTO tg VALUES (1, 1, 0), (2, 2, 0)")
    if shop.engine == "postgres":
        shop.sql("CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.upd = old.upd + 1; RETURN new; END $$")
        shop.sql("CREATE TRIGGER touched BEFORE UPDATE ON tg FOR EACH ROW EXECUTE FUNCTION touch()")
    else:
        shop.sql("CREATE TRIGGER touched AFTER UPDATE OF v ON tg BEGIN UPDATE tg SET upd = upd + 1 WHERE id = new.id; END")
    job(place, shop, 'sql tgs on db """UPDATE tg SET v = 10""" { writes tg(v, upd) once }')
    call(place, "run", "job.bfl")
    done = rows(shop, "id, v, upd", "tg")
    said = call(place, "undo", "job.bfl", code=4).stderr
    expect("BFL0411" in said and "`touched`" in said, said)
    expect(rows(shop, "id, v, upd", "tg") == done, "a refused undo changed something")
    shop.sql("DROP TRIGGER touched" + (" ON tg" if shop.engine == "postgres" else ""))
    call(place, "undo", "job.bfl")
    expect([tuple(int(value) for value in row) for row in rows(shop, "id, v, upd", "tg")] == [(1, 1, 0), (2, 2, 0)], f"{rows(shop, 'id, v, upd', 'tg')}")


def undone_and_done_again_and_undone(place, shop):
    four_rows(shop)
    shop.sql("CREATE UNIQUE INDEX codes ON t (v)")
    job(place, shop, 'update a of db.t { set v = 5 - v once }\nupdate b of db.t { set w = "b" }')
    before = rows(shop)
    call(place, "run", "job.bfl")
    done = rows(shop)
    call(place, "undo", "job.bfl")
    for expected in (done, before):
        call(place, "undo", "job.bfl", "--run", told(place, "status")[0]["run"])
        expect(rows(shop) == expected, f"{rows(shop)}, expected {expected}")
        sound(place)
    call(place, "run", "job.bfl")
    expect(rows(shop) == done, f"{rows(shop)}: what was undone in the end is not done")
    said = call(place, "undo", "job.bfl").stdout
    expect(rows(shop) == before and "conflict" not in said, said)
    expect("nothing to undo" in call(place, "undo", "job.bfl").stdout, "a generation is put back twice")
    sound(place)


def every_conflict_is_named(place, shop):
    shop.sql("CREATE TABLE t (id int PRIMARY KEY NOT NULL, v int)")
    shop.sql("INSERT INTO t VALUES " + ", ".join(f"({key}, 0)" for key in range(1, 41)))
    job(place, shop, "update one of db.t { set v = 1 }")
    call(place, "run", "job.bfl")
    shop.sql("UPDATE t SET v = 7")
    planned = call(place, "undo", "job.bfl", "--plan").stdout
    expect("and 20 more" in planned, planned)
    expect(told(place, "undo", "job.bfl", "--plan")[0]["conflicts"] == 40, "--json")
    said = call(place, "undo", "job.bfl", code=3).stdout
    expect(said.count("was changed since") == 20 and "and 20 more" in said, said)
    again = call(place, "undo", "job.bfl", code=3).stdout
    expect("nothing to undo; 40 rows" in again and again.count("was changed since") == 40, again)
    call(place, "run", "job.bfl")
    call(place, "undo", "job.bfl")
    expect("conflict" not in call(place, "undo", "job.bfl").stdout, "of an undo before the last run")


def rows_without_a_key(place, shop):
    four_rows(shop)
    shop.sql("CREATE TABLE heap (a int, b int)")
    shop.sql("INSERT INTO heap VALUES (1, 1), (1, 1), (2, 2)")
    job(place, shop, "update one of db.t { set v = 9 }\ndelete gone of db.heap where a == 1 { atomic }")
    expect("rows of `heap` have no key" in call(place, "plan", "job.bfl").stdout, "the plan")
    call(place, "run", "job.bfl")
    said = call(place, "undo", "job.bfl", code=4).stderr
    expect("BFL0403" in said and "`heap`" in said and "--step" in said, said)
    call(place, "undo", "job.bfl", "--step", "one")
    expect([int(row[1]) for row in rows(shop)] == [1, 2, 3, 4], f"{rows(shop)}")


def random_steps(chance):
    def where():
        return chance.choice(["", f"where id > {chance.randrange(40)}", f"where mod(id, {chance.randrange(2, 5)}) == 0", f"where k == {chance.randrange(3)}"])

    def step(number):
        return chance.choice([
            f"update s{number} of db.t {where()} {{ set a = {chance.randrange(100)} }}",
            f"update s{number} of db.t {where()} {{ set a = a + 1 once chunk {chance.randrange(3, 20)} }}",
            f'update s{number} of db.t {where()} {{ set b = f"{{a}}" }}',
            f"update s{number} of db.t {where()} {{ set a = k }}",
            f"update s{number} of db.t where k == {chance.randrange(3)} {{ set k = {chance.randrange(3, 6)} }}",
            f"update s{number} of db.t where id < 1000 and mod(id, 3) == {chance.randrange(3)} {{ set id = id + 1000 }}",
            f"insert s{number} into db.copies from (db.t where id < {chance.randrange(1, 40)}) {{ set step = {number} set of_row = id set r = r key step, of_row }}",
        ])

    return "\n".join(step(number) for number in range(chance.randrange(2, 6)))


def parts_are_done_again(place, shop):
    """Whatever part of a random job is put back, the next run makes of it what it was, and an undo of all what it was before."""
    chance = random.Random(f"{SEED} {shop.engine}")
    real = "REAL" if shop.engine == "sqlite" else "double precision"
    for trial in range(int(os.environ.get("BFL_UNDO_TRIALS", "4"))):
        key = chance.choice(["id", "k, id"])
        if shop.engine == "postgres":
            shop.sql("DROP SCHEMA IF EXISTS bfl CASCADE")  # for a user of that name it comes before `public`
        for name in ("t", "copies"):
            shop.sql(f"DROP TABLE IF EXISTS {name}")
        shop.sql(f"CREATE TABLE t (k int NOT NULL, id int NOT NULL, a int NOT NULL, b text, r {real}, PRIMARY KEY ({key}))")
        shop.sql(f"CREATE TABLE copies (step int NOT NULL, of_row int NOT NULL, r {real}, PRIMARY KEY (step, of_row))")
        shop.sql("INSERT INTO t VALUES " + ", ".join(f"({chance.randrange(3)}, {row}, {chance.randrange(50)}, 'b', {chance.choice(['NULL', '7', '0.5', '88'])})" for row in range(1, 41)))

        def state():
            return [sorted(map(tuple, shop.sql(f"SELECT * FROM {name}")), key=repr) for name in ("t", "copies")]

        steps = random_steps(chance)
        name = f"parts{trial}"
        place.write("job.bfl", f'job {name} {{ why "A test." }}\nsource db = {shop.source}\n{steps}\n')
        where = f"seed {SEED}, trial {trial}, {shop.engine}\n{steps}"
        before = state()
        ran = place.call("run", "job.bfl", code=None, env=place.env)
        expect(ran.returncode == 0, f"{where}\n{ran.stdout}{ran.stderr}")
        done = state()
        for _ in range(3):
            part = ["--step", f"s{chance.randrange(len(steps.splitlines()))}"]
            first = chance.randrange(1, 30)
            if key == "id" and f"insert {part[1]} " not in steps and chance.random() < 0.6:
                part += ["--keys", f"{first}..{first + chance.randrange(2000)}"]
            undone = place.call("undo", "job.bfl", *part, code=None, env=place.env)
            expect(undone.returncode in (0, 4), f"{where}\nundo of {part}: {undone.stdout}{undone.stderr}")
            expect(undone.returncode == 0 or state() == done, f"{where}\na refused undo of {part} changed something")
            again = place.call("run", "job.bfl", code=None, env=place.env)
            expect(again.returncode == 0 and state() == done, f"{where}\nafter an undo of {part} and a run it is not as it was\n{undone.stdout}{again.stdout}{again.stderr}")
        planned = json.loads(place.call("undo", "job.bfl", "--plan", "--json", env=place.env).stdout)
        undone = place.call("undo", "job.bfl", code=None, env=place.env)
        told = f"done: {sum(step['put_back'] for step in planned)} row" if any(step["put_back"] for step in planned) else "done: no row"
        expect(told in undone.stdout or not planned, f"{where}\nplanned {planned}\n{undone.stdout}{undone.stderr}")
        expect(undone.returncode == 0 and state() == before, f"{where}\nit is not as it was before\n{undone.stdout}{undone.stderr}")
        sound(place)


main([*on_both(keys_that_a_step_has_set), *on_both(rows_whose_keys_are_back), a_namesake_in_another_schema_is_left_alone,
      *on_both(a_row_in_conflict_is_not_changed_twice), whole_numbers_in_columns_of_reals, *on_both(what_stands_on_it_is_named),
      *on_both(a_trigger_is_in_the_way), *on_both(undone_and_done_again_and_undone), *on_both(every_conflict_is_named), *on_both(rows_without_a_key), *on_both(parts_are_done_again)])
