#!/usr/bin/env python3
"""What a plan says beyond its rows: what a run would refuse, how long it takes and at what pace, and its exit codes."""
import json
import sqlite3

from harness import expect, main

HEAD = 'job {name} {{ why "It is planned." {more} }}\nsource shop = sqlite("shop.db")\n'
UPDATE = 'update notes of shop.orders where note == null {{ set note = "x" {clauses} }}\n'


def job(place, name, more="", clauses="", text=UPDATE):
    place.write(f"{name}.bfl", HEAD.format(name=name, more=more) + text.format(clauses=clauses))
    return f"{name}.bfl"


def refused(place, name, words, env=None):
    done = place.call("plan", name, env=env)
    run = place.call("run", name, code=None, env=env)
    expect(run.returncode in (4, 75), f"the run is not refused: {run.returncode}\n{run.stderr}")
    for where in (done.stdout, done.stderr, run.stderr + run.stdout):
        expect(" ".join(words.split()) in " ".join(where.split()), f"`{words}` is not told:\n{where}")
    expect("a run would be refused" in done.stdout and "a run would be refused: " in done.stderr, done.stdout + done.stderr)
    expect(json.loads(place.call("plan", name, "--json", env=env).stdout)["refused"], "JSON does not tell it")
    expect("a run would be refused" in place.call("plan", name, "--format", "markdown", env=env).stdout, "Markdown does not tell it")


def what_a_run_would_refuse_is_said(place):
    place.shop(50)
    refused(place, job(place, "expired", more="expires 2020-01-01"), "the job has expired: it was good until 2020-01-01")
    refused(place, job(place, "signed", more="approve 2"), "asks for 2 approvals, and there is no plan to approve")
    halted = job(place, "halted")
    refused(place, halted, "halted by the environment variable `BFL_HALT`", env={"BFL_HALT": "1"})
    (place.folder / ".bfl").mkdir(exist_ok=True)
    (place.folder / ".bfl/halt.halted").write_text("the shop is closing\n")
    refused(place, halted, "the shop is closing")
    (place.folder / ".bfl/halt.halted").unlink()
    older = job(place, "older", clauses="chunk 5")
    place.call("run", older, "--limit-chunks", "1", code=75)
    place.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (place.folder / "shop.db").read_bytes()
    place.call("run", older, "--limit-chunks", "1", code=75)
    for name in ("shop.db-wal", "shop.db-shm"):
        (place.folder / name).unlink(missing_ok=True)
    (place.folder / "shop.db").write_bytes(before)
    refused(place, older, "is older than the local state")
    sound = place.call("plan", job(place, "sound"))
    expect("refused" not in sound.stdout and sound.stderr == "", sound.stdout + sound.stderr)


def an_order_to_halt_is_said(place):
    place.shop(50)
    name = job(place, "told", clauses="chunk 5")
    place.call("run", name, "--limit-chunks", "1", code=75)
    place.call("halt", name, "--why", "it is Friday")
    refused(place, name, "it is Friday")


def its_pace_and_its_time_are_said(place):
    place.shop(30_000)
    name = job(place, "timed", more='pace { rows <= 20_000 / s }', text='update notes of shop.orders {{ set note = "x" pace {{ pause when file("busy") }} {clauses} }}\n')
    done = place.call("plan", name)
    expect("20,000 rows/s" in done.stdout and 'pause when file("busy")' in done.stdout, done.stdout)
    step = json.loads(place.call("plan", name, "--json").stdout)["steps"][0]
    estimate = step["estimate"]
    expect(estimate["tried_rows"] == 2_000 and 0 < estimate["tried_seconds"] < 1 and estimate["pace"] == 20_000, estimate)
    expect(estimate["seconds"] >= step["would_change"] / 20_000, estimate)


