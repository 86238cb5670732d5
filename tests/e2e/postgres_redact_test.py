#!/usr/bin/env python3
"""`bfl audit redact`: values out of the ledger, its proofs left whole, on SQLite and on PostgreSQL."""
import subprocess
import sys

import tlog
from both_engines import OnPostgres, call, on_both, sound, told
from harness import ROOT, expect, main
from postgres_harness import on_postgres

sys.path.insert(0, str(ROOT / "tests/faults"))
import packs

JOB = """
job clean {{ why "Notes were wrong." }}
source shop = {source}
update note of shop.orders where id <= 60 {{ set note = "of " + text(id) expect changed == 60 chunk 20 }}
update again of shop.orders where id <= 30 {{ set note = (note ?? "") + "!" set line_count = line_count + 1 once }}
delete gone of shop.lines where order_id <= 3
"""


def packs_of(shop):
    """The bytes of every pack, of images and of sealed sets."""
    blob = "hex(pack)" if shop.engine == "sqlite" else "encode(pack, 'hex')"
    return [bytes.fromhex(row[0]) for table in ("ledger", "stage") for row in shop.sql(f"SELECT {blob} FROM {shop.own(table)} WHERE pack IS NOT NULL")]


def values_of(shop):
    return b"".join(packs.decompressed(pack[pack.index(b"\x28\xb5\x2f\xfd"):]) for pack in packs_of(shop))


