#!/usr/bin/env python3
"""A step changes some of its rows, then somebody looks, then more of them: by key and by hash, on both routes."""
import json
import time

from harness import expect, main

JOB = """
job fill {
  why "Each order gets its note."
  SAYS
}
source shop = sqlite("shop.db")
update note of shop.orders where NOTE {
  set note = VALUE
  MORE
  rollout HOW {
    1% then verify sound then wait for approval
    10% then assert count(shop.orders where note == "bad") == 0 "somebody wrote something bad" then wait 300ms
    100%
  }
}
verify sound { assert count(shop.orders where note != null and total < 0) == 0 }
"""
ROUTES = {
    "direct": {"NOTE": "note == null", "VALUE": '"seen"', "MORE": "", "HOW": ""},
    "sealed": {"NOTE": "note == null", "VALUE": '"seen"', "MORE": "once", "HOW": ""},
    "by hash": {"NOTE": "note == null", "VALUE": '"seen"', "MORE": "", "HOW": "by hash"},
}


def fresh(place, route="direct", says="", rows=1000, **other):
    (place.folder / ".bfl/state.db").unlink(missing_ok=True)
    place.shop(rows)
    place.sql("UPDATE orders SET note = NULL")
    text = JOB.replace("SAYS", says)
    for name, value in {**ROUTES[route], **other}.items():
        text = text.replace(name, value)
    place.write("fill.bfl", text)


def seen(place):
    return [row[0] for row in place.sql("SELECT id FROM orders WHERE note = 'seen' ORDER BY id")]


def events(place, kind):
    return [entry["reason"] for entry in place.journal("fill.bfl", kind)]


def some(route, count, by_hash=False):
    """About so many of 1,000."""
    return count // 3 <= route <= count * 3 if by_hash else route == count


def stages_come_one_after_the_other(place):
    for route in ROUTES:
        by_hash = route == "by hash"
        fresh(place, route)
        plan = place.call("plan", "fill.bfl").stdout
        expect("1% then verify sound then wait for approval; 10% then" in plan, plan)
        expect(len(json.loads(place.call("plan", "fill.bfl", "--json").stdout)["steps"][0]["rollout"]["stages"]) == 3, "the plan has the stages")
        stopped = place.call("run", "fill.bfl", code=75)
        expect("BFL0542" in stopped.stderr and "stage 1 of 3 (1%) waits for approval" in stopped.stderr and "bfl approve" in stopped.stderr, stopped.stderr)
        first = seen(place)
        expect(some(len(first), 10, by_hash), f"{route}: {len(first)} rows in the first stage")
        expect(by_hash or first == list(range(1, 11)), f"{route}: {first}")
        place.call("run", "fill.bfl", code=75)
        expect(seen(place) == first, f"{route}: a second run changes nothing before it is approved")
        run = json.loads(place.call("status", "fill.bfl", "--json").stdout)[0]["run"]
        shown = place.call("status", run, "--state", ".bfl/state.db").stdout
        expect("paused" in shown and "stage 1 of 3 (1%)" in shown, shown)
        waits = json.loads(place.call("status", "fill.bfl", "--json").stdout)
        expect(waits[0]["waits"]["step"] == "note" and "waits for approval" in waits[0]["waits"]["why"] and "waits" not in waits[-1], waits)
        listed = place.call("status", "fill.bfl").stdout
        expect("`note`: stage 1 of 3 (1%) waits for approval; `bfl approve " in listed and "--step note`" in listed, listed)
        approved = place.call("approve", "fill.bfl", "--step", "note", "--why", "looked at all of them").stdout
        expect("stage 1 of `note`" in approved and "approved" in approved, approved)
        place.call("approve", "fill.bfl", code=2)
        expect("waits for approval" not in place.call("status", "fill.bfl").stdout, "it was approved")
        expect("stage_approved" in place.call("log", run, "--state", ".bfl/state.db").stdout, "the diary has it")
        began = time.monotonic()
        place.call("run", "fill.bfl")
        expect(time.monotonic() - began >= 0.3, "the second stage waits")
        expect(len(seen(place)) == 1000, f"{route}: {len(seen(place))} rows at the end")
        expect(events(place, "stage_begun")[-2:] == ["stage 2 of 3 (10%)", "stage 3 of 3 (100%)"], events(place, "stage_begun"))
        expect(len(events(place, "stage_done")) == 3, events(place, "stage_done"))
        place.call("audit", "verify", "fill.bfl")
        entries = [json.loads(row[0]) for row in place.sql("SELECT entry FROM bfl_ledger ORDER BY id")]
        kinds = [entry["kind"] for entry in entries if "stage" in entry]
        expect(kinds == ["open", "stage_passed", "stage_approved", "stage", "stage_passed", "stage", "stage_passed"], kinds)
        approval = next(entry for entry in entries if entry["kind"] == "stage_approved")
        expect(approval["why"] == "looked at all of them" and approval["who"], approval)
        place.call("run", "fill.bfl")
        place.call("undo", "fill.bfl")
        expect(seen(place) == [], f"{route}: all of it is put back")


def the_same_rows_whatever_the_chunk(place):
    chosen = []
    for more in ("", "chunk 7"):
        fresh(place, "by hash", MORE=more)
        place.call("run", "fill.bfl", code=75)
        chosen.append(seen(place))
    expect(chosen[0] == chosen[1] and chosen[0] != list(range(1, len(chosen[0]) + 1)), chosen)