def the_exit_codes_are_those_of_a_run(place):
    place.shop(50)
    name = job(place, "unfit", text="update u of shop.orders {{ set line_count = to_int(note ?? \"x\") {clauses} }}\n")
    for words in (("plan", name), ("run", name)):
        said = place.call(*words, code=1).stderr
        expect("step `u`" in said and "to_int" in said and "id = 1" in said, said)
    good = job(place, "good")
    said = place.call("plan", good, "-o", "no/such/folder/good.plan", code=2).stderr
    expect("no/such/folder" in said and "help:" in said, said)
    for words in (("run", "--plan", "none.plan"), ("approve", "none.plan", "--yes")):
        said = place.call(*words, code=2).stderr
        expect("none.plan" in said and "makes one" in said, said)


def a_statement_that_pace_asks_is_tried(place):
    place.shop(50)
    name = job(place, "asked", more='pace { pause when query(shop, "select count(*) from nowhere") > 10 }')
    for words in (("check", name), ("plan", name), ("run", name)):
        said = place.call(*words, code=2).stderr
        expect("BFL0431" in said and "nowhere" in said and "^" in said and "help:" in said, said)


def rows_that_are_right_already_are_counted(place):
    place.shop(50)
    place.sql("UPDATE orders SET note = CASE WHEN id <= 20 THEN 'x' ELSE 'y' END")
    name = job(place, "right", text='update u of shop.orders where id <= 30 {{ set note = "x" {clauses} }}\n')
    step = json.loads(place.call("plan", name, "--json").stdout)["steps"][0]
    expect(step["would_change"] == 10 and step["already_right"] == 20, step)
    expect("20 rows that it takes are right already" in place.call("plan", name).stdout, "the text does not tell it")


def left_in(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(folder.iterdir())}


def nothing_is_written_beside_the_job(place):
    place.shop(50)
    name = job(place, "silent", clauses="chunk 5")
    place.call("plan", name)
    expect(not (place.folder / ".bfl").exists(), "the plan made a state file")
    place.call("run", name, "--limit-chunks", "1", code=75)
    before = left_in(place.folder / ".bfl")
    expect([*before] == ["state.db"], [*before])
    (place.folder / ".bfl").chmod(0o555)
    done = place.call("plan", name)
    (place.folder / ".bfl").chmod(0o755)
    expect(left_in(place.folder / ".bfl") == before and "cannot tell" not in done.stderr, f"{[*left_in(place.folder / '.bfl')]}\n{done.stderr}")


def a_diary_in_use_is_read_as_it_is(place):
    place.shop(50)
    name = job(place, "older", clauses="chunk 5")
    place.call("run", name, "--limit-chunks", "1", code=75)
    place.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (place.folder / "shop.db").read_bytes()
    open_one = sqlite3.connect(place.folder / ".bfl/state.db")
    open_one.execute("SELECT count(*) FROM run").fetchall()
    place.call("run", name, "--limit-chunks", "1", code=75)
    (place.folder / "shop.db").write_bytes(before)
    expect((place.folder / ".bfl/state.db-wal").stat().st_size > 0, "nothing is in the log")
    refused(place, name, "is older than the local state")
    open_one.close()


def a_diary_that_cannot_be_read_is_said(place):
    place.shop(50)
    name = job(place, "damaged")
    (place.folder / ".bfl").mkdir()
    (place.folder / ".bfl/state.db").write_bytes(b"no database, for all that one can see" * 100)
    before = left_in(place.folder / ".bfl")
    done = place.call("plan", name)
    expect("cannot tell whether a run would be refused" in done.stderr and "help:" in done.stderr and left_in(place.folder / ".bfl") == before, done.stderr)


if __name__ == "__main__":
    main([nothing_is_written_beside_the_job, a_diary_in_use_is_read_as_it_is, a_diary_that_cannot_be_read_is_said, what_a_run_would_refuse_is_said, an_order_to_halt_is_said, its_pace_and_its_time_are_said, the_exit_codes_are_those_of_a_run, a_statement_that_pace_asks_is_tried,
          rows_that_are_right_already_are_counted])
