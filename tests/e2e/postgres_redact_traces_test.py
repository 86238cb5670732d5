#!/usr/bin/env python3
"""`bfl audit redact`, and what of the row lies elsewhere: bytes in files, namesakes in other schemas, other names of its table, what steps made
of it, the diary, plans. What can be erased is; all else is named."""
import contextlib
import pathlib
import sqlite3
import sys

from both_engines import OnPostgres, OnSqlite, call, on_both, sound, told
from harness import ROOT, expect, main
from postgres_harness import SERVER, on_postgres, psql

sys.path.insert(0, str(ROOT / "tests/faults"))
import libpq
import packs

JOB = """
job clean {{ why "Notes were wrong." }}
source shop = {source}
update note of shop.orders where id <= 60 {{ set note = "seen" expect changed == 60 chunk 20 }}
"""


def old_packs(shop):
    """Pieces of what is to be in no file any more: compressed, and so in none by chance."""
    blob = "hex(pack)" if shop.engine == "sqlite" else "encode(pack, 'hex')"
    return [bytes.fromhex(row[0]) for table in ("ledger", "stage") for row in shop.sql(f"SELECT {blob} FROM {shop.own(table)} WHERE pack IS NOT NULL")]


def gone_since(shop, before):
    now = set(old_packs(shop))
    gone = [pack[60:110] for pack in before if pack not in now]
    expect(gone, "no pack was written anew")
    return gone


def in_files(files, pieces):
    content = b"".join(file.read_bytes() for file in files)
    return any(piece in content for piece in pieces)