def a_guard_that_does_not_hold_stops(place):
    for route in ROUTES:
        fresh(place, route)
        place.sql("UPDATE orders SET total = -1")
        failed = place.call("run", "fill.bfl", code=1)
        expect("BFL0541" in failed.stderr and "stage 1 of 3 (1%), `sound`" in failed.stderr, failed.stderr)
        first = seen(place)
        expect(0 < len(first) < 50, f"{route}: {len(first)} rows are changed")
        place.call("run", "fill.bfl", code=1)
        expect(seen(place) == first, "nor does the next run go on")
        place.sql("UPDATE orders SET total = 1")
        place.call("run", "fill.bfl", code=75)


def a_stage_that_fails_is_put_back_where_the_job_says_so(place):
    for route in ROUTES:
        fresh(place, route, says="rollback when verify_failed")
        place.call("run", "fill.bfl", code=75)
        place.call("approve", "fill.bfl")
        place.sql("UPDATE orders SET note = 'bad' WHERE id = 1000")
        failed = place.call("run", "fill.bfl", code=1)
        expect("somebody wrote something bad" in failed.stderr and "BFL0526" in failed.stderr and "a stage of `note` does not hold" in failed.stderr, failed.stderr)
        expect(seen(place) == [], f"{route}: {len(seen(place))} rows are left")
        place.call("audit", "verify", "fill.bfl")
        place.sql("UPDATE orders SET note = NULL WHERE note = 'bad'")
        place.call("run", "fill.bfl", code=75)
        expect(0 < len(seen(place)) < 50, "the first stage comes again")


def only_what_failed_is_put_back(place):
    """Not what an earlier application of the step has changed, and finished."""
    place.shop(200)
    place.sql("UPDATE orders SET note = NULL")
    place.write("fill.bfl", """
job fill { why "Each order gets its note." rollback when verify_failed }
param most: int
source shop = sqlite("shop.db")
update note of shop.orders where note == null and id <= most {
  set note = "seen"
  rollout {
    10% then verify sound
    100%
  }
}
verify sound { assert count(shop.orders where note != null and total < 0) == 0 }
""")
    place.call("run", "fill.bfl", "--set", "most=100")
    place.sql("UPDATE orders SET total = -1 WHERE id > 100")
    place.call("run", "fill.bfl", "--set", "most=200", code=1)
    expect(seen(place) == list(range(1, 101)), f"{len(seen(place))} rows stay")


def an_edit_passes_no_stage_by(place):
    fresh(place)
    place.call("run", "fill.bfl", code=75)
    first = seen(place)
    place.write("fill.bfl", (place.folder / "fill.bfl").read_text().replace("    1% then", "    0.5% then verify sound\n    1% then"))
    place.call("run", "fill.bfl", code=75)
    expect(seen(place) == first, "the stage still waits for approval")
    place.call("approve", "fill.bfl")
    place.call("run", "fill.bfl")
    expect(len(seen(place)) == 1000, len(seen(place)))


def what_comes_meanwhile_is_of_the_last_stage(place):
    fresh(place, rows=200)
    place.call("run", "fill.bfl", code=75)
    expect(seen(place) == [1, 2], seen(place))
    place.sql("UPDATE orders SET note = NULL WHERE id = 1")
    place.call("approve", "fill.bfl")
    place.call("run", "fill.bfl")
    expect(len(seen(place)) == 200, "rows that match again are not missed")


def a_rollout_that_is_taken_out_of_the_text(place):
    for route in ("direct", "sealed"):
        fresh(place, route, rows=200)
        place.call("run", "fill.bfl", code=75)
        text = (place.folder / "fill.bfl").read_text()
        start = text.index("  rollout")
        place.write("fill.bfl", text[:start] + text[text.index("  }\n", start) + 4:])
        place.call("run", "fill.bfl")
        expect(len(seen(place)) == 200, f"{route}: {len(seen(place))} rows")
        place.call("audit", "verify", "fill.bfl")


def rows_of_an_insert(place):
    place.shop(100)
    place.sql("CREATE TABLE copies (order_id INTEGER PRIMARY KEY, total NUMERIC(12,2))")
    place.write("fill.bfl", """
job fill { why "Copies." }
source shop = sqlite("shop.db")
insert copy into shop.copies from shop.orders {
  set order_id = id
  set total = total
  key order_id
  rollout {
    5% then wait for approval
    100%
  }
}
""")
    place.call("run", "fill.bfl", code=75)
    expect(place.value("SELECT count(*) FROM copies") == 5, place.value("SELECT count(*) FROM copies"))
    place.call("approve", "fill.bfl")
    place.call("run", "fill.bfl")
    expect(place.value("SELECT count(*) FROM copies") == 100, place.value("SELECT count(*) FROM copies"))


def no_job_waits(place):
    fresh(place, rows=20)
    refused = place.call("approve", "fill.bfl", code=2)
    expect("no stage of the job waits for approval" in refused.stderr, refused.stderr)


if __name__ == "__main__":
    main([stages_come_one_after_the_other, the_same_rows_whatever_the_chunk, a_guard_that_does_not_hold_stops, a_stage_that_fails_is_put_back_where_the_job_says_so,
          only_what_failed_is_put_back, an_edit_passes_no_stage_by, what_comes_meanwhile_is_of_the_last_stage, a_rollout_that_is_taken_out_of_the_text, rows_of_an_insert, no_job_waits])