def a_row_is_erased(place, shop):
    place.env["BFL_KEYS"] = str(place.folder / "keys")
    public = call(place, "key", "make", "ops").stdout.split()[-1]
    place.write("job.bfl", JOB.format(source=shop.source))
    call(place, "run", "job.bfl")
    call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt")
    call(place, "audit", "export", "job.bfl", "--output", "before")
    history = told(place, "audit", "row", "shop.orders", "7")["changes"]
    expect([(change["step"], change["columns"]["note"]["after"]) for change in history] == [("note", '"of 7"'), ("again", '"of 7!"')], f"{history}")
    images = sound(place)["images"]

    expect("needs the reason" in call(place, "audit", "redact", "shop.orders", "7", code=2).stderr, "without a reason")
    expect("is of the key" in call(place, "audit", "redact", "shop.orders", "7", "--why", "w", "--columns", "id", code=2).stderr, "a key was erased")
    expect("has the column `none`" in call(place, "audit", "redact", "shop.orders", "7", "--why", "w", "--columns", "none", code=2).stderr, "an unknown column")
    done = told(place, "audit", "redact", "shop.orders", "7", "--columns", "note", "--why", "Asked for, GDPR-7.")["redactions"]
    expect([(one["table"], one["key"], one["columns"], one["why"]) for one in done] == [("orders", "7", "note", "Asked for, GDPR-7.")], f"{done}")
    # Two images, and the row as it was sealed for `note`, whose number of rows is exact.
    expect(done[0]["images"] == 3 and done[0]["packs"] == 3, f"{done}")

    target = sound(place, "job.bfl", "--anchor", "kept.txt")
    expect(target["anchored"] == 1 and target["images"] == images and target["redactions"] == done, f"{target}")
    text = call(place, "audit", "verify", "job.bfl").stdout
    expect("redacted: orders 7, note, 3 images in 3 packs of clean, by " in text and "Asked for, GDPR-7." in text, text)
    after = told(place, "audit", "row", "shop.orders", "7")["changes"]
    expect([change["columns"]["note"] for change in after] == [{"redacted": True}] * 2 and after[1]["columns"]["line_count"] == {**history[1]["columns"]["line_count"], "proven": False}, f"{after}")
    expect(after[0]["redaction"]["why"] == "Asked for, GDPR-7.", f"{after}")
    shown = call(place, "audit", "row", "shop.orders", "7").stdout
    expect("(redacted)" in shown and "(not proven any more)" in shown, shown)
    expect(target["unproven"]["records"] == 3 and target["unproven"]["values"] > 10 and "hang on no leaf of their packs any more" in text, f"{target['unproven']}\n{text}")
    expect([change["columns"]["note"]["after"] for change in told(place, "audit", "row", "shop.orders", "8")["changes"]] == ['"of 8"', '"of 8!"'], "another row lost its images")
    again = told(place, "audit", "redact", "shop.orders", "7", "--columns", "note", "--why", "again")
    expect(again["redactions"] == again["held"] == again["left"] == [] and [one["why"] for one in again["before"]] == ["Asked for, GDPR-7."], f"erased twice: {again}")
    # All of it, of rows that are gone as well.
    (position,) = {change["columns"]["position"]["before"] for change in told(place, "audit", "row", "shop.lines", "2,1")["changes"]}
    whole = told(place, "audit", "redact", "shop.lines", "2,1", "--why", "w")["redactions"]
    expect(whole[0]["columns"] == "" and whole[0]["images"] >= 1, f"{whole}")
    kept = told(place, "audit", "row", "shop.lines", "2,1")["changes"][0]["columns"]
    expect(kept["order_id"] == {"before": "2", "proven": False} and kept["position"] == {"before": position, "proven": False} and sum("redacted" in value for value in kept.values()) == len(kept) - 2, f"{kept}")
    sound(place, "job.bfl", "--anchor", "kept.txt")

    # What was exported before holds, and so does what is exported now.
    call(place, "audit", "export", "job.bfl", "--output", "after")
    for folder in ("before", "after"):
        done = subprocess.run([sys.executable, tlog.__file__, str(place.folder / folder / "clean"), public], capture_output=True, text=True)
        expect(done.returncode == 0, done.stdout + done.stderr)
    # An altered ledger is named as before.
    ledger, place_of_pack = shop.own("ledger"), "pack IS NOT NULL"
    shop.sql(f"CREATE TABLE kept_aside AS SELECT id, pack FROM {ledger} WHERE {place_of_pack}")
    digest = "x'42465032'" if shop.engine == "sqlite" else "'\\x42465032'"
    expect(int(shop.value(f"SELECT count(*) FROM {ledger} WHERE substr(pack, 1, 4) = {digest}")) >= 2, "no pack was written anew")
    shop.sql(f"UPDATE {ledger} SET pack = (SELECT pack FROM kept_aside AS k WHERE k.id <> {ledger}.id AND substr(k.pack, 1, 4) <> {digest} LIMIT 1) WHERE substr(pack, 1, 4) = {digest}")
    expect("it does not give the digest" in call(place, "audit", "verify", "job.bfl", code=4).stdout, "an altered pack was believed")
    shop.sql(f"UPDATE {ledger} SET pack = (SELECT pack FROM kept_aside AS k WHERE k.id = {ledger}.id) WHERE {place_of_pack}")
    shop.sql("DROP TABLE kept_aside")
    sound(place)

    # Undo puts back all but what nobody can tell any more.
    planned = call(place, "undo", "job.bfl", "--plan").stdout
    expect("orders 7: its image was redacted" in planned and "lines 2, 1: its image was redacted" in planned, planned)
    undone = call(place, "undo", "job.bfl", code=3).stdout
    expect("its image was redacted: nobody can tell what it was" in undone, undone)
    expect(shop.value("SELECT note FROM orders WHERE id = 7") == "of 7!" and shop.value("SELECT count(*) FROM orders WHERE note LIKE 'of %'") in (1, "1"), "the other rows")
    sound(place)


