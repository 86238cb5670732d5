"""What must hold of a database at any instant, killed or not, and what must hold when a job is done.

The oracle is a replay: the images of the ledger, in its order, applied to the rows that the tables began with. Each image
before must be the row as the entries so far have left it, and at the end every table must be what came out. So a row that was
changed twice, not at all, or without its entry shows, whatever kind of step it was.
"""
import hashlib
import json

from databases import KEYS, OWN, SEED
from packs import Broken, read_pack


class Wrong(Exception):
    pass


def hold(condition, what):
    if not condition:
        raise Wrong(what)


class Ledger:
    """All of bfl's tables, in one state, with the tables that are corrected."""

    def __init__(self, database):
        names = sorted(SEED)
        texts = [f"SELECT * FROM {name} ORDER BY {name}.id" for name in names]
        self.there = "bfl_meta" in database.tables()
        if self.there:
            texts += ["SELECT id, name, generation, route, state, sealed_rows, changed, conflicts, quarantined FROM bfl_step ORDER BY id",
                      "SELECT step, lane, epoch, seq, cursor, upto, opening FROM bfl_lane ORDER BY step, lane",
                      "SELECT id, step, lane, seq, entry, hash, pack FROM bfl_ledger ORDER BY id",
                      "SELECT step, block, first, rows, root, pack FROM bfl_stage ORDER BY step, block",
                      "SELECT name, epoch, holder, host, pid, lease_end, clock FROM bfl_job"]
        answers = database.many(*texts)
        self.tables = dict(zip(names, answers))
        self.steps, self.lanes, self.entries, self.stage, self.jobs = answers[len(names):] if self.there else [[]] * 5


def check_chains(ledger):
    """-> the records of each entry, in the ledger's order."""
    steps = {step[0]: step for step in ledger.steps}
    lanes = {(lane[0], lane[1]): lane for lane in ledger.lanes}
    hashes, counted, rows = {}, {}, []
    notes = [json.loads(entry) for _, _, _, _, entry, _, _ in ledger.entries]
    starts = {(int(note["step_row"]), int(note["lane"])): note.get("from", "") for note in notes if note["kind"] == "lane"}
    for number, step, lane, seq, entry, hash_, pack in ledger.entries:
        facts = json.loads(entry)
        hold(step in steps and (step, lane) in lanes, f"entry {number} belongs to no step or lane")
        hold(hashlib.sha256(entry.encode()).digest() == hash_, f"entry {number} has another hash than it says")
        chain = hashes.setdefault((step, lane), [])
        hold(seq == len(chain), f"lane {lane} of step {step}: entry {seq} follows entry {len(chain) - 1}")
        opening = lanes[step, lane][6]
        before = chain[-1][0] if chain else opening
        hold(facts["previous"] == before.hex(), f"entry {seq} of lane {lane}, step {step} does not hang on the one before")
        if facts["kind"] == "chunk":
            hold(facts["from"] == (chain[-1][1] if chain else starts.get((step, lane), "")), f"chunk {seq} of step {step} does not begin where the one before ended")
            records = read_pack(pack or b"", bytes.fromhex(facts["rows_root"]))
            hold(len(records) == int(facts["records"]), f"chunk {seq} of step {step} has {len(records)} records")
            changed = sum(record.kind in "uid" and not record.reason for record in records)  # an update with a reason: in between, and changed once more
            conflicts = sum(record.kind == "c" for record in records)
            aside = sum(record.kind == "q" for record in records)
            hold((changed, conflicts, aside) == (int(facts["changed"]), int(facts["conflicts"]), int(facts.get("quarantined", 0))), f"chunk {seq} of step {step} counts {facts}, its pack {changed}")
            totals = counted.setdefault(step, [0, 0, 0])
            for at, number_of in enumerate((changed, conflicts, aside)):
                totals[at] += number_of
            rows.append((steps[step][1], step, records))
        chain.append((hash_, facts.get("to", "")))
    for (step, lane), (_, _, _, seq, cursor, upto, _) in lanes.items():
        chain = hashes.get((step, lane), [])
        hold(step in steps, f"a lane of step {step}, which is not there")
        hold(seq == len(chain), f"lane {lane} of step {step} stands at {seq}, its ledger at {len(chain)}")
        if steps[step][1]:
            hold((cursor or b"").hex() == (chain[-1][1] if chain else starts.get((step, lane), "")), f"lane {lane} of step {step} stands elsewhere than its ledger")
            hold(steps[step][4] == "open" or cursor == upto, f"step {step} is {steps[step][4]}, its lane {lane} is not at its end")
    for number, name, _, _, state, _, *counts in ledger.steps:
        # Workers beside each other do not count together: it is done when the step is closed.
        beside = state == "open" and sum(lane[0] == number for lane in ledger.lanes) > 1
        hold(beside or counts == counted.get(number, [0, 0, 0]), f"step {name} counts {counts}, its ledger {counted.get(number)}")
        hold(state in ("job", "open", "done", "undone"), f"step {name} is {state}")
    return rows


