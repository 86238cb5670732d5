#!/usr/bin/env python3
"""A run on a busy database: what is tried again, when that is given up, and what is said of it."""
import json
import signal
import sqlite3
import time

from harness import expect, main, wait_for

SLOW = """
job slow { why "Each row gets its mark." retry transient 1 times backoff 10ms..20ms }
source shop = sqlite("shop.db")
update mark of shop.orders where note == null chunk 1 { set note = "seen" }
"""


def a_lock_that_does_not_go_pauses_the_run(place):
    place.shop(3000)
    place.sql("UPDATE orders SET note = NULL")
    place.write("slow.bfl", SLOW)
    run = place.start("run", "slow.bfl")
    wait_for(lambda: place.sql("SELECT 1 FROM sqlite_schema WHERE name = 'bfl_ledger'") and place.value("SELECT count(*) FROM orders WHERE note = 'seen'") > 2, "the first chunks")
    with sqlite3.connect(place.folder / "shop.db", timeout=60, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        out, err = run.communicate(timeout=120)
        expect(run.returncode == 75, f"exit {run.returncode}, expected 75\n{out}{err}")
        expect("step `mark` is paused: the database is locked by another process; tried 2 times" in err, err)
        expect("paused: the database is locked" in out and "to go on: bfl run slow.bfl" in out, out)
        other.execute("ROLLBACK")
    other.close()
    last = json.loads(place.call("status", "slow.bfl", "--json").stdout)[0]
    step = json.loads(place.call("status", last["run"], "--json").stdout)["steps"][0]
    expect(step["state"] == "paused" and "tried 2 times" in step["why"], step)
    expect("paused" in place.call("status", last["run"]).stdout, "the status names the pause")
    place.call("run", "slow.bfl")
    expect(place.value("SELECT count(*) FROM orders WHERE note = 'seen'") == 3000, "the next run goes on")


def the_policy_is_in_no_memo_key(place):
    place.shop(100)
    job = 'job fix { why "w" RETRY }\nsource shop = sqlite("shop.db")\nupdate fix of shop.orders where note != "x" { set note = "x" }\n'
    place.write("fix.bfl", job.replace("RETRY", ""))
    place.call("run", "fix.bfl")
    place.write("fix.bfl", job.replace("RETRY", "retry transient 0 times").replace("x\" }", "x\" retry transient 3 times backoff 1s..1m }"))
    done = place.call("run", "fix.bfl")
    expect("nothing to do" in done.stdout, done.stdout)


def errors_of_the_engines_are_explained(place):
    for code, words in {"40P01": ("40: transient", "deadlock", "tried again"), "23505": ("23505: data", "unique", "exit code 1"), "SQLITE_BUSY": ("SQLITE_BUSY: transient", "locked", "tried again")}.items():
        shown = place.call("explain", code).stdout
        expect(all(word in shown for word in words), f"{code}: {shown}")
    rows = json.loads(place.call("explain", "postgres", "--json").stdout)
    expect(len(rows) > 50 and all(row["why"] and row["then"] and row["class"] for row in rows), "each row says why")
    codes = [row["code"] for row in rows]
    expect(len(codes) == len(set(codes)), "each code once")
    expect(all(not any(later.startswith(code) for later in codes[i + 1:]) for i, code in enumerate(codes)), "codes stand before their classes")


PACED = """
job paced { why "Each row gets its mark." PACE }
source shop = sqlite("shop.db")
update mark of shop.orders where note == null { set note = "seen" }
"""


def fresh(place, rows=1000):
    place.shop(rows)
    place.sql("UPDATE orders SET note = NULL")


def marked(place):
    return place.value("SELECT count(*) FROM orders WHERE note = 'seen'")


def journal(place, job, kind):
    return place.journal(job, kind)


def a_run_is_controlled_from_another_terminal(place):
    fresh(place)
    place.write("paced.bfl", PACED.replace("PACE", "pace { rows <= 50/s }"))
    refused = place.call("pause", "paced.bfl", code=4)
    expect("no run has ever begun" in refused.stderr, refused.stderr)
    run = place.start("run", "paced.bfl")
    wait_for(lambda: marked(place) > 0, "the first chunk")
    id = json.loads(place.call("status", "paced.bfl", "--json").stdout)[0]["run"]
    place.call("pause", id, "--state", ".bfl/state.db", "--why", "month end")
    wait_for(lambda: journal(place, "paced.bfl", "held_back"), "the pause")
    before = marked(place)
    time.sleep(1.5)
    expect(marked(place) == before < 1000 and run.poll() is None, "a paused run changes nothing and lives")
    expect("held back" in place.call("status", id, "--state", ".bfl/state.db").stdout and "month end" in place.call("status", id, "--state", ".bfl/state.db").stdout, "the status says why")
    listed = json.loads(place.call("status", "paced.bfl", "--json").stdout)[0]
    expect(listed["state"] == "paused" and "month end" in listed["waits"]["why"] and listed["waits"]["command"].startswith("bfl resume "), listed)
    expect("paused" in place.call("status", "paced.bfl").stdout, "the list says so")
    place.call("resume", "paced.bfl")
    wait_for(lambda: marked(place) > before, "the next chunk")
    expect(json.loads(place.call("status", "paced.bfl", "--json").stdout)[0]["state"] == "running", "it goes on")
    place.call("cancel", "paced.bfl")
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 75 and "cancelled by" in err, f"exit {run.returncode}\n{out}{err}")
    expect("nobody runs" in place.call("cancel", "paced.bfl").stdout, "there is nothing to cancel")
    place.call("halt", "paced.bfl", "--why", "never mind")
    halted = place.call("run", "paced.bfl", code=75)
    expect("never mind" in halted.stderr and "0 rows changed" in halted.stdout, halted.stderr + halted.stdout)
    place.call("resume", "paced.bfl")
    place.write("paced.bfl", PACED.replace("PACE", ""))
    place.call("run", "paced.bfl")
    expect(marked(place) == 1000, "the next run goes on, whatever the pace says now")
    orders = place.sql("SELECT kind, who <> '', lifted_by <> '' FROM bfl_control ORDER BY id")
    expect(orders == [("pause", 1, 1), ("cancel", 1, 1), ("halt", 1, 1)], orders)
    place.call("audit", "verify", "paced.bfl")
    heard = [json.loads(row[0]) for row in place.sql("SELECT entry FROM bfl_ledger ORDER BY id") if '"kind":"order"' in row[0]]
    expect([entry["order"] for entry in heard] == ["pause", "pause", "cancel", "halt"] and all(entry["given_by"] and entry["given"] for entry in heard), heard)
    expect(heard[0]["reason"] == "month end" and heard[1]["taken_back_by"] and "taken_back" not in heard[0], heard[:2])