def nothing_is_left_of_it(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source).replace('"of " + text(id)', '"seen"'))
    shop.sql("UPDATE orders SET note = 'Zanzibar Quux 4711' WHERE id = 7")
    call(place, "run", "job.bfl")
    expect(b"Zanzibar Quux 4711" in values_of(shop), "the value is not in the ledger")
    before = packs_of(shop)
    shop.sql("UPDATE orders SET note = NULL WHERE id = 7")
    call(place, "audit", "redact", "shop.orders", "7", "--why", "w")
    expect(b"Zanzibar Quux 4711" not in values_of(shop), "the value is still in the ledger")
    gone = [pack for pack in before if pack not in packs_of(shop)]
    expect(len(gone) == 3, f"{len(gone)} packs were written anew")
    if shop.engine == "sqlite":
        content = b"".join(file.read_bytes() for file in place.folder.glob("shop.db*"))
        expect(all(pack[40:90] not in content for pack in gone), "the old bytes are still in the file")


def what_is_not_finished_is_left_alone(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source))
    call(place, "run", "job.bfl", "--limit-chunks", "1", code=75)
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w", code=4).stderr
    expect("is not finished" in said and "nothing was erased" in said, said)
    call(place, "run", "job.bfl")
    call(place, "audit", "redact", "shop.orders", "7", "--why", "w")
    sound(place)
    expect("holds no image of it" in call(place, "audit", "redact", "shop.orders", "190", "--why", "w").stdout, "a row without images")


KEEPING = """
snapshot before = shop.orders where id <= 10 keep { id, was = note }
snapshot sums = shop.orders where id <= 10 keep { id, total }
update last of shop.orders join one before as b on b.id == id else skip "others" join one sums as s on s.id == id else skip "others" { set country = b.was }
"""


def kept(shop, end):
    listed = "SELECT name FROM sqlite_schema WHERE type = 'table'" if shop.engine == "sqlite" else "SELECT 'bfl.' || relname FROM pg_class WHERE relkind = 'r'"
    (name,) = [name for (name,) in shop.sql(listed) if "bfl_kept_" in name and name.endswith(end)]
    return name


def of_row_7(shop, end):
    """How often the row is in a relation that the job keeps."""
    return shop.number(f"SELECT count(*) FROM {kept(shop, end)} WHERE id = 7")


def what_jobs_keep_is_erased_as_well(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source) + KEEPING)
    call(place, "run", "job.bfl")
    before, sums = kept(shop, "_before"), kept(shop, "_sums")
    # Of columns that it does not have it holds nothing; under another name it may.
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w", "--columns", "note").stdout
    expect("of clean and 1 row that it keeps, by" in said and "still holds" not in said and "find a row less" in said, said)
    expect((of_row_7(shop, "_before"), of_row_7(shop, "_sums")) == (0, 1), "one of them")
    done = told(place, "audit", "redact", "shop.orders", "7", "--why", "w")["redactions"]
    expect([one["kept_rows"] for one in done] == [1] and of_row_7(shop, "_sums") == 0, f"{done}")
    expect(shop.number(f"SELECT count(*) FROM {before}") == shop.number(f"SELECT count(*) FROM {sums}") == 9, "other rows went")
    expect("1 row that it keeps" in call(place, "audit", "verify", "job.bfl").stdout and [one["kept_rows"] for one in sound(place)["redactions"]] == [1, 1], "audit verify")
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w").stdout
    expect("holds no image of it" in said and "still holds" not in said, said)
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "the job is finished as before")
    sound(place)


