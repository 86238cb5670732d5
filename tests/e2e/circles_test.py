#!/usr/bin/env python3
"""Rows that take over each other's values in a circle, under a unique key: one of them is in between meanwhile, each counts once, and all go or none."""
import json

from both_engines import call, on_both, sound, told
from harness import expect, main

JOB = """job job {{ why "Positions were mixed up." }}
source shop = {source}
update turn of shop.seats {{
  {set}
  {more}
}}
{behind}
"""
ROUND = 'set seat = case id { 1 => "B", 2 => "C", else => "A" }'
RIGHT = [("1", "B"), ("2", "C"), ("3", "A")]
WRONG = [("1", "A"), ("2", "B"), ("3", "C")]


def make(place, db, more="", setting=ROUND, behind=""):
    db.sql("CREATE TABLE seats (id INTEGER PRIMARY KEY, seat VARCHAR(20) NOT NULL UNIQUE, name VARCHAR(20))")
    db.sql("INSERT INTO seats VALUES (1, 'A', 'a'), (2, 'B', 'b'), (3, 'C', 'c')")
    place.write("job.bfl", JOB.format(source=db.source, set=setting, more=more, behind=behind))


def seats(db):
    return [(str(number), seat) for number, seat in db.sql("SELECT id, seat FROM seats ORDER BY id")]


def planned(place):
    return {step["step"]: step for step in told(place, "plan", "job.bfl")["steps"]}


def changed(place, *words, code=0):
    events = map(json.loads, call(place, "run", "job.bfl", "--json", *words, code=code).stdout.splitlines())
    ends = {event["step"]: event for event in events if event["kind"] == "step_finished"}
    return ends["turn"]["rows_changed"], ends["turn"].get("conflicts", 0)


def counted_once_by_all(place, db):
    make(place, db, "expect changed == 3")
    expect(planned(place)["turn"]["would_change"] == 3, "the plan")
    expect(changed(place) == (3, 0) and seats(db) == RIGHT, seats(db))
    expect(db.number(f"SELECT changed FROM {db.own('step')} WHERE name = 'turn'") == 3, "bfl_step")
    (step,) = told(place, "registry", "job.bfl")["targets"][0]["jobs"][0]["versions"][0]["steps"]
    expect(step["rows_changed"] == 3, step)
    expect(sound(place)["images"] == 4, "what was in between has its image")
    changes = [told(place, "audit", "row", "shop.seats", str(row), "job.bfl")["changes"] for row in (1, 2, 3)]
    expect(sum(map(len, changes)) == 4, changes)
    between = [change for row in changes for change in row if change.get("in_between")]
    expect(len(between) == 1, changes)
    (two,) = [row for row in changes if len(row) == 2]
    expect(two[0].get("in_between") and two[0]["columns"]["seat"]["after"] == two[1]["columns"]["seat"]["before"], two)
    expect("in between: changed once more" in call(place, "audit", "row", "shop.seats", str(1 + changes.index(two)), "job.bfl").stdout, "the text does not tell it")


def undone_and_done_again(place, db):
    make(place, db)
    changed(place)
    undone = told(place, "undo", "job.bfl", "--plan")
    expect(json.dumps(undone).count('"put_back": 3') == 1, undone)
    undone = call(place, "undo", "job.bfl").stdout
    expect("3 rows" in undone and seats(db) == WRONG, undone)
    sound(place)
    expect(db.number(f"SELECT changed FROM {db.own('step')} WHERE name = 'undo turn'") == 3, "bfl_step of the undo")
    expect(changed(place)[0] == 3 and seats(db) == RIGHT, seats(db))
    sound(place)


def once_again(place, db):
    """A `once` step knows each row as it was before the step, and not as it was in between."""
    make(place, db, "once")
    expect(planned(place)["turn"]["would_change"] == 3, "the plan")
    expect(changed(place) == (3, 0) and seats(db) == RIGHT, seats(db))
    db.sql("UPDATE seats SET seat = 'x' || seat")
    for row, seat in WRONG:
        db.sql(f"UPDATE seats SET seat = '{seat}' WHERE id = {row}")
    expect(changed(place, "--again", "turn") == (3, 0) and seats(db) == RIGHT, seats(db))


