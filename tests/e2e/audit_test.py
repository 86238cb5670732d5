#!/usr/bin/env python3
"""The ledger as evidence: `bfl audit verify` through the binary, on a ledger as a run leaves it, killed runs included."""
import json
import signal
import time

from harness import expect, main

BUMP = """
job bump { why "Each row one higher, once." }
source shop = sqlite("shop.db")
update bump of shop.orders { set line_count = line_count + 1 once chunk 100 }
"""


def sound(place, *words):
    found = json.loads(place.call("audit", "verify", *words, "--json").stdout)
    expect(found["ok"] and not any(t["damages"] for t in found["targets"]), f"{found}")
    return found


def what_a_run_leaves_is_sound(place):
    place.shop()
    place.example("fix_order_totals.bfl")
    expect("no ledger" in place.call("audit", "verify", "fix_order_totals.bfl").stdout, "without a ledger")
    place.call("run", "fix_order_totals.bfl")
    target = sound(place, "fix_order_totals.bfl")["targets"][0]
    expect(target["images"] == place.value("SELECT sum(changed) FROM bfl_step") > 0, f"{target}")
    expect(sound(place, "sqlite:shop.db")["targets"][0]["jobs"] == target["jobs"], "by its address")
    text = place.call("audit", "verify", "fix_order_totals.bfl").stdout
    expect("everything holds" in text and target["jobs"][0]["root"] in text, text)


def killed_and_resumed_is_sound(place):
    place.shop(20000)
    place.write("job.bfl", BUMP)
    for _ in range(4):
        process = place.start("run", "job.bfl")
        limit = time.monotonic() + 0.15
        while time.monotonic() < limit and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        sound(place, "job.bfl")
    place.call("run", "job.bfl")
    expect(sound(place, "job.bfl")["targets"][0]["images"] == 20000, "not every row has its image")


SWAPPED = """CREATE TABLE two AS SELECT id FROM bfl_ledger WHERE json_extract(entry, '$.{at} LIMIT 1;UPDATE bfl_ledger SET id = -1 WHERE id = (SELECT id FROM two);
UPDATE bfl_ledger SET id = id - {by} WHERE id = (SELECT id + {by} FROM two);UPDATE bfl_ledger SET id = (SELECT id + {by} FROM two) WHERE id = -1;DROP TABLE two"""


def an_altered_ledger_is_named(place):
    place.shop()
    place.example("fix_order_totals.bfl")
    place.call("run", "fix_order_totals.bfl")
    for statement, said in [
        ("UPDATE bfl_ledger SET entry = replace(entry, '\"who\":\"', '\"who\":\"x') WHERE seq = 1", "seq 1: entry or hash"),
        ("DELETE FROM bfl_ledger WHERE pack IS NOT NULL", "bfl_lane, step"),
        ("UPDATE bfl_step SET changed = changed + 1 WHERE name = 'fix_totals'", "changed: it holds"),
        ("UPDATE bfl_meta SET identity = 'another'", "bfl_meta: identity"),
        ("INSERT INTO bfl_lane SELECT 99, lane, epoch, seq, cursor, upto, opening FROM bfl_lane LIMIT 1", "bfl_lane: it holds"),
        # The numbers of two entries change places: of an opening and its first chunk, and of the last chunk and the closing behind it.
        (SWAPPED.format(at="kind') = 'open'", by=1), "its number is lower than that of an entry before it"),
        (SWAPPED.format(at="kind') = 'close'", by=-1), "its number is higher than that of the entry which closes the step"),
        ("DROP TABLE bfl_lane", "bfl_lane: the table is missing"),
    ]:
        place.sql(f"VACUUM INTO '{place.folder / 'kept.db'}'")
        for one in statement.split(";"):
            place.sql(one)
        done = place.call("audit", "verify", "fix_order_totals.bfl", code=4)
        expect(said in done.stdout, f"{statement}\n{done.stdout}")
        (place.folder / "kept.db").replace(place.folder / "shop.db")
        for left in ("shop.db-wal", "shop.db-shm"):
            (place.folder / left).unlink(missing_ok=True)
    sound(place, "fix_order_totals.bfl")
    state = place.folder / ".bfl/state.db"
    place.sql("UPDATE journal SET rows_changed = 0 WHERE kind = 'chunk_committed'", state)
    expect("journal, seq" in place.call("audit", "verify", "fix_order_totals.bfl", code=4).stdout, "the diary was altered")
    place.sql("DELETE FROM run", state)
    expect("the row is missing, and the diary tells of its beginning" in place.call("audit", "verify", "fix_order_totals.bfl", code=4).stdout, "a run was taken out of the diary")


def an_older_copy_is_known_to_the_diary(place):
    place.shop()
    place.write("job.bfl", BUMP)
    place.call("run", "job.bfl", "--limit-chunks", "1", code=75)
    place.sql(f"VACUUM INTO '{place.folder / 'older.db'}'")
    place.call("run", "job.bfl", "--limit-chunks", "1", code=75)
    (place.folder / "older.db").replace(place.folder / "shop.db")
    for left in ("shop.db-wal", "shop.db-shm"):
        (place.folder / left).unlink(missing_ok=True)
    found = place.call("audit", "verify", "job.bfl", code=4).stdout
    expect("is older than the local state: it shows 1 chunks of `bump`, and 2 were seen" in found, found)
    (place.folder / ".bfl/state.db").unlink()
    sound(place, "job.bfl")