def what_is_left_of_it_is_named(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source) + KEEPING + "snapshot notes = shop.orders where id <= 10 keep { note } distinct\n")
    call(place, "run", "job.bfl", "--only", "before", code=None)
    before = kept(shop, "_before")
    # Its job goes on by it.
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w", code=3).stdout
    line = next(line for line in said.splitlines() if "_before" in line)
    expect("which clean keeps, still holds it in 1 row: that job has not come to its end" in line and "DELETE FROM" in line, said)
    call(place, "run", "job.bfl")
    # The database does not let it go.
    fails = "BEGIN SELECT RAISE(ABORT, 'it stays'); END" if shop.engine == "sqlite" else "FOR EACH ROW EXECUTE FUNCTION stays()"
    if shop.engine == "postgres":
        shop.sql("CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it stays'; END $$")
    shop.sql(f"CREATE TRIGGER stays BEFORE DELETE ON {before} {fails}")
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w", code=3).stdout
    line = next(line for line in said.splitlines() if "_before" in line)
    expect("still holds it in 1 row: this connection may not change it" in line, said)
    expect("images in" in said and "and 1 row that it keeps" in said and of_row_7(shop, "_sums") == 0, f"the rest is erased: {said}")
    expect("_notes" in said and "whether it holds the row is for whoever knows the job to say" in said, said)
    shop.sql(f"DROP TRIGGER stays{'' if shop.engine == 'sqlite' else ' ON ' + before}")
    shop.sql(line.split("`")[1])
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w", code=3).stdout
    expect("still holds it" not in said and "holds no image of it" in said and "_notes" in said, said)
    sound(place)


def only_its_own_rows_go(place, shop):
    """Columns of the same name in relations of other tables, and its columns under other names."""
    shop.sql("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)")
    shop.sql("INSERT INTO people VALUES (7, 'Ada'), (8, 'Bob')")
    place.write("job.bfl", f"""
job clean {{ why "Names were wrong." }}
source shop = {shop.source}
snapshot of_orders = shop.orders where id <= 10 keep {{ id, total }}
snapshot by_order = shop.orders where id <= 10 keep {{ id = 7, order = id }}
snapshot renamed = shop.people keep {{ person = id, id = 1, full = name }}
snapshot joined = shop.orders where id <= 10 join one shop.people as p on p.id == 7 else skip "nobody" keep {{ id, full = p.name }}
snapshot again = renamed keep {{ full }}
update name of shop.people {{ set name = "x" }}
update noted of shop.orders where id <= 10 {{ set note = "of " + text(id) }}
snapshot done = noted.updated keep {{ id, note }}
""")
    call(place, "run", "job.bfl")
    relations = {name: kept(shop, "_" + name) for name in ("of_orders", "by_order", "renamed", "joined", "again", "noted_updated", "done")}
    rows = {name: shop.number(f"SELECT count(*) FROM {relation}") for name, relation in relations.items()}
    done = told(place, "audit", "redact", "shop.people", "7", "--why", "w", code=3)
    expect([one["kept_rows"] for one in done["redactions"]] == [1], f"{done}")
    # What is joined, and what is made of another relation, is for people to say.
    held = {name for name in relations for one in done["held"] if name in one["relation"]}
    expect(held == {"joined", "again"} and all("for whoever knows the job" in one["text"] for one in done["held"]), f"{done}")
    now = {name: shop.number(f"SELECT count(*) FROM {relation}") for name, relation in relations.items()}
    expect(now == {**rows, "renamed": 1}, f"{rows}, {now}")
    expect(shop.value(f"SELECT person FROM {relations['renamed']}") in (8, "8"), "another row went")
    # What a step did is known by its table.
    done = told(place, "audit", "redact", "shop.orders", "7", "--why", "w", "--columns", "note", code=3)
    # Out of `by_order` as well, whose `id` was computed.
    expect([one["kept_rows"] for one in done["redactions"]] == [2] and shop.number(f"SELECT count(*) FROM {relations['noted_updated']} WHERE id = 7") == 0, f"{done}")
    expect(shop.number(f"SELECT count(*) FROM {relations['of_orders']}") == 10, "it has none of the columns")
    sound(place)