def kept_by_a_later_step(place, db):
    make(place, db, behind='verify all { assert count(turn.updated where seat in ["A", "B", "C"]) == 3 and count(turn.updated) == 3 }')
    expect(changed(place) == (3, 0), "the run")


def from_a_kept_plan(place, db):
    make(place, db, "expect changed == 3")
    call(place, "plan", "job.bfl", "-o", "job.plan")
    expect(changed(place, "--plan", "job.plan") == (3, 0) and seats(db) == RIGHT, seats(db))


def nobody_stays_in_between(place, db):
    """Somebody has changed one of the rows since the set was sealed: none of them goes, and each is listed with why."""
    make(place, db, setting=ROUND + '\n  set name = "moved"')
    text = (place.folder / "job.bfl").read_text()
    for row in (1, 2, 3):
        place.write("job.bfl", text.replace("job job", f"job job{row}"))
        call(place, "plan", "job.bfl", "-o", "job.plan")
        db.sql(f"UPDATE seats SET name = 'other' || id WHERE id = {row}")
        expect(changed(place, "--plan", "job.plan", code=3) == (0, 3) and seats(db) == WRONG, f"{row}: {seats(db)}")
        said = call(place, "log", "job.bfl").stdout
        expect("`name` was changed since the set was sealed" in said and said.count(f"it goes round in a circle with the row with key {row}, which stays as it is") == 2, said)
        sound(place)
    expect(changed(place, "--again", "turn") == (3, 0) and seats(db) == RIGHT, seats(db))


def nobody_stays_in_between_behind_an_undo(place, db):
    make(place, db)
    changed(place)
    db.sql("UPDATE seats SET seat = 'elsewhere' WHERE id = 2")
    (undone,) = told(place, "undo", "job.bfl", "--plan")
    expect((undone["put_back"], undone["conflicts"]) == (0, 3), undone)
    call(place, "undo", "job.bfl", code=3)
    expect([("1", "B"), ("2", "elsewhere"), ("3", "A")] == seats(db), seats(db))
    expect(db.number(f"SELECT conflicts FROM {db.own('step')} WHERE name = 'undo turn'") == 3, "each of them is in conflict, once")
    sound(place)


def some_keys_of_a_circle(place, db):
    make(place, db)
    changed(place)
    call(place, "undo", "job.bfl", "--step", "turn", "--keys", "1..2", code=3)
    expect(seats(db) == RIGHT, seats(db))


def keys_that_exchange(place, db):
    """The key itself goes round."""
    make(place, db, setting="set id = case id { 1 => 2, 2 => 3, else => 1 }", more="once")
    expect(planned(place)["turn"]["would_change"] == 3, "the plan")
    expect(changed(place)[0] == 3 and seats(db) == [("1", "C"), ("2", "A"), ("3", "B")], seats(db))
    sound(place)
    call(place, "undo", "job.bfl")
    expect(seats(db) == WRONG, seats(db))
    sound(place)
    # Somebody was quicker: under each key is another row than the step has left there.
    changed(place)
    for row in (1, 2, 3):
        db.sql(f"UPDATE seats SET id = id + 100 WHERE id = {row}")
    for row, seat in enumerate("ABC", 1):
        db.sql(f"UPDATE seats SET id = {row} WHERE seat = '{seat}'")
    expect(seats(db) == WRONG, seats(db))
    (undone,) = told(place, "undo", "job.bfl", "--plan")
    expect((undone["put_back"], undone["as_before"], undone["conflicts"]) == (0, 3, 0), undone)
    call(place, "undo", "job.bfl")
    expect(seats(db) == WRONG, seats(db))
    sound(place)


if __name__ == "__main__":
    main([one for test in (counted_once_by_all, undone_and_done_again, once_again, kept_by_a_later_step, from_a_kept_plan, nobody_stays_in_between, nobody_stays_in_between_behind_an_undo, some_keys_of_a_circle,
                           keys_that_exchange) for one in on_both(test)])