def the_pace_is_set_from_another_terminal(place):
    fresh(place, 3000)
    place.write("paced.bfl", PACED.replace("PACE", "pace { rows <= 50/s }"))
    run = place.start("run", "paced.bfl")
    wait_for(lambda: marked(place) > 0, "the first chunk")
    for wrong in (("speed", "5/s"), ("pace", "fast"), ("pace", "0/s"), ("pace", "5/d")):
        expect("bfl set paced.bfl pace 500/s" in place.call("set", "paced.bfl", *wrong, code=2).stderr, wrong)
    began = time.monotonic()
    place.call("set", "paced.bfl", "pace", "none", "--why", "the night has begun")
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 0 and marked(place) == 3000 and time.monotonic() - began < 20, f"exit {run.returncode}\n{out}{err}")
    told = [entry for entry in journal(place, "paced.bfl", "goes_on") if "its pace set by" in entry["reason"]]
    expect(len(told) == 1 and told[0]["reason"].endswith(": none: the night has begun"), told)
    entries = [json.loads(row[0]) for row in place.sql("SELECT entry FROM bfl_ledger ORDER BY id") if '"order":"pace"' in row[0]]
    expect(len(entries) == 1 and entries[0]["given_by"] and entries[0]["reason"] == "none: the night has begun", entries)
    # It holds for runs to come, slower than the job says as well as faster.
    place.call("set", "paced.bfl", "pace", "200/s")
    place.write("paced.bfl", PACED.replace("PACE", ""))
    place.sql("UPDATE orders SET note = NULL WHERE id <= 600")
    began = time.monotonic()
    place.call("run", "paced.bfl", "--again", "mark")
    expect(time.monotonic() - began >= 2, f"{time.monotonic() - began:.2f} s")
    expect("goes as fast as it says" in place.call("set", "paced.bfl", "pace", "default").stdout, "it is taken back")
    place.sql("UPDATE orders SET note = NULL WHERE id <= 600")
    began = time.monotonic()
    place.call("run", "paced.bfl", "--again", "mark")
    expect(time.monotonic() - began < 2, f"{time.monotonic() - began:.2f} s")
    place.call("audit", "verify", "paced.bfl")


def a_file_halts_every_run_here(place):
    fresh(place)
    place.write("paced.bfl", PACED.replace("PACE", ""))
    (place.folder / ".bfl").mkdir()
    (place.folder / ".bfl/halt").write_text("the disk is replaced\n")
    done = place.call("run", "paced.bfl", code=75)
    expect("the disk is replaced" in done.stderr and marked(place) == 0, done.stderr)
    (place.folder / ".bfl/halt").unlink()
    done = place.call("run", "paced.bfl", code=75, env={"BFL_HALT": "1"})
    expect("BFL_HALT" in done.stderr and marked(place) == 0, done.stderr)
    (place.folder / ".bfl/halt.another").write_text("not this one")
    (place.folder / ".bfl/halt.paced").write_text("only this job\n")
    done = place.call("run", "paced.bfl", code=75)
    expect("only this job" in done.stderr and marked(place) == 0, done.stderr)
    (place.folder / ".bfl/halt.paced").unlink()
    (place.folder / "stop").write_text("all of this host")
    done = place.call("run", "paced.bfl", code=75, env={"BFL_HALT_FILE": str(place.folder / "stop")})
    expect("all of this host" in done.stderr and marked(place) == 0, done.stderr)
    place.call("run", "paced.bfl", env={"BFL_HALT": "0", "BFL_HALT_FILE": str(place.folder / "gone")})