def no_near_key_goes_and_no_copy_is_passed_over(place, shop):
    """Keys that a type would cut to those of others; copies by way of views, and of relations that were made anew since."""
    server = shop.engine == "postgres"
    shop.sql(f"CREATE TABLE people (code {'VARCHAR(3)' if server else 'TEXT'} PRIMARY KEY, name TEXT NOT NULL)")
    shop.sql("INSERT INTO people VALUES ('abc', 'Ada'), ('def', 'Bob')")
    shop.sql("CREATE VIEW living AS SELECT * FROM people")
    head = f"""job clean {{ why "Names were wrong." }}
source shop = {shop.source}
"""
    place.write("job.bfl", head + """
snapshot copy = shop.people keep { code, name }
snapshot seen = shop.living keep { code, name }
snapshot names = copy keep { name }
""")
    call(place, "run", "job.bfl")
    rows = {name: shop.number(f"SELECT count(*) FROM {kept(shop, '_' + name)}") for name in ("copy", "seen", "names")}
    done = told(place, "audit", "redact", "shop.people", "abcdef", "--why", "w", code=3)
    expect(done["redactions"] == [], f"{done}")
    held = [name for name in rows for one in done["held"] if one["relation"].endswith("_" + name) or one["relation"].endswith("_" + name + '"')]
    expect(held == ["seen", "names"], f"{done}")
    expect(rows == {name: shop.number(f"SELECT count(*) FROM {kept(shop, '_' + name)}") for name in rows}, "a row went")
    # Columns are spelled as the table has them, and are none of its key.
    for columns in ("nmae", "code", "name,nmae"):
        call(place, "audit", "redact", "shop.people", "abc", "--why", "w", "--columns", columns, code=None)
        expect(shop.number(f"SELECT count(*) FROM {kept(shop, '_copy')}") == 2, columns)
    # What `names` was made of then, whatever `copy` is made of now.
    place.write("job.bfl", head + "snapshot copy = shop.orders where id <= 3 keep { id, total }\n")
    call(place, "run", "job.bfl")
    done = told(place, "audit", "redact", "shop.people", "abc", "--why", "w", code=3)
    expect(sorted(one["relation"].strip('"').rsplit("_", 1)[1] for one in done["held"]) == ["names", "seen"], f"{done}")


def rows_of_another_source_stay(place, shop):
    """Its table bears the same name, and what is kept of it lies beside."""
    shop.sql("CREATE TABLE rows (id INTEGER PRIMARY KEY, note TEXT)")
    shop.sql("INSERT INTO rows VALUES (7, 'a'), (8, 'b')")
    place.write("list.csv", "id,note\n7,x\n8,y\n")
    place.write("job.bfl", f"""
job clean {{ why "Notes were wrong." }}
source list = csv("list.csv") {{ column rows.id: int }}
source shop = {shop.source}
snapshot listed = list.rows keep {{ id, note }}
update note of shop.rows {{ set note = "z" }}
""")
    call(place, "run", "job.bfl")
    done = told(place, "audit", "redact", "shop.rows", "7", "job.bfl", "--why", "w", code=3)
    expect([one["kept_rows"] for one in done["redactions"]] == [0] and shop.number(f"SELECT count(*) FROM {kept(shop, '_listed')}") == 2, f"{done}")
    expect(["made of `rows`" in one["text"] for one in done["held"]] == [True], f"{done}")


def what_nothing_is_told_of_is_named(place, shop):
    """A relation whose entry does not tell of what it was made, as those of an older bfl."""
    place.write("job.bfl", JOB.format(source=shop.source))
    call(place, "run", "job.bfl")
    kept = ("bfl." if shop.engine == "postgres" else "") + "bfl_kept_00000000_theirs"
    shop.sql(f"CREATE TABLE {kept} (id INTEGER, note TEXT)")
    call(place, "audit", "redact", "shop.orders", "8", "--why", "w")  # nothing is in it
    shop.sql(f"INSERT INTO {kept} VALUES (7, 'a')")
    done = told(place, "audit", "redact", "shop.orders", "7", "--why", "w", code=3)
    expect(shop.number(f"SELECT count(*) FROM {kept}") == 1 and len(done["held"]) == 1 and "the ledger does not tell of what it was made" in done["held"][0]["text"], f"{done}")