def check_stage(ledger):
    sealed = {step[0]: step[5] for step in ledger.steps}
    found = {}
    for step, block, first, rows, root, pack in ledger.stage:
        hold(step in sealed, f"a sealed block of step {step}, which is not there")
        hold(first == found.get(step, 0), f"block {block} of step {step} begins at {first}")
        hold(len(read_pack(pack, root)) == rows, f"block {block} of step {step} has not {rows} rows")
        found[step] = first + rows
    for number, name, _, route, _, rows, *_ in ledger.steps:
        if "sealed" in route:
            hold(found.get(number, 0) == rows, f"step {name} has sealed {rows} rows, {found.get(number)} are there")


def replay(rows, begin, columns_of):
    """The tables after all entries; `begin` as they were."""
    tables = {name: {row[:KEYS[name]]: row for row in content} for name, content in begin.items()}
    changes = {}
    for step, generation, records in rows:
        for record in records:
            if record.kind not in "uid":
                continue
            name = record.table or columns_of[step]
            table, key = tables[name], tuple(record.before[:KEYS[name]])
            if record.kind == "i":
                row = tuple(record.after[column] for column in sorted(record.after))
                key = row[:KEYS[name]]
                hold(key not in table, f"{step} inserted {key} into {name} twice")
                table[key] = row
            else:
                hold(key in table, f"{step} changed {key} of {name}, which is not there")
                hold(tuple(record.before) == table[key], f"{step}: the image before of {key} is {record.before}, the row was {table[key]}")
                row = list(record.before)
                for column, value in record.after.items():
                    row[column] = value
                if record.kind == "u":
                    table[key] = tuple(row)
                else:
                    del table[key]
            changes[step, generation, name, key] = changes.get((step, generation, name, key), 0) + (not record.reason)
    twice = [what for what, times in changes.items() if times > 1]
    hold(not twice, f"changed more than once by one application of a step: {twice[:3]}")
    return {name: sorted(content.values()) for name, content in tables.items()}


def target_of(job):
    """Which table each step of the job writes."""
    words = job.text.split()
    found = {}
    for at, word in enumerate(words[:-3]):
        if word in ("update", "delete", "insert", "upsert"):
            found[words[at + 1]] = found["undo " + words[at + 1]] = words[at + 3].removeprefix("db.")
        if word == "sql":
            found[words[at + 1]] = found["undo " + words[at + 1]] = words[words.index("writes", at) + 1].split("(")[0]
    return found


def check_now(database, job, begin=None):
    """At any instant; -> the ledger."""
    hold(database.sound(), "the database is damaged")
    ledger = Ledger(database)
    try:
        rows = check_chains(ledger)
        check_stage(ledger)
        came = replay(rows, begin or SEED, target_of(job))
        aside = sorted(record.before[0] for step, _, records in rows for record in records if record.kind == "q" and not step.startswith("undo "))
    except Broken as problem:
        raise Wrong(str(problem)) from problem
    for name, content in came.items():
        there = sorted(ledger.tables[name])
        differ = [(a, b) for a, b in zip(content, there) if a != b]
        hold(content == there, f"{name} is not what its ledger says: {len(content)} and {len(there)} rows, first {differ[:1]}")
    ledger.aside = aside
    hold(len(aside) == len(set(aside)) and set(aside) <= set(job.aside), f"in quarantine are {aside}, expected {job.aside}")
    return ledger


def without_given_ids(name, rows):
    """A sequence of PostgreSQL goes on when what took its numbers is rolled back."""
    return sorted(row[1:] if name in "vw" else row for row in rows)


def check_done(database, job, begin=None, final=None, free=True):
    ledger = check_now(database, job, begin)
    for name, content in (final or job.final).items():
        right, there = without_given_ids(name, content), without_given_ids(name, ledger.tables[name])
        differ = [(a, b) for a, b in zip(right, there) if a != b]
        hold(right == there, f"{name} is not right: {len(there)} rows, first wrong {differ[:1]}")
    hold(ledger.aside == job.aside, f"in quarantine are {ledger.aside}, expected {job.aside}")
    unfinished = [step for step in ledger.steps if step[4] not in ("done", "undone", "job")]
    hold(not unfinished, f"steps are not done: {unfinished}")
    hold([(name, holder if free else "") for name, _, holder, *_ in ledger.jobs] == [(job.name, "")], f"the job is still held: {ledger.jobs}")
    stray = database.tables() - OWN - set(SEED)
    kept = {name for name in stray if any(name.startswith("bfl_kept_") and name.endswith("_" + end) for end in job.kept)}
    hold(stray == kept and len(kept) == len(job.kept), f"stray tables: {stray}, expected {job.kept}")
    locked = database.unlocked()
    hold(locked is None, f"something is left locked: {locked}")
    return ledger
