#!/usr/bin/env python3
"""`bfl audit redact`: values out of the ledger, its proofs left whole, on SQLite and on PostgreSQL."""
import subprocess
import sys

import tlog
from both_engines import call, on_both, sound, told
from harness import ROOT, expect, main

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


def what_else_holds_it_is_listed(place, shop):
    place.write("job.bfl", JOB.format(source=shop.source) + """
snapshot before = shop.orders where id <= 10 keep { id, was = note }
snapshot notes = shop.orders where id <= 10 keep { note } distinct
update last of shop.orders join one before as b on b.id == id else skip "others" { set country = b.was }
""")
    call(place, "run", "job.bfl")
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w").stdout
    line = next(line for line in said.splitlines() if "_before, which a job keeps" in line or '_before", which a job keeps' in line)
    expect("still holds it in 1 row" in line and "DELETE FROM" in line and "and not `id`" in said, said)
    shop.sql(line.split("`")[1])
    said = call(place, "audit", "redact", "shop.orders", "7", "--why", "w").stdout
    expect("still holds it" not in said and "holds no image of it" in said, said)
    sound(place)


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
    sound(place)


main([*on_both(what_else_holds_it_is_listed), *on_both(a_sensitive_key_is_not_shown), *on_both(a_row_is_erased), *on_both(nothing_is_left_of_it), *on_both(what_is_not_finished_is_left_alone)])
