#!/usr/bin/env python3
"""A row is found again by its key, whatever type that has: in a walk, a sealed set, a kept plan, quarantine, images, and by a word on the command
line. On SQLite and on PostgreSQL; one more type is one more row of key_kinds.py."""
import contextlib
import json
import re
import sqlite3

import key_kinds
from both_engines import POSTGRES, call, sound, told
from harness import expect, main
from postgres_harness import on_postgres


class Tables:
    """A table for each kind of key, in one database."""

    def __init__(self, place, kinds=None):
        self.place = place
        self.kinds = kinds or self.kinds
        self.every = self.kinds + self.atomic
        self.script("".join(kind.before + kind.made() for kind in self.every))

    def job(self, *steps, declared=None):
        """Each of these steps for the kinds of key beside it. NAME, TABLE and COPY stand for one of them, ROWS for how its rows are gone through,
        KEY for the columns, KEYS for these set to themselves, COUNT for how many rows can be read."""
        if declared is None:
            declared = " ".join(f"column {kind.table}.k: {kind.read}" for kind in self.every if kind.read)
        text = f'job keys {{ why "Keys of every type." }}\nsource db = {self.source} {{ {declared} }}\n'
        for step, kinds in steps:
            for kind in kinds:
                means = {"NAME": kind.name, "TABLE": f"db.{kind.table}", "COPY": f"db.c_{kind.name}", "ROWS": "atomic" if kind in self.atomic else "chunk 2",
                         "COUNT": len(kind.values), "KEYS": " ".join(f"set {column} = {column}" for column in kind.columns), "KEY": ", ".join(kind.columns)}
                text += re.sub("|".join(means), lambda found: str(means[found[0]]), step) + "\n"
        self.place.write("job.bfl", text)

    def column(self, what, kinds=None, table="{}"):
        """-> what SQL says of each row, by kind, in the order of the rows."""
        kinds = kinds or self.every
        parts = [f"SELECT '{kind.name}', n % 100, {self.text(what(kind))} FROM {table.format(kind.table)}" for kind in kinds]
        found = {kind.name: [] for kind in kinds}
        for name, _, value in self.sql(" UNION ALL ".join(parts) + " ORDER BY 1, 2, 3"):
            found[name].append(self.plain(value))
        return found

    def rows(self):
        """Every row as it is stored."""
        return self.column(self.stored)

    def keys(self, kinds):
        """The keys that bfl can read, as people type them."""
        typed = self.column(lambda kind: kind.typed, kinds)
        return {kind.name: typed[kind.name][:len(kind.values)] for kind in kinds}

    def run_in_pieces(self, chunks, *flags):
        for _ in range(500):
            if call(self.place, "run", "job.bfl", "--limit-chunks", str(chunks), *flags, code=None).returncode != 75:
                return call(self.place, "run", "job.bfl").stdout
        expect(False, "a run without end")


class OnSqlite(Tables):
    source, kinds, atomic = 'sqlite("shop.db")', key_kinds.SQLITE, key_kinds.SQLITE_ATOMIC

    def script(self, statements):
        with contextlib.closing(sqlite3.connect(self.place.folder / "shop.db")) as db:
            db.executescript(statements)

    def sql(self, statement):
        return self.place.sql(statement)

    def text(self, value):
        return f"CAST({value} AS TEXT)"

    def plain(self, value):
        return value

    def stored(self, kind):
        return " || ',' || ".join(f"typeof({column}) || quote({column})" for column in [*kind.columns, "n", "note"])


class OnPostgres(Tables):
    source, kinds, atomic = POSTGRES, key_kinds.POSTGRES, []

    def __init__(self, place, database, kinds=None):
        self.script = self.sql = database.sql
        super().__init__(place, kinds)

    def text(self, value):
        return f"coalesce(to_json(({value})::text)::text, 'null')"

    def plain(self, value):
        return json.loads(value)

    def stored(self, kind):
        return f"{kind.table}::text"


def on_both(test):
    def sqlite(place):
        place.env = {}
        test(place, OnSqlite(place))

    @on_postgres
    def postgres(place, database):
        test(place, OnPostgres(place, database))

    sqlite.__name__, postgres.__name__ = test.__name__, test.__name__ + "_on_postgres"
    return [sqlite, postgres]