def keys_of_every_kind_are_found(place, shop):
    """However the engine spells them: in images, by the index of keys, and in what jobs keep."""
    server = shop.engine == "postgres"
    uuid = "6B29FC40-CA47-1067-B31D-00DD010662DA"
    tables = {
        "days": ("DATE", "2025-03-01", "2025-03-02", "2025-03-01"),
        "moments": ("TIMESTAMP", "2025-03-01 10:00:00" + ("" if server else ".000"), "2025-03-02 10:00:00", "2025-03-01 10:00:00"),
        "uuids": ("UUID", uuid, "7b29fc40-ca47-1067-b31d-00dd010662da", uuid.lower()),
        "codes": ("CHAR(5)", "ab", "cd", "ab"),
        '"odd ""name"': ("TEXT", "it's", "x", "it's"),
    }
    steps = []
    for i, (name, (kind, first, second, _)) in enumerate(tables.items()):
        shop.sql(f"CREATE TABLE {name} (k {kind} PRIMARY KEY NOT NULL, note TEXT)")
        for value in (first, second):
            quoted = value.replace("'", "''")
            shop.sql(f"INSERT INTO {name} VALUES ('{quoted}', 'a')")
        said = name if not name.startswith('"') else "`odd \"name`"
        steps.append(f"snapshot was{i} = shop.{said} keep {{ mine = k, note }}\nupdate note{i} of shop.{said} {{ set note = \"x\" }}")
    place.write("job.bfl", f"job kinds {{ why \"Notes were wrong.\" }}\nsource shop = {shop.source}\n" + "\n".join(steps) + "\n")
    call(place, "run", "job.bfl")
    for i, (name, (_, first, _, typed)) in enumerate(tables.items()):
        plain = name if not name.startswith('"') else 'odd "name'
        for key in {first, typed}:
            expect(len(told(place, "audit", "row", f"shop.{plain}", key)["changes"]) == 1, f"{plain} {key}")
        done = told(place, "audit", "redact", f"shop.{plain}", typed, "--why", "w")
        expect([(one["images"], one["kept_rows"]) for one in done["redactions"]] == [(1, 1)], f"{plain}: {done}")
        expect(shop.number(f"SELECT count(*) FROM {kept(shop, f'_was{i}')}") == 1, plain)
    sound(place)
    # A key of several columns, one of them spelled in another way.
    public = "public." if server else ""  # the role's own schema is bfl's by now
    shop.sql(f"CREATE TABLE {public}pairs (u UUID NOT NULL, n INTEGER NOT NULL, note TEXT, PRIMARY KEY (u, n))")
    shop.sql(f"INSERT INTO {public}pairs VALUES ('{uuid}', 1, 'a'), ('{uuid}', 2, 'b')")
    place.write("pairs.bfl", f"job pairs {{ why \"Notes were wrong.\" }}\nsource shop = {shop.source}\nsnapshot two = shop.pairs keep {{ n, u, note }}\nupdate note of shop.pairs {{ set note = \"x\" }}\n")
    call(place, "run", "pairs.bfl")
    done = told(place, "audit", "redact", "shop.pairs", uuid.lower() + ",2", "--why", "w")
    expect([(one["images"], one["kept_rows"]) for one in done["redactions"]] == [(1, 1)] and shop.number(f"SELECT n FROM {kept(shop, '_two')}") == 1, f"{done}")
    sound(place)