def rows_a_second_are_kept(place):
    fresh(place, 600)
    place.write("paced.bfl", PACED.replace("PACE", "pace { rows <= 200/s }"))
    began = time.monotonic()
    place.call("run", "paced.bfl")
    expect(time.monotonic() - began >= 2 and marked(place) == 600, f"{time.monotonic() - began:.2f} s")  # the last 200 need not be waited for


def a_stop_signal_ends_the_run(place):
    fresh(place)
    place.write("paced.bfl", PACED.replace("PACE", 'pace { pause when file("hold") stop when query(shop, "select count(*) from orders where note = \'seen\'") >= 200 rows <= 100/s }'))
    (place.folder / "hold").write_text("")
    run = place.start("run", "paced.bfl")
    wait_for(lambda: (place.folder / ".bfl/state.db").exists() and journal(place, "paced.bfl", "held_back"), "the file")
    expect(marked(place) == 0, "nothing is changed meanwhile")
    (place.folder / "hold").unlink()
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 75 and "stop when `query(" in err and 200 <= marked(place) < 1000, f"exit {run.returncode}, {marked(place)} rows\n{out}{err}")


def an_older_target_learns_to_hear_orders(place):
    fresh(place, 100)
    place.write("paced.bfl", PACED.replace("PACE", ""))
    place.call("run", "paced.bfl")
    for statement in ("DROP TABLE bfl_control", "ALTER TABLE bfl_step DROP COLUMN quarantined", "UPDATE bfl_meta SET format = 2", "UPDATE orders SET note = NULL"):
        place.sql(statement)
    place.call("run", "paced.bfl", "--again", "mark")
    expect(place.value("SELECT format FROM bfl_meta") == 4 and marked(place) == 100, "the format is brought up")
    # Of a table of orders that knows no pace.
    place.call("pause", "paced.bfl")
    for statement in ("CREATE TABLE old AS SELECT * FROM bfl_control", "DROP TABLE bfl_control",
                      "CREATE TABLE bfl_control (id INTEGER PRIMARY KEY, job TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('pause', 'cancel', 'halt')), who TEXT NOT NULL DEFAULT '',"
                      " reason TEXT NOT NULL DEFAULT '', given TEXT NOT NULL DEFAULT '', lifted_by TEXT NOT NULL DEFAULT '', lifted TEXT NOT NULL DEFAULT '')",
                      "INSERT INTO bfl_control SELECT * FROM old", "DROP TABLE old"):
        place.sql(statement)
    place.call("set", "paced.bfl", "pace", "5/s")
    expect(place.sql("SELECT kind, reason FROM bfl_control WHERE lifted = '' ORDER BY id") == [("pause", ""), ("pace", "5/s")], place.sql("SELECT * FROM bfl_control"))


def a_signal_that_takes_too_long_is_none(place):
    fresh(place)
    endless = "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c"
    place.write("paced.bfl", PACED.replace("PACE", f'pace {{ pause when query(shop, "{endless}") > 0 }}'))
    run = place.start("run", "paced.bfl")
    wait_for(lambda: journal(place, "paced.bfl", "held_back"), "the limit")
    expect("it takes more than 5 s" in journal(place, "paced.bfl", "held_back")[0]["reason"], journal(place, "paced.bfl", "held_back"))
    expect(marked(place) == 0, "nothing is changed meanwhile")
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 130, f"exit {run.returncode}\n{out}{err}")


def a_changed_schema_stops_the_run_and_says_what_changed(place):
    fresh(place)
    place.write("paced.bfl", PACED.replace("PACE", "pace { rows <= 100/s }"))
    run = place.start("run", "paced.bfl")
    wait_for(lambda: marked(place) > 0, "the first chunk")
    place.sql("ALTER TABLE orders ADD COLUMN colour TEXT")
    out, err = run.communicate(timeout=60)
    expect(run.returncode == 75 and "the schema of `orders` changed under the run" in err and "+ `colour` TEXT" in err, f"exit {run.returncode}\n{out}{err}")
    place.write("paced.bfl", PACED.replace("PACE", ""))
    place.call("run", "paced.bfl")
    expect(marked(place) == 1000, "the next run goes on")


if __name__ == "__main__":
    main([a_run_is_controlled_from_another_terminal, the_pace_is_set_from_another_terminal, a_file_halts_every_run_here, rows_a_second_are_kept, a_stop_signal_ends_the_run, an_older_target_learns_to_hear_orders,
          a_lock_that_does_not_go_pauses_the_run, the_policy_is_in_no_memo_key, errors_of_the_engines_are_explained, a_signal_that_takes_too_long_is_none, a_changed_schema_stops_the_run_and_says_what_changed])