def same(found, expected, what):
    different = {name: [pair for pair in zip(rows, expected[name]) if pair[0] != pair[1]][:2] or (len(rows), len(expected[name])) for name, rows in found.items() if rows != expected[name]}
    expect(not different, f"{what}, of {', '.join(different)}:\n" + "\n".join(f"  {name}: {pairs}" for name, pairs in different.items()))


def finished(done):
    """-> how many conflicts each step of this run had."""
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    return {entry["step"].removeprefix("undo "): entry.get("conflicts", 0) for entry in entries if entry.get("kind") == "step_finished"}


def last_run(place):
    return told(place, "status")[0]["run"]


WALK = """
update walk_NAME of TABLE ROWS { set note = "seen" }
"""
ONCE = """
update once_NAME of TABLE ROWS { set n = n + 100 once }
"""


def walked_and_put_back(place, db):
    db.job((WALK, db.every), (ONCE, db.kinds))
    before = db.rows()
    routes = {step["step"]: step["route"] for step in told(place, "plan", "job.bfl")["steps"]}
    same({kind.name: [routes["walk_" + kind.name]] for kind in db.kinds}, {kind.name: ["direct" if kind.walked else "sealed"] for kind in db.kinds}, "the route")
    db.run_in_pieces(20)
    after = db.rows()
    for kind in db.every:
        wrong = db.sql(f"SELECT count(*) FROM {kind.table} WHERE note IS NULL OR {0 if kind in db.atomic else 100} > n OR n >= 200")[0][0]
        expect(int(wrong) == 0, f"{wrong} rows of {kind.name} were not changed, or more than once")
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "what is done is done")
    for step in told(place, "undo", "job.bfl", "--plan"):
        kind = next(kind for kind in db.every if kind.name == step["step"][5:])
        expect(step["put_back"] == len(kind.all()), f"{step}")
    call(place, "undo", "job.bfl")
    same(db.rows(), before, "rows are not as they were")
    call(place, "undo", "job.bfl", "--run", last_run(place))
    same(db.rows(), after, "the undo was not undone")
    expect("nothing to do" in call(place, "run", "job.bfl").stdout, "all is done again")
    sound(place)
    for kind in db.every:
        db.sql(f"UPDATE {kind.table} SET note = 'mine' WHERE n % 100 = 1")
    for step, conflicts in finished(call(place, "undo", "job.bfl", "--json", code=3)).items():
        expect(conflicts == step.startswith("walk_"), f"the row that somebody changed is the one conflict: {step}, {conflicts}")
    mine = db.column(lambda kind: "note")
    same(mine, {name: [None if i != 1 else "mine" for i in range(len(rows))] for name, rows in before.items()}, "other rows than theirs")
    sound(place)



def named_by_a_word(place, db):
    """`audit row`, `undo --keys` and `audit redact`, with the key as people write it."""
    db.job((WALK, db.every))
    call(place, "run", "job.bfl")
    kinds = [kind for kind in db.every if kind.typed]
    typed = db.keys(kinds)
    for kind in kinds:
        for key in {*typed[kind.name][:3], *typed[kind.name][-2:]}:
            changes = json.loads(call(place, "audit", "row", f"db.{kind.table}", "--json", "--", key, "job.bfl").stdout)["changes"]
            expect(len(changes) == 1 and changes[0]["columns"]["note"]["after"] == '"seen"', f"{kind.name} {key!r}: {changes}")
    for kind in kinds:
        keys = [key for key in typed[kind.name] if key]
        if not kind.ranged:
            said = call(place, "undo", "job.bfl", "--step", "walk_" + kind.name, "--keys", f"{keys[0]}..{keys[0]}", code=2).stderr
            expect("--keys" in said, said)
            continue
        call(place, "undo", "job.bfl", "--step", "walk_" + kind.name, "--keys", f"{keys[-1]}..{keys[-1]}")
        same(db.column(lambda kind: "note", [kind]), {kind.name: ["seen" if i != typed[kind.name].index(keys[-1]) else None for i in range(len(kind.all()))]}, "one row was put back")
    call(place, "run", "job.bfl")
    for kind in kinds:
        key = typed[kind.name][0]
        redacted = json.loads(call(place, "audit", "redact", f"db.{kind.table}", "--why", "asked for", "--json", "--", key).stdout)["redactions"]
        expect(len(redacted) == 1 and redacted[0]["images"] >= 1, f"{kind.name} {key!r}: {redacted}")
    sound(place)
    conflicts = finished(call(place, "undo", "job.bfl", "--json", code=3))
    expect(conflicts == {"walk_" + kind.name: int(kind in kinds) for kind in db.every}, f"the row whose image was erased: {conflicts}")


