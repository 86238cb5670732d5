#!/usr/bin/env python3
"""Rows that do not fit are set aside, each once and with its error; the others are done."""
import json
import sqlite3

from harness import expect, main

TABLE = """
CREATE TABLE t (id INTEGER PRIMARY KEY, raw TEXT, n INTEGER CHECK (n <> 666), note TEXT);
CREATE TABLE made (id INTEGER PRIMARY KEY, t_id INTEGER NOT NULL UNIQUE, n INTEGER CHECK (n <> 666));
CREATE TABLE refers (t_id INTEGER REFERENCES t (id));
"""
BAD = (17, 18, 500, 1000)
HEAD = 'job fix { why "Numbers were kept as texts." }\nsource db = sqlite("t.db")\n'
DIRECT = HEAD + "update fix of db.t { set n = to_int(raw) quarantine <= MOST CHUNK }\n"


def table(place, bad=BAD, broken="x", rows=1000):
    with sqlite3.connect(place.folder / "t.db") as db:
        db.executescript(TABLE)
        db.executemany("INSERT INTO t VALUES (?, ?, NULL, NULL)", [(i, broken if i in bad else str(i + 10_000)) for i in range(1, rows + 1)])
    db.close()


def right(place, bad=BAD, rows=1000):
    expect(place.sql("SELECT id FROM t WHERE n IS NULL", "t.db") == [(i,) for i in bad], place.sql("SELECT id FROM t WHERE n IS NULL LIMIT 10", "t.db"))
    expect(place.value("SELECT count(*) FROM t WHERE n = id + 10000", "t.db") == rows - len(bad), "every other row is right")


def listed(place, *more):
    return json.loads(place.call("quarantine", "list", "job.bfl", "--json", *more).stdout)


def write(place, text, most=10, chunk=""):
    place.write("job.bfl", text.replace("MOST", str(most)).replace("CHUNK", chunk))


def rows_that_do_not_convert_are_set_aside(place):
    table(place)
    write(place, DIRECT)
    plan = place.call("plan", "job.bfl").stdout
    expect("up to 10 rows that will not fit; one more stops the step" in plan and "would go into quarantine" in plan, plan)
    done = place.call("run", "job.bfl", code=3)
    right(place)
    expect("996 rows changed" in done.stdout and "4 rows in quarantine" in done.stdout and "the row with key 17 is put in quarantine" in done.stdout, done.stdout)
    expect("bfl quarantine list job.bfl" in done.stdout, done.stdout)
    rows = listed(place)
    expect([row["key"] for row in rows] == [str(i) for i in BAD] and all("x" in row["error"] and row["time"] and row["who"] and row["run"] for row in rows), rows)
    expect(place.sql("SELECT changed, quarantined, state FROM bfl_step WHERE name = 'fix'", "t.db") == [(996, 4, "done")], "the step counts them")
    place.call("audit", "verify", "job.bfl")
    journal = [json.loads(line) for line in place.call("log", "job.bfl", "--json").stdout.splitlines()]
    expect(sum(entry["kind"] == "row_quarantined" for entry in journal) == 4, "the log has each")
    # They wait there, and every run says so.
    again = place.call("run", "job.bfl", code=3)
    expect("4 rows in quarantine" in again.stdout, again.stdout)
    place.sql("UPDATE t SET raw = '10017' WHERE id = 17", "t.db")
    shown = place.call("quarantine", "show", "job.bfl", "17").stdout
    expect('raw = "10017"' in shown and "error" in shown, shown)
    tried = place.call("quarantine", "retry", "job.bfl", code=3)
    right(place, BAD[1:])
    expect("its rows in quarantine are tried again" in tried.stdout or "1 row changed" in tried.stdout, tried.stdout)
    expect([row["key"] for row in listed(place)] == ["18", "500", "1000"], "the mended one is gone")
    refused = place.call("quarantine", "resolve", "job.bfl", code=2)
    expect("--why" in refused.stderr, refused.stderr)
    expect("1 row settled" in place.call("quarantine", "resolve", "job.bfl", "18", "--why", "a test order").stdout, "one by its key")
    expect([row["key"] for row in listed(place, "--step", "fix")] == ["500", "1000"], "the others wait")
    place.call("quarantine", "resolve", "job.bfl", "--why", "test orders")
    expect(listed(place) == [], "nothing waits")
    expect("finished before" in place.call("run", "job.bfl").stdout or True, "and the run ends well")
    place.call("audit", "verify", "job.bfl")
    # An undo knows nothing of rows that were not changed.
    place.call("undo", "job.bfl")
    expect(place.value("SELECT count(*) FROM t WHERE n IS NOT NULL", "t.db") == 0, "all as before")
    expect("nothing is in quarantine" in place.call("quarantine", "list", "job.bfl").stdout, "of an undone step nothing waits")
    place.call("audit", "verify", "job.bfl")


def constraints_set_rows_aside(place):
    table(place, broken="666")
    write(place, DIRECT, chunk="chunk 7")
    place.call("run", "job.bfl", code=3)
    right(place)
    expect(all("CHECK" in row["error"] for row in listed(place)), listed(place))


def too_many_undo_the_run(place):
    job = DIRECT.replace("texts.\"", "texts.\" rollback when conflicts > 0 or quarantined > SHARE")
    table(place)
    write(place, job.replace("SHARE", "3"), chunk="chunk 100")
    # Those that an earlier run has set aside count with those of the run that goes on with it.
    place.call("run", "job.bfl", "--limit-chunks", "2", code=75)
    expect(place.value("SELECT count(*) FROM t WHERE n IS NOT NULL", "t.db") > 0, "the first run did nothing")
    for _ in range(2):
        done = place.call("run", "job.bfl", code=1)
        expect("BFL0526" in done.stderr and "4 rows are in quarantine, and 996 were changed" in done.stderr, done.stdout + done.stderr)
        expect(place.value("SELECT count(*) FROM t WHERE n IS NOT NULL", "t.db") == 0, "all of it is as before")
    place.call("audit", "verify", "job.bfl")
    write(place, job.replace("SHARE", "0.4%"), chunk="chunk 100")
    place.call("run", "job.bfl", code=3)  # four of a thousand are no more than that
    right(place)


