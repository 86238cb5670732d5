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
    done = told(place, "audit", "redact", "shop.orders", "7", "--columns", "note", "--why", "Asked for, GDPR-7.")
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
    expect(told(place, "audit", "redact", "shop.orders", "7", "--columns", "note", "--why", "again") == [], "erased twice")
    # All of it, of rows that are gone as well.
    (position,) = {change["columns"]["position"]["before"] for change in told(place, "audit", "row", "shop.lines", "2,1")["changes"]}
    whole = told(place, "audit", "redact", "shop.lines", "2,1", "--why", "w")
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


def kept_rows(place, shop, end):
    """How often the row is in a relation that the job keeps."""
    listed = "SELECT name FROM sqlite_schema WHERE type = 'table'" if shop.engine == "sqlite" else "SELECT 'bfl.' || relname FROM pg_class WHERE relkind = 'r'"
    (name,) = [name for (name,) in shop.sql(listed) if "bfl_kept_" in name and name.endswith(end)]
    return name, shop.number(f"SELECT count(*) FROM {name} WHERE id = 7")


def what_jobs_keep_is_erased_as_well(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source) + KEEPING)
    call(place, "run", "job.bfl")
    before, sums = kept_rows(place, shop, "_before")[0], kept_rows(place, shop, "_sums")[0]
    # Of columns that it does not have it holds nothing; under another name it may.
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w", "--columns", "note").stdout
    expect("of clean and 1 row that it keeps, by" in said and "still holds" not in said, said)
    expect((kept_rows(place, shop, "_before")[1], kept_rows(place, shop, "_sums")[1]) == (0, 1), "one of them")
    done = told(place, "audit", "redact", "shop.orders", "7", "--why", "w")
    expect([one["kept_rows"] for one in done] == [1] and kept_rows(place, shop, "_sums")[1] == 0, f"{done}")
    expect(shop.number(f"SELECT count(*) FROM {before}") == shop.number(f"SELECT count(*) FROM {sums}") == 9, "other rows went")
    expect("1 row that it keeps" in call(place, "audit", "verify", "job.bfl").stdout and [one["kept_rows"] for one in sound(place)["redactions"]] == [1, 1], "audit verify")
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w").stdout
    expect("holds no image of it" in said and "still holds" not in said, said)
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "the job is finished as before")
    sound(place)


def what_is_left_of_it_is_named(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source) + KEEPING + "snapshot notes = shop.orders where id <= 10 keep { note } distinct\n")
    call(place, "run", "job.bfl", "--only", "before", code=None)
    before = kept_rows(place, shop, "_before")[0]
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
    expect("images in" in said and "and 1 row that it keeps" in said and kept_rows(place, shop, "_sums")[1] == 0, f"the rest is erased: {said}")
    expect("_notes" in said and "and not `id`: whether it holds the row is for whoever knows the job to say" in said, said)
    shop.sql(f"DROP TRIGGER stays{'' if shop.engine == 'sqlite' else ' ON ' + before}")
    shop.sql(line.split("`")[1])
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w", code=3).stdout
    expect("still holds it" not in said and "holds no image of it" in said and "_notes" in said, said)
    sound(place)


def what_cannot_be_asked_is_named(place, shop):
    """A key of a kind that has several forms."""
    shop.sql("CREATE TABLE days (day DATE PRIMARY KEY, note TEXT)")
    shop.sql("INSERT INTO days VALUES ('2025-03-01', 'a'), ('2025-03-02', 'b')")
    place.write("job.bfl", f"""
job of_days {{ why "Notes were wrong." }}
source shop = {shop.source}
snapshot was = shop.days keep {{ day, note }}
update note of shop.days {{ set note = "x" }}
""")
    call(place, "run", "job.bfl")
    done = call(place, "audit", "redact", "shop.days", "2025-03-01", "--why", "w", code=3)
    expect("1 image in 1 pack" in done.stdout and "whether it holds the row cannot be told by `day`" in done.stdout, done.stdout + done.stderr)
    sound(place)


@on_postgres
def what_cannot_be_read_is_said(place, database):
    """What somebody else's job keeps; the ledger is erased all the same."""
    shop = OnPostgres(place, database)
    place.write("job.bfl", JOB.format(source=shop.source))
    call(place, "run", "job.bfl")
    role = "r_" + database.name
    for statement in (f"CREATE ROLE {role} LOGIN", f"GRANT USAGE ON SCHEMA bfl TO {role}", f"GRANT ALL ON ALL TABLES IN SCHEMA public, bfl TO {role}", "CREATE TABLE bfl.bfl_kept_00000000_theirs (id BIGINT, note TEXT)"):
        shop.sql(statement)
    try:
        place.env["SHOP_URL"] = database.url.replace("//bfl@", f"//{role}@")
        done = call(place, "audit", "redact", "shop.orders", "7", "job.bfl", "--why", "w", code=3)
        expect("warning: whether relations that jobs keep still hold the row cannot be seen" in done.stderr and "images in" in done.stdout, done.stdout + done.stderr)
        expect("the server keeps the old bytes until the owner" in done.stdout, done.stdout)
        place.env["SHOP_URL"] = database.url
        sound(place)
    finally:
        shop.sql(f"DROP OWNED BY {role}")
        shop.sql(f"DROP ROLE {role}")


def a_sensitive_key_is_not_shown(place, shop):
    shop.sql("CREATE TABLE people (ssn INTEGER PRIMARY KEY, name TEXT)")
    shop.sql("INSERT INTO people VALUES (4711, 'a'), (4712, 'b')")
    place.write("job.bfl", f"""
job clean {{ why "Names were wrong." }}
source shop = {shop.source} {{ sensitive people.ssn }}
update name of shop.people {{ set name = "x" }}
""")
    call(place, "run", "job.bfl")
    said = [call(place, "audit", "redact", "shop.people", "4711", "job.bfl", "--why", "w").stdout, call(place, "audit", "redact", "shop.people", "4711", "job.bfl", "--why", "w").stdout,
            call(place, "audit", "verify", "job.bfl").stdout, call(place, "audit", "verify", "job.bfl", "--json").stdout, call(place, "audit", "verify", shop.address).stdout,
            call(place, "audit", "row", "shop.people", "4711", "job.bfl").stdout, call(place, "audit", "row", "shop.people", "4711", "job.bfl", "--json").stdout]
    for text in said:
        expect("4711" not in text and "***" in text, text)
    entries = [row[0] for row in shop.sql(f"SELECT entry FROM {shop.own('ledger')}") if '"kind":"redact"' in row[0]]
    expect(len(entries) == 1 and "4711" not in entries[0], f"{entries}")
    sound(place)


main([*on_both(what_jobs_keep_is_erased_as_well), *on_both(what_is_left_of_it_is_named), *on_both(what_cannot_be_asked_is_named), what_cannot_be_read_is_said, *on_both(a_sensitive_key_is_not_shown), *on_both(a_row_is_erased), *on_both(nothing_is_left_of_it), *on_both(what_is_not_finished_is_left_alone)])