def kept_plans(place, db):
    db.job((WALK, db.every), (ONCE, db.kinds))
    before = db.rows()
    call(place, "plan", "job.bfl", "-o", "kept.plan")
    for kind in db.every:
        db.sql(f"UPDATE {kind.table} SET note = 'mine' WHERE n = 1")
    conflicts = finished(call(place, "run", "--plan", "kept.plan", "--json", code=3))
    expect(conflicts == {**{"walk_" + kind.name: 1 for kind in db.every}, **{"once_" + kind.name: 1 for kind in db.kinds}}, f"the row that somebody changed is a conflict of each step that holds it: {conflicts}")
    notes = db.column(lambda kind: "note")
    same(notes, {kind.name: ["seen" if i != 1 else "mine" for i in range(len(kind.all()))] for kind in db.every}, "of a kept plan")
    call(place, "undo", "job.bfl")
    for kind in db.every:
        db.sql(f"UPDATE {kind.table} SET note = NULL WHERE n = 1")
    same(db.rows(), before, "a kept plan was not put back")
    sound(place)


ROWS_COME_AND_GO = """
delete gone_NAME of TABLE where n < 2 ROWS
insert more_NAME into COPY from TABLE where n < COUNT { KEYS set n = n + 100 key KEY }
upsert over_NAME into COPY from TABLE where n < COUNT { KEYS set n = n + 200 key KEY }
"""


def rows_come_and_go(place, db):
    """Deleted, and back with their very keys; added to a table that has some of them, and gone again."""
    kinds = [kind for kind in db.kinds if not kind.read]
    for kind in kinds:
        db.script(kind.made("c_" + kind.name) + f"DELETE FROM c_{kind.name} WHERE n % 2 = 0 OR n >= {len(kind.values)};")
    db.job((ROWS_COME_AND_GO, kinds))
    before = db.rows()
    db.run_in_pieces(15)
    for kind in kinds:
        left, there, over = (int(db.sql(f"SELECT count(*) FROM {what}")[0][0]) for what in (kind.table, f"c_{kind.name}", f"c_{kind.name} WHERE n >= 200"))
        expect((left, there, over) == (len(kind.all()) - 2, len(kind.values) - 1, len(kind.values) - 2), f"{kind.name}: {left} rows left, {there} there, {over} changed")
    call(place, "undo", "job.bfl")
    same(db.rows(), before, "deleted rows did not come back")
    sound(place)


# The value is the one without the blanks that a char(n) is stored with, whoever computes.
SAID = """
update said_NAME of TABLE chunk 2 { set note = f"<{k}|{length(k)}>" + case { k == "a" => "!", k < "a" => "-", else => "+" } }
"""
COMPUTED = """
update computed_NAME of TABLE chunk 2 { set note = f"<{k}|{length(k)}>" + case { matches(k, r"^a$") => "!", k < "a" => "-", else => "+" } }
"""


def read_as_texts(place, db):
    texts = [kind for kind in db.kinds if kind.text]

    def expected(kind):
        k = "CAST(k AS TEXT)" + (' COLLATE "C"' if db.source == POSTGRES else "")
        return f"'<' || {k} || '|' || length({k}) || '>' || CASE WHEN {k} = 'a' THEN '!' WHEN {k} < 'a' THEN '-' ELSE '+' END"

    for steps in (SAID, COMPUTED):
        db.job((steps, texts))
        call(place, "run", "job.bfl")
        same(db.column(lambda kind: "note", texts), db.column(expected, texts), "not what SQL says of the text")
        call(place, "undo", "job.bfl")


TAKE_OVER = """
update turn_NAME of TABLE where w != null { set k = w }
"""