def a_reader_in_the_way_is_told(place):
    shop = OnSqlite(place)
    with contextlib.closing(sqlite3.connect(place.folder / "shop.db", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        place.write("job.bfl", JOB.format(source=shop.source))
        call(place, "run", "job.bfl")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM orders").fetchall()
        before = old_packs(shop)
        said = call(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w", code=3).stdout
        gone = gone_since(shop, before)
        expect("shop.db-wal` may still hold the old bytes" in said and "redact again" in said, said)
        done = told(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w", code=3)
        expect(done["redactions"] == [] and len(done["before"]) == 1 and "shop.db-wal" in done["left"][0], f"{done}")
        expect(in_files(place.folder.glob("shop.db*"), gone), "the reader holds nothing up")
        other.execute("ROLLBACK")
        # Nobody closes the file in between, which would finish it as well.
        done = told(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w")
        expect(done["left"] == [] and len(done["before"]) == 1, f"{done}")
        expect(not in_files(place.folder.glob("shop.db*"), gone), "the old bytes are still in the files")
        said = call(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w").stdout
        expect("before: redacted: orders 7" in said and "swept out of the database once more" in said, said)
    sound(place)


@on_postgres
def a_snapshot_in_the_way_is_told(place, database):
    """What somebody still may see no VACUUM takes out."""
    shop = OnPostgres(place, database)
    place.write("job.bfl", JOB.format(source=shop.source))
    call(place, "run", "job.bfl")
    reader = libpq.Session(database.url)
    try:
        reader.sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders")
        before = old_packs(shop)
        done = told(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w", code=3)
        expect("for session " in done["left"][0] and "redact again when that has ended" in done["left"][0], f"{done}")
        reader.sql("ROLLBACK")
    finally:
        reader.close()
    done = told(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w")
    expect(done["left"] == [] and len(done["before"]) == 1 and "VACUUM FULL" in done["behind"], f"{done}")
    # What is said to take the bytes out of the server's files does.
    data = pathlib.Path((SERVER / "place").read_text().strip()) / "data"
    oid = shop.value("SELECT oid FROM pg_database WHERE datname = current_database()")
    gone = gone_since(shop, before)
    shop.sql(next(part for part in done["behind"].split("`") if part.startswith("VACUUM FULL")))
    shop.sql("CHECKPOINT")
    expect(not in_files((data / "base" / oid).glob("*"), gone), "VACUUM FULL leaves old bytes")
    sound(place)


@on_postgres
def what_others_have_open_is_told_to_whoever_may_not_see_it(place, database):
    """A role of no rights sees less of the sessions of others; a transaction that has written holds rows back without a snapshot."""
    shop = OnPostgres(place, database)
    role = "bfl_ada_" + database.name
    shop.sql(f"CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {database.name} TO {role}; ALTER TABLE orders OWNER TO {role}")
    url = dict(place.env)["SHOP_URL"]
    place.env = {"SHOP_URL": url.replace("//bfl@", f"//{role}@")}
    try:
        place.write("job.bfl", JOB.format(source=shop.source))
        call(place, "run", "job.bfl")
        for key, begin in (("7", "BEGIN; CREATE TEMPORARY TABLE aside AS SELECT 1 AS a"), ("8", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM customers")):
            reader = libpq.Session(url)
            try:
                reader.sql(begin)
                left = told(place, "audit", "redact", "shop.orders", key, "job.bfl", "--why", "w", code=3)["left"]
                expect(len(left) == 1 and "for session " in left[0] and " of bfl;" in left[0], f"{left}")
                reader.sql("ROLLBACK")
            finally:
                reader.close()
            expect(told(place, "audit", "redact", "shop.orders", key, "job.bfl", "--why", "w")["left"] == [], "nobody is in the way")
    finally:
        place.env = {"SHOP_URL": url}
        shop.sql(f"REASSIGN OWNED BY {role} TO bfl; DROP OWNED BY {role}; DROP ROLE {role}")


@on_postgres
def a_namesake_in_another_schema_is_left_alone(place, database):
    shop = OnPostgres(place, database)
    shop.sql("CREATE SCHEMA archive; CREATE TABLE archive.orders (LIKE orders INCLUDING ALL); INSERT INTO archive.orders SELECT * FROM orders WHERE id <= 60")
    place.write("job.bfl", JOB.format(source=shop.source) + "snapshot was = shop.orders where id <= 10 keep { id, note }\n")
    call(place, "run", "job.bfl")
    other = {"SHOP_URL": database.url + "?options=-csearch_path%3Darchive,public"}
    here = dict(place.env)
    kept = next(name for (name,) in shop.sql("SELECT 'bfl.' || relname FROM pg_class WHERE relname LIKE 'bfl_kept_%_was'"))

    def counts():
        return shop.value("SELECT count(*) FROM bfl.ledger WHERE entry LIKE '%\"kind\":\"redact\"%'"), shop.value(f"SELECT count(*) FROM {kept}")

    # By whatever name the other one goes.
    for names, place.env in ((("shop.archive.orders",), here), (("shop.orders",), other)):
        for name in names:
            expect(told(place, "audit", "row", name, "7", "job.bfl")["changes"] == [], f"rows of public.orders are shown as of {name}")
            expect(told(place, "audit", "redact", name, "7", "job.bfl", "--why", "w")["redactions"] == [], name)
            expect(counts() == ("0", "10"), f"{counts()}")
    # Another's search path keeps nobody from it.
    place.env = other
    expect(len(told(place, "audit", "row", "shop.public.orders", "7", "job.bfl")["changes"]) == 1, "it is the same table")
    done = told(place, "audit", "redact", "shop.public.orders", "7", "job.bfl", "--why", "w")
    expect([one["kept_rows"] for one in done["redactions"]] == [1] and counts() == ("1", "9"), f"{done}")
    place.env = here
    sound(place)
    # A ledger of before does not tell where its tables lay.
    shop.sql("""UPDATE bfl.ledger SET entry = replace(replace(entry, '\\"schema\\":\\"public\\",', ''), ',\\"public\\"', '') WHERE entry LIKE '%"kind":"open"%'""")
    found = told(place, "audit", "row", "shop.orders", "8", "job.bfl")
    expect(len(found["changes"]) == 1 and found["untold"] == ["clean"], f"{found}")
    found = told(place, "audit", "row", "shop.archive.orders", "8", "job.bfl")
    expect(found["changes"] == [] and found["untold"] == ["clean"], f"{found}")
    said = call(place, "audit", "redact", "shop.orders", "8", "job.bfl", "--why", "w", code=3).stdout
    expect("images of `note` of clean, generation 1 may hold it: several schemas have a table `orders`" in said and "`public.orders`, redact with `--was orders`" in said, said)
    expect(shop.value("SELECT count(*) FROM bfl.ledger WHERE entry LIKE '%\"kind\":\"redact\"%' AND entry NOT LIKE '%\"images\":\"0\"%'") == "1", "images of nobody knows which table were erased")
    expect(len(told(place, "audit", "row", "shop.orders", "8", "job.bfl", "--was", "orders")["changes"]) == 1, "by the word of whoever asks")
    done = told(place, "audit", "redact", "shop.orders", "8", "job.bfl", "--why", "w", "--was", "orders", code=None)
    expect([one["images"] > 0 for one in done["redactions"]] == [True], f"{done}")


KEEPING = """
snapshot before = shop.orders where id <= 10 keep { id, was = note }
update last of shop.orders join one before as b on b.id == id else skip "others" { set country = b.was }
insert copies into shop.copies from shop.orders where id <= 5 { set id = id set note = note key id }
"""


def its_table_under_another_name_is_named(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source) + "snapshot before = shop.orders where id <= 10 keep { id, was = note }\n")
    call(place, "run", "job.bfl")
    shop.sql("ALTER TABLE orders RENAME TO sales")
    expect(told(place, "audit", "row", "shop.sales", "7", "job.bfl")["changes"] == [], "by its new name nothing is known")
    expect(len(told(place, "audit", "row", "shop.sales", "7", "job.bfl", "--was", "orders")["changes"]) == 1, "by its old one")
    done = told(place, "audit", "redact", "shop.sales", "7", "job.bfl", "--why", "w", code=3)
    texts = [one["text"] for one in done["held"]]
    expect(len(texts) == 2 and all("`orders`" in text and "--was orders" in text for text in texts) and any("_before" in text for text in texts) and any("`note` of clean" in text for text in texts), f"{texts}")
    # Other rows have no images, and columns of another kind are no sign of it.
    texts = [one["text"] for one in told(place, "audit", "redact", "shop.sales", "190", "job.bfl", "--why", "w", code=3)["held"]]
    expect(len(texts) == 1 and "_before" in texts[0], f"{texts}")
    expect(told(place, "audit", "redact", "shop.customers", "7", "job.bfl", "--why", "w")["held"] == [], "customers are no orders")
    expect("is the name of another table" in call(place, "audit", "redact", "shop.sales", "7", "job.bfl", "--why", "w", "--was", "customers", code=2).stderr, "a table that is there")
    done = told(place, "audit", "redact", "shop.sales", "7", "job.bfl", "--why", "w", "--was", "orders")
    expect([(one["kept_rows"], one["images"] > 0) for one in done["redactions"]] == [(1, True)] and done["held"] == [], f"{done}")
    shown = told(place, "audit", "row", "shop.sales", "7", "job.bfl", "--was", "orders")["changes"]
    expect(shown[0]["columns"]["note"] == {"redacted": True} and shown[0]["redaction"]["table"] == "sales", f"{shown}")
    sound(place)


def steps_that_have_read_it_are_named(place, shop):
    shop.sql("CREATE TABLE copies (id INTEGER PRIMARY KEY NOT NULL, note TEXT)")
    place.write("job.bfl", JOB.format(source=shop.source) + KEEPING)
    call(place, "run", "job.bfl")
    made = told(place, "audit", "redact", "shop.orders", "3", "job.bfl", "--why", "w")["made"]
    expect([line.split("`")[1] for line in made] == ["copies", "last"] and "wrote into `copies`" in made[0] and "wrote into `orders`" in made[1], f"{made}")
    done = told(place, "audit", "redact", "shop.copies", "3", "job.bfl", "--why", "w")
    expect(done["made"] == [] and done["redactions"][0]["images"] > 0, f"{done}")
    sound(place)
    # A ledger of before does not tell it.
    shop.sql(f"""UPDATE {shop.own('ledger')} SET entry = replace(entry, '"reads":', '"unread":') WHERE entry LIKE '%"step":"copies"%'""")
    made = told(place, "audit", "redact", "shop.orders", "3", "job.bfl", "--why", "w")["made"]
    expect("an older bfl has not kept what 1 of its steps have read for what they wrote: `copies` of clean" in made[1], f"{made}")


def keys_that_were_changed_are_followed(place, shop):
    """A row is found by what its key was and by what it became, where it was planned as well; further keys are named."""
    shop.sql("CREATE TABLE members (id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL)")
    shop.sql("INSERT INTO members VALUES (6, 'f3a9c07d51e2'), (7, 'd81be64f0a37')")
    place.write("job.bfl", f"""
job clean {{ why "w" }}
source shop = {shop.source}
update up of shop.members where id == 6 {{ set id = 906 set name = "up" + name once }}
update copy of shop.members join one shop.members as o on o.id == 7 else skip "none" {{ set name = name + o.name once }}
update down of shop.members where id == 906 {{ set id = 806 set name = "down" + name once }}
""")
    call(place, "run", "job.bfl")

    def left():
        return sum(packs.decompressed(pack[pack.index(b"\x28\xb5\x2f\xfd"):]).count(b"f3a9c07d51e2") for pack in old_packs(shop))

    before = left()
    done = told(place, "audit", "redact", "shop.members", "6", "job.bfl", "--why", "w")
    expect(done["redactions"][0]["images"] > 0 and ["another key as well, `906`" in line for line in done["made"]].count(True) == 1, f"{done}")
    expect(0 < left() < before, f"{left()} of {before}")
    expect(["has read other rows" in line for line in done["made"]].count(True) == 1, f"{done}")
    done = told(place, "audit", "redact", "shop.members", "806", "job.bfl", "--why", "w")
    expect(["another key as well, `906`" in line for line in done["made"]].count(True) == 1 and left() > 0, f"{left()}: {done}")
    told(place, "audit", "redact", "shop.members", "906", "job.bfl", "--why", "w")
    expect(left() == 0, f"{left()}")
    sound(place)


def a_key_of_other_columns_is_told(place, shop):
    server = shop.engine == "postgres"
    shop.sql("CREATE TABLE members (a INTEGER NOT NULL, b INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (a, b))")
    shop.sql("INSERT INTO members VALUES (1, 2, 'one'), (2, 1, 'two')")
    place.write("job.bfl", f"job clean {{ why \"w\" }}\nsource shop = {shop.source}\nupdate note of shop.members {{ set name = \"x\" }}\n")
    call(place, "run", "job.bfl")

    def give_key(columns):
        if server:
            shop.sql(f"ALTER TABLE members DROP CONSTRAINT members_pkey; ALTER TABLE members ADD PRIMARY KEY ({columns})")
            return
        for statement in ("ALTER TABLE members RENAME TO older", f"CREATE TABLE members (a INTEGER NOT NULL, b INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY ({columns}))", "INSERT INTO members SELECT * FROM older", "DROP TABLE older"):
            shop.sql(statement)

    def erased(key):
        give_key("a, b")
        return [all(column.get("redacted") for name, column in change["columns"].items() if name == "name") for change in told(place, "audit", "row", "shop.members", key, "job.bfl")["changes"]]

    # In another order: by the names of its columns.
    give_key("b, a")
    expect(told(place, "audit", "row", "shop.members", "1,2", "job.bfl")["other_key"] == ["clean"], "its index does not know the order")
    call(place, "audit", "redact", "shop.members", "1,2", "job.bfl", "--why", "w")
    expect((erased("2,1"), erased("1,2")) == ([True], [False]), "another row was erased")
    # Of other columns: nobody can name them.
    give_key("a")
    said = call(place, "audit", "redact", "shop.members", "1", "job.bfl", "--why", "w", code=3).stdout
    expect("`note` of clean, generation 1 may hold it: `members` had another key then" in said, said)
    expect(erased("1,2") == [False], "it cannot be told")
    sound(place)


def rows_that_went_with_it_are_named(place, shop):
    place.write("job.bfl", f"job clean {{ why \"w\" }}\nsource shop = {shop.source}\ndelete gone of shop.orders where id <= 3 cascades to shop.lines\n")
    call(place, "run", "job.bfl")
    made = told(place, "audit", "redact", "shop.orders", "2", "job.bfl", "--why", "w")["made"]
    expect(["has changed rows of `lines` together with rows of `orders`" in line for line in made] == [True], f"{made}")


def plans_and_the_diary_are_named(place, shop):
    shop.sql("CREATE TABLE stays (id INTEGER PRIMARY KEY NOT NULL, note TEXT, CONSTRAINT not_zanzibar_4711 CHECK (id <> 9 OR note <> 'z'))")
    shop.sql("INSERT INTO stays SELECT id, 'of ' || id FROM orders WHERE id <= 12")
    place.write("job.bfl", JOB.format(source=shop.source).replace(" expect changed == 60", ""))
    call(place, "plan", "job.bfl", "-o", "kept.plan")
    call(place, "run", "--plan", "kept.plan")
    made = told(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w")["made"]
    expect(len(made) == 1 and "a plan with the digest" in made[0], f"{made}")
    # A row that was set aside: its reason is in the ledger, and in the diary of this machine.
    place.write("aside.bfl", f"job aside {{ why \"w\" }}\nsource shop = {shop.source}\nupdate z of shop.stays where id in [8, 9] {{ set note = \"z\" quarantine <= 5 }}\n")
    call(place, "run", "aside.bfl", code=3)
    expect(any(b"zanzibar_4711" in packs.decompressed(pack[pack.index(b"\x28\xb5\x2f\xfd"):]) for pack in old_packs(shop)), "the reason is not in the ledger")
    call(place, "quarantine", "resolve", "aside.bfl", "--why", "w")
    done = told(place, "audit", "redact", "shop.stays", "9", "aside.bfl", "--why", "w", "--columns", "note", code=3)
    expect(["the diary `.bfl/state.db` has 1 event" in one["text"] for one in done["held"]] == [True], f"{done}")
    expect(not any(b"zanzibar_4711" in packs.decompressed(pack[pack.index(b"\x28\xb5\x2f\xfd"):]) for pack in old_packs(shop)), "the reason is still in the ledger")
    expect(told(place, "audit", "redact", "shop.stays", "12", "aside.bfl", "--why", "w")["held"] == [], "another row")
    sound(place, "aside.bfl")


def old_events_leave_the_files_of_the_diary(place):
    shop = OnSqlite(place)
    place.write("job.bfl", JOB.format(source=shop.source).replace("update note", "update quuxzanzibar"))
    call(place, "run", "job.bfl")
    place.write("job.bfl", f"job other {{ why \"w\" }}\nsource shop = {shop.source}\nupdate last of shop.orders where id <= 60 {{ set note = \"last\" }}\n")
    call(place, "run", "job.bfl")
    expect(in_files(place.folder.glob(".bfl/state.db*"), [b"quuxzanzibar"]), "it is not in the diary")
    gone = told(place, "state", "gc", "job.bfl", "--keep", "0h")
    expect(gone["entries"] > 0 and not gone["left_in_files"], f"{gone}")
    expect(not in_files(place.folder.glob(".bfl/state.db*"), [b"quuxzanzibar"]), "it is still in the files")


main([a_reader_in_the_way_is_told, a_snapshot_in_the_way_is_told, what_others_have_open_is_told_to_whoever_may_not_see_it, a_namesake_in_another_schema_is_left_alone, *on_both(its_table_under_another_name_is_named), *on_both(steps_that_have_read_it_are_named),
      *on_both(keys_that_were_changed_are_followed), *on_both(a_key_of_other_columns_is_told), *on_both(rows_that_went_with_it_are_named),
      *on_both(plans_and_the_diary_are_named), old_events_leave_the_files_of_the_diary])