def beyond_the_limit_the_step_stops(place):
    table(place)
    write(place, DIRECT, most=2)
    done = place.call("run", "job.bfl", code=1)
    expect("2 rows are in quarantine already, as many as `quarantine` allows" in done.stderr and "the row with id = 500" in done.stderr, done.stderr)
    expect(place.value("SELECT count(*) FROM t WHERE n IS NOT NULL", "t.db") == 497 and len(listed(place)) == 2, "what stands before it is done")
    done = place.call("run", "job.bfl", code=1)
    expect("the row with id = 500" in done.stderr and len(listed(place)) == 2, "the next run meets the same row")
    write(place, DIRECT, most=3)
    place.call("run", "job.bfl", code=1)
    expect(len(listed(place)) == 3, "one more is allowed")
    place.sql("UPDATE t SET raw = '11000' WHERE id = 1000", "t.db")
    place.call("run", "job.bfl", code=3)
    right(place, BAD[:3])
    place.call("audit", "verify", "job.bfl")


def rows_that_arrive_are_not_missed(place):
    """Beside rows in quarantine that still match: the look behind the walk is not theirs alone."""
    table(place, bad=(3, 4, 9), rows=10)
    write(place, DIRECT, chunk="chunk 2")
    place.call("run", "job.bfl", "--limit-chunks", "5", code=75)
    place.sql("INSERT INTO t VALUES (0, '10000', NULL, NULL), (-5, 'y', NULL, NULL)", "t.db")
    place.call("run", "job.bfl", code=3)
    expect(place.sql("SELECT id FROM t WHERE n IS NULL ORDER BY id", "t.db") == [(-5,), (3,), (4,), (9,)], place.sql("SELECT id, n FROM t", "t.db"))
    expect(sorted(row["key"] for row in listed(place)) == ["-5", "3", "4", "9"], listed(place))
    place.call("audit", "verify", "job.bfl")


def one_chunk_at_a_time_ends_as_well(place):
    table(place, rows=40, bad=(17, 18))
    write(place, DIRECT, chunk="chunk 8")
    for _ in range(80):
        done = place.call("run", "job.bfl", "--limit-chunks", "1", code=None)
        expect(done.returncode in (3, 75), done.stdout + done.stderr)
        if done.returncode == 3:
            break
    right(place, (17, 18), 40)
    expect(place.value("SELECT quarantined FROM bfl_step WHERE name = 'fix'", "t.db") == 2, "each once")


def sealed_steps_set_rows_aside(place):
    table(place)
    write(place, HEAD + "update fix of db.t { set n = to_int(raw) once quarantine <= MOST }\n")
    place.call("run", "job.bfl", code=3)
    right(place)
    place.sql("UPDATE t SET raw = id + 10000", "t.db")
    place.call("quarantine", "retry", "job.bfl")
    right(place, ())
    place.call("audit", "verify", "job.bfl")


def inserts_and_upserts_set_rows_aside(place):
    table(place, broken="666")
    write(place, HEAD + "insert add into db.made from db.t { set t_id = id set n = to_int(raw) key t_id quarantine <= MOST }\n")
    place.call("run", "job.bfl", code=3)
    expect(place.value("SELECT count(*) FROM made", "t.db") == 996 and [row["key"] for row in listed(place)] == [str(i) for i in BAD], listed(place))
    place.sql("UPDATE made SET n = 1", "t.db")
    write(place, HEAD.replace("job fix", "job put") + "upsert put into db.made from db.t { set t_id = id set n = to_int(raw) key t_id quarantine <= MOST }\n")
    place.call("run", "job.bfl", code=3)
    expect(place.value("SELECT count(*) FROM made WHERE n = t_id + 10000", "t.db") == 996 and len(listed(place)) == 4, listed(place))
    place.call("audit", "verify", "job.bfl")


def what_cannot_be_sealed_is_said(place):
    table(place)
    write(place, HEAD + "insert add into db.made from db.t { set t_id = id set n = to_int(raw) key t_id quarantine <= MOST }\n")
    done = place.call("run", "job.bfl", code=1)
    expect("computed at once before the first is changed" in done.stderr and place.value("SELECT count(*) FROM made", "t.db") == 0, done.stderr)


def a_ledger_of_before_is_brought_up(place):
    table(place)
    write(place, DIRECT)
    place.call("run", "job.bfl", code=3)
    place.sql("ALTER TABLE bfl_step DROP COLUMN quarantined", "t.db")
    place.sql("UPDATE bfl_meta SET format = 3", "t.db")
    place.call("plan", "job.bfl")
    expect("bfl_meta: format" in place.call("audit", "verify", "job.bfl", code=4).stdout, "the older format is named")
    place.call("run", "job.bfl")
    expect(place.value("SELECT format FROM bfl_meta", "t.db") == 4, "the run brings it up")


if __name__ == "__main__":
    main([rows_that_do_not_convert_are_set_aside, constraints_set_rows_aside, too_many_undo_the_run, beyond_the_limit_the_step_stops, rows_that_arrive_are_not_missed,
          one_chunk_at_a_time_ends_as_well, sealed_steps_set_rows_aside, inserts_and_upserts_set_rows_aside, what_cannot_be_sealed_is_said,
          a_ledger_of_before_is_brought_up])