def ranges_hold_what_they_say(place, shop):
    """Keys that are not all written alike are put back whole, or not at all."""
    shop.sql("CREATE TABLE uuids (k UUID PRIMARY KEY NOT NULL, note TEXT)")
    shop.sql("INSERT INTO uuids VALUES ('" + "'), ('".join(f"{c}b29fc40-ca47-1067-b31d-00dd010662da', 'a" for c in "123") + "')")
    shop.sql("CREATE TABLE codes (k CHAR(5) PRIMARY KEY NOT NULL, note TEXT)")
    shop.sql("INSERT INTO codes VALUES ('ab', 'a'), ('ac', 'a'), ('ad', 'a')")
    place.write("job.bfl", f"job kinds {{ why \"Notes were wrong.\" }}\nsource shop = {shop.source}\nupdate u of shop.uuids {{ set note = \"x\" }}\nupdate c of shop.codes {{ set note = \"x\" }}\n")
    call(place, "run", "job.bfl")
    planned = call(place, "undo", "job.bfl", "--step", "c", "--keys", "ab..ac", "--plan").stdout
    expect("codes ab" in planned and "codes ac" in planned and "codes ad" not in planned or "2 rows" in planned, planned)
    bounds = "1b29fc40-ca47-1067-b31d-00dd010662da..2B29FC40-CA47-1067-B31D-00DD010662DA"
    call(place, "undo", "job.bfl", "--step", "u", "--keys", bounds)
    expect(shop.number("SELECT count(*) FROM uuids WHERE note = 'a'") == 2, "the bounds are of the range, however they are typed")
    if shop.engine == "postgres":
        return
    shop.sql("INSERT INTO uuids VALUES ('AB29FC40-CA47-1067-B31D-00DD010662DA', 'a'), ('bb29fc40-ca47-1067-b31d-00dd010662da', 'a')")
    place.write("more.bfl", f"job more {{ why \"Notes were wrong.\" }}\nsource shop = {shop.source}\nupdate u of shop.uuids {{ set note = \"y\" }}\n")
    call(place, "run", "more.bfl")
    said = call(place, "undo", "more.bfl", "--step", "u", "--keys", "ab29fc40-ca47-1067-b31d-00dd010662da..bb29fc40-ca47-1067-b31d-00dd010662da", code=2).stderr
    expect("`--keys` is for keys that are written in one way" in said and shop.number("SELECT count(*) FROM uuids WHERE note = 'y'") == 5, said)