def keys_that_change_hands(place, db):
    """Each row takes over the key of the next one; who holds it goes first."""
    kinds = [kind for kind in db.kinds if len(kind.values) > 2 and len(kind.columns) == 1 and not kind.read and kind.typed]
    for kind in kinds:
        db.script(f"ALTER TABLE {kind.table} ADD COLUMN w {kind.columns['k']};"
                  f"UPDATE {kind.table} SET w = (SELECT o.k FROM {kind.table} AS o WHERE o.n = ({kind.table}.n + 1) % {len(kind.values)}) WHERE n < {len(kind.values)};"
                  f"DELETE FROM {kind.table} WHERE n = 0;")
    db.job((TAKE_OVER, kinds))
    before = db.rows()
    call(place, "run", "job.bfl")
    for kind in kinds:
        expect(int(db.sql(f"SELECT count(*) FROM {kind.table} WHERE k <> w")[0][0]) == 0, f"{kind.name}: not every row has the key that it was to have")
    call(place, "undo", "job.bfl")
    same(db.rows(), before, "keys were not handed back")
    sound(place)


ASIDE = """
update aside_NAME of TABLE where n < 100 chunk 2 quarantine <= 2 { set n = case { n < 2 => 666, else => n + 100 } }
"""


def in_quarantine(place, db):
    db.job((ASIDE, db.kinds))
    call(place, "run", "job.bfl", code=3)
    listed = told(place, "quarantine", "list", "job.bfl")
    for kind in db.kinds:
        shown = [row["key"] for row in listed if row["step"] == "aside_" + kind.name]
        expect(len(shown) == 2, f"{kind.name}: {shown}")
        first, second = db.keys([kind])[kind.name][:2] if kind.typed else shown
        for key in {*shown, first, second}:
            found = json.loads(call(place, "quarantine", "show", "job.bfl", "--step", "aside_" + kind.name, "--json", "--", key).stdout)
            expect(len(found) == 1 and "row" in found[0], f"{kind.name} {key!r}: {found}")
        call(place, "quarantine", "resolve", "job.bfl", "--step", "aside_" + kind.name, "--why", "it is right", "--", first)
        db.sql(f"UPDATE {kind.table} SET n = n * 50 + 250 WHERE n < 2")
    call(place, "quarantine", "retry", "job.bfl")
    for kind in db.kinds:
        rows = sorted(int(n) for n, in db.sql(f"SELECT n FROM {kind.table}"))
        expect(rows == sorted([250, 300, *range(102, 100 + len(kind.all()))]), f"{kind.name}: {rows}")
    call(place, "undo", "job.bfl")
    sound(place)


@on_postgres
def walked_by_several(place, database):
    db = OnPostgres(place, database, key_kinds.CREW)
    db.job(("update walk_NAME of TABLE where n < 1000 chunk 4 { set n = n + 1000 }", db.kinds))
    before = db.rows()
    db.run_in_pieces(15, "--workers", "3")
    for kind in db.kinds:
        wrong = db.sql(f"SELECT count(*) FROM {kind.table} WHERE n NOT BETWEEN 1000 AND 1999")[0][0]
        expect(wrong == "0", f"{wrong} rows of {kind.name} were not changed, or more than once")
    call(place, "undo", "job.bfl")
    same(db.rows(), before, "rows are not as they were")
    sound(place)


NO_KEY = """
update walk_NAME of TABLE chunk 2 { set note = "seen" }
"""
NO_SECOND_TIME = """
update once_NAME of TABLE atomic { set n = n + 1 once }
"""


def refused_before_the_run(place, db):
    """What is no key to bfl, unless the source says what it is read as."""
    for kind in db.every:
        if not kind.read and kind not in db.atomic:
            continue
        for step in (NO_KEY, NO_SECOND_TIME) if kind in db.atomic else (NO_KEY,):
            db.job((step, [kind]), declared="")
            for verb in ("check", "plan", "run"):
                said = call(place, verb, "job.bfl", code=2).stderr
                expect("BFL0403" in said and ("the key (k) does not serve: " in said or step == NO_SECOND_TIME), said)


main([test for both in (walked_and_put_back, named_by_a_word, kept_plans, rows_come_and_go, read_as_texts, keys_that_change_hands, in_quarantine, refused_before_the_run) for test in on_both(both)] + [walked_by_several])
