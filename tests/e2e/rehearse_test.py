#!/usr/bin/env python3
"""Rehearsals on SQLite: on a copy, with kill, resume, second run and undo; the database itself is only read."""
import rehearsed
from harness import expect, main

SOURCE = 'sqlite("shop.db")'


def figures(place):
    return lambda: [place.sql(f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("orders", "lines", "products", "customers")] + place.sql("SELECT name FROM sqlite_master ORDER BY 1")


def a_job_passes(place):
    place.shop(400)
    rehearsed.passes(place, {}, SOURCE, figures(place))
    # What is finished there is finished in the copy.
    place.call("run", "job.bfl")
    told = place.call("rehearse", "job.bfl").stdout
    expect("0 rows changed" in told and "there was nothing to cut short" in told, told)


def a_job_that_was_begun(place):
    place.shop(400)
    rehearsed.begun_before(place, {}, SOURCE, figures(place))


def a_job_fails(place):
    place.shop(400)
    rehearsed.fails(place, {}, SOURCE, figures(place))


def nothing_is_left_behind(place):
    place.shop(400)
    place.write("job.bfl", rehearsed.JOB.format(source=SOURCE))
    rehearsed.stopped(place, {}, SOURCE)


def triggers_are_there_and_mistakes_are_told(place):
    place.shop(50)
    place.sql("CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER)")
    place.sql("CREATE TRIGGER t AFTER UPDATE OF note ON orders BEGIN INSERT INTO log (n) VALUES (NEW.id); END")
    place.write("job.bfl", f'job t {{ why "t" }}\nsource shop = {SOURCE}\nupdate u of shop.orders {{ set note = "x" }}\n')
    told = place.call("rehearse", "job.bfl", code=None)
    expect(told.returncode in (1, 2) and "trigger" in told.stdout + told.stderr, f"{told.returncode}\n{told.stdout}{told.stderr}")
    place.write("wrong.bfl", f'job t {{ why "t" }}\nsource shop = {SOURCE}\nupdate u of shop.orders {{ set nott = "x" }}\n')
    expect("note" in place.call("rehearse", "wrong.bfl", code=2).stderr, "a mistake is told as ever")


if __name__ == "__main__":
    main([a_job_passes, a_job_that_was_begun, a_job_fails, nothing_is_left_behind, triggers_are_there_and_mistakes_are_told])