@on_postgres
def what_cannot_be_read_is_said(place, database):
    """What somebody else's job keeps; the rest is erased all the same."""
    shop = OnPostgres(place, database)
    place.write("job.bfl", JOB.format(source=shop.source) + KEEPING)
    call(place, "run", "job.bfl")
    role = "r_" + database.name
    for statement in (f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA bfl TO {role}", f"GRANT ALL ON ALL TABLES IN SCHEMA public, bfl TO {role}", "CREATE TABLE bfl.bfl_kept_00000000_theirs (id BIGINT, note TEXT)"):
        shop.sql(statement)
    try:
        place.env["SHOP_URL"] = database.url.replace("//bfl@", f"//{role}@")
        done = call(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w", code=3)
        expect("_theirs\", which a job keeps: it cannot be read: " in done.stdout and "images in" in done.stdout and "and 2 rows that it keeps" in done.stdout, done.stdout + done.stderr)
        expect("the server keeps the old bytes until the owner" in done.stdout, done.stdout)
        place.env["SHOP_URL"] = database.url
        sound(place)
    finally:
        shop.sql(f"DROP OWNED BY {role}")
        shop.sql(f"DROP ROLE {role}")


def what_is_done_before_a_job_that_is_held_is_told(place, shop):
    for name in ("first", "second"):
        place.write(name + ".bfl", f"job {name} {{ why \"Notes were wrong.\" }}\nsource shop = {shop.source}\nsnapshot was = shop.orders where id <= 10 keep {{ id, note }}\nupdate note of shop.orders where id <= 10 {{ set note = \"{name}\" }}\n")
        call(place, "run", name + ".bfl")
    shop.sql(f"UPDATE {shop.own('job')} SET holder = 'ada', host = 'elsewhere', pid = 1, pid_start = 1, lease_end = 9000000000000000 WHERE name = 'second'")
    done = call(place, "audit", "redact", "shop.orders", "7", "--why", "w", code=75)
    expect("of first and 1 row that it keeps" in done.stdout and "of second" not in done.stdout and "backups" in done.stdout and "is being run by ada" in done.stderr, done.stdout + done.stderr)
    shop.sql(f"UPDATE {shop.own('job')} SET holder = '', lease_end = 0 WHERE name = 'second'")
    expect([one["job"] for one in told(place, "audit", "redact", "shop.orders", "7", "--why", "w")["redactions"]] == ["second"], "the rest")
    sound(place, "first.bfl")


def what_programs_have_answered_is_named(place, shop):
    """Answers stay while the snapshot that they are for is not made."""
    place.write("half.py", "import json, os, sys\nif os.path.exists('once'):\n    sys.exit(1)\nopen('once', 'w').close()\nfor line in sys.stdin:\n    asked = json.loads(line)\n    print(json.dumps({'row': asked['row'], 'gives': {'m': asked['takes']['note']}}), flush=True)\n")
    place.write("job.bfl", f"""
job asks {{ why "Notes are read." }}
source shop = {shop.source}
program half = ["python3", "./half.py"] {{
  gives m: text?
  batch 2
}}
snapshot read = shop.orders where id in [1, 2, 7, 8] keep {{ id, note }} through half(note)
""")
    call(place, "run", "job.bfl", code=None)
    expect(shop.number(f"SELECT count(*) FROM {kept(shop, '_answers')}") == 2, "the first two are answered")
    done = told(place, "audit", "redact", "shop.orders", "7", "--why", "w", code=3)
    expect(["what a program was asked" in one["text"] for one in done["held"]] == [True], f"{done}")


def a_sensitive_key_is_not_shown(place, shop):
    shop.sql("CREATE TABLE people (ssn INTEGER PRIMARY KEY, name TEXT)")
    shop.sql("INSERT INTO people VALUES (471100471, 'a'), (471100472, 'b')")
    place.write("job.bfl", f"""
job clean {{ why "Names were wrong." }}
source shop = {shop.source} {{ sensitive people.ssn }}
update name of shop.people {{ set name = "x" }}
""")
    call(place, "run", "job.bfl")
    said = [call(place, "audit", "redact", "shop.people", "471100471", "job.bfl", "--why", "w").stdout, call(place, "audit", "redact", "shop.people", "471100471", "job.bfl", "--why", "w").stdout,
            call(place, "audit", "verify", "job.bfl").stdout, call(place, "audit", "verify", "job.bfl", "--json").stdout, call(place, "audit", "verify", shop.address).stdout,
            call(place, "audit", "row", "shop.people", "471100471", "job.bfl").stdout, call(place, "audit", "row", "shop.people", "471100471", "job.bfl", "--json").stdout]
    said += [call(place, "audit", "redact", "shop.people", "471100471x", "job.bfl", "--why", "w", code=2).stderr, call(place, "undo", "job.bfl", "--step", "name", "--keys", "471100471..47110047", code=2).stderr]
    for text in said:
        expect("47110047" not in text and "***" in text, text)
    entries = [row[0] for row in shop.sql(f"SELECT entry FROM {shop.own('ledger')}") if '"kind":"redact"' in row[0]]
    expect(len(entries) == 1 and "471100471" not in entries[0], f"{entries}")
    sound(place)


main([*on_both(no_near_key_goes_and_no_copy_is_passed_over), *on_both(rows_of_another_source_stay), *on_both(what_programs_have_answered_is_named), *on_both(what_is_done_before_a_job_that_is_held_is_told), *on_both(what_jobs_keep_is_erased_as_well), *on_both(what_is_left_of_it_is_named), *on_both(only_its_own_rows_go), *on_both(what_nothing_is_told_of_is_named), *on_both(keys_of_every_kind_are_found), *on_both(ranges_hold_what_they_say), what_cannot_be_read_is_said, *on_both(a_sensitive_key_is_not_shown), *on_both(a_row_is_erased), *on_both(nothing_is_left_of_it), *on_both(what_is_not_finished_is_left_alone)])