HISTORY = """
job history { why "A row with a past." ticket "OPS-7" }
source shop = sqlite("shop.db")
update first of shop.orders where mod(id, 3) == 0 chunk 50 { set line_count = 100 }
update second of shop.orders where mod(id, 2) == 0 { set line_count = line_count + 1 once }
delete gone of shop.lines where order_id == 6
"""


def the_history_of_a_row(place):
    place.shop()
    before = dict(place.sql("SELECT id, line_count FROM orders"))
    lines = place.sql("SELECT position FROM lines WHERE order_id = 6")
    place.write("job.bfl", HISTORY)
    place.call("run", "job.bfl")

    def history(table, key, *more):
        return json.loads(place.call("audit", "row", f"shop.{table}", str(key), *more, "--json").stdout)["changes"]

    for key in range(1, 31):
        found = [(c["step"], c["columns"]["line_count"]["before"], c["columns"]["line_count"]["after"]) for c in history("orders", key)]
        value, expected = before[key], []
        if key % 3 == 0:
            expected.append(("first", str(value), "100"))
            value = 100
        if key % 2 == 0:
            expected.append(("second", str(value), str(value + 1)))
        expect(found == expected, f"row {key}: {found}, expected {expected}")
    one = history("orders", 6)[0]
    expect(one["why"] == "A row with a past." and one["ticket"] == "OPS-7" and one["kind"] == "changed" and one["run"], f"{one}")
    expect(history("orders", 6, "job.bfl") == history("orders", 6) == history("orders", 6, "--source", "shop=sqlite:shop.db"), "by another way to the source")
    for (position,) in lines:
        (gone,) = history("lines", f"6,{position}")
        expect(gone["kind"] == "deleted" and gone["columns"]["order_id"] == {"before": "6"} and len(gone["columns"]) == 4, f"{gone}")
    sound(place, "job.bfl")
    expect("never changed" in place.call("audit", "row", "shop.orders", "1").stdout, "a row without a past")
    for words, said in [(["shop.orders"], "names no row"), (["shop.none", "1"], "no table"), (["none.orders", "1"], "no source `none`"), (["shop.orders", "x"], "expected an int")]:
        expect(said in place.call("audit", "row", *words, code=2).stderr, f"{words}")
    place.sql("UPDATE bfl_ledger SET pack = zeroblob(length(pack)) WHERE pack IS NOT NULL")
    expect("does not hold" in place.call("audit", "row", "shop.orders", "6", code=4).stderr, "an altered pack was believed")


SEATS = """
job seats { why "Everybody is greeted." }
source shop = sqlite("shop.db")
update greet of shop.seats { set note = "hello" }
"""


def a_key_of_several_columns_is_named_whole(place):
    """Two rows whose keys, written one after the other without quotes, would look alike."""
    place.sql("CREATE TABLE seats (name TEXT NOT NULL, place TEXT NOT NULL, note TEXT, PRIMARY KEY (name, place))")
    place.sql("INSERT INTO seats VALUES ('Doe, John', 'x', 'first'), ('Doe', 'John, x', 'second'), ('say \"hi\"', '', 'third')")
    place.write("job.bfl", SEATS)
    place.call("run", "job.bfl")

    def before(key):
        return [change["columns"]["note"].get("before") for change in json.loads(place.call("audit", "row", "shop.seats", key, "job.bfl", "--json").stdout)["changes"]]

    for key, was in [('"Doe, John",x', "first"), ('"Doe, John", x', "first"), ('Doe,"John, x"', "second"), ('"say ""hi""",', "third")]:
        expect(before(key) == [f'"{was}"'], f"{key}: {before(key)}")
    for key, said in [("Doe, John,x", "has 2 columns, and 3 values are given"), ("Doe", "and one value is given"), ('"Doe, John,x', "a double quote is not closed"), ('"Doe" John,x', "no comma follows")]:
        refused = place.call("audit", "redact", "shop.seats", key, "--why", "asked for", code=2).stderr
        expect(said in refused and "goes in double quotes" in refused, refused)
    place.call("audit", "redact", "shop.seats", '"Doe, John",x', "--why", "asked for")
    left = [before(key) for key in ('"Doe, John",x', 'Doe,"John, x"')]
    expect(left[1] == ['"second"'] and left[0] != ['"first"'], f"another row was erased: {left}")
    place.sql("UPDATE seats SET note = 'mine'")
    undone = place.call("undo", "job.bfl", code=3)
    said = undone.stdout + undone.stderr
    expect('"Doe, John", x' in said and 'Doe, "John, x"' in said, said)


def what_cannot_be_read_is_said(place):
    place.shop()
    for words, code, said in [(["verify"], 2, "needs verify"), (["prove", "x.bfl"], 2, "none of"), (["verify", "none.bfl"], 5, "cannot be read"),
                              (["verify", "sqlite:none.db"], 5, "none.db")]:
        done = place.call("audit", *words, code=code)
        expect(said in done.stderr, f"{words}: {done.stderr}")


main([what_a_run_leaves_is_sound, killed_and_resumed_is_sound, an_altered_ledger_is_named, an_older_copy_is_known_to_the_diary, the_history_of_a_row, a_key_of_several_columns_is_named_whole, what_cannot_be_read_is_said])
