"""The jobs that are disturbed, and what must have come of the tables when they are done. None of them could be done twice
unseen: what is added is added to what is there."""
from databases import ROWS, SEED


class Job:
    def __init__(self, name, text, engines=("sqlite", "postgres"), kept=(), once=True, workers=0, steps=0, program="", aside=(), clauses="", flags=(), **final):
        self.name, self.text, self.engines, self.kept = name, text, engines, set(kept)
        self.clauses = clauses        # of the job itself
        self.flags = flags            # of every run
        self.workers = workers        # beside each other; 0: as bfl has it
        self.steps = steps            # that are independent, at the same time
        self.program = program        # program.py in the job's folder
        self.aside = sorted(aside)    # keys of the rows that are in quarantine when it is done
        self.code = 3 if aside else 0  # how it then ends
        self.once = once              # no row is changed by two entries of the ledger
        self.final = {**SEED, **final}

    def script(self, declared):
        for setting, number in (("workers", self.workers), ("steps", self.steps)):
            if number:
                declared = declared.removesuffix(")") + f", {setting}: {number})"
        return f'job {self.name} {{ why "Each row, exactly once." {self.clauses} }}\nsource db = {declared}\nuse std.math\n{self.text}\n'


def t(change):
    return [change(*row) for row in SEED["t"]]


def but_for(aside, change):
    """`change`, where the rows of these keys stay as they are."""
    return lambda i, n, s: (i, n, s) if i in aside else change(i, n, s)


PROGRAM = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"row": asked["row"], "gives": {"m": 3 * asked["takes"]["n"]}}))
"""

JOBS = [
    Job("direct", "update bump of db.t where n < 1000 chunk 10 { set n = n + 1000 }", t=t(lambda i, n, s: (i, n + 1000, s))),
    Job("beside", "update bump of db.t where n < 1000 chunk 4 { set n = n + 1000 }", engines=("postgres",), workers=3,
        t=t(lambda i, n, s: (i, n + 1000, s))),
    Job("sealed", "update bump of db.t { set n = n + 1 once chunk 10 }", t=t(lambda i, n, s: (i, n + 1, s))),
    Job("quarantine", "update bump of db.t where n < 1000 chunk 10 quarantine <= 2 { set n = n + 2000 }", aside=(5, 21),
        t=t(but_for((5, 21), lambda i, n, s: (i, n + 2000, s)))),
    Job("quarantine_beside", "update bump of db.t where n < 1000 chunk 4 quarantine <= 2 { set n = n + 2000 }", engines=("postgres",), workers=3, aside=(5, 21),
        t=t(but_for((5, 21), lambda i, n, s: (i, n + 2000, s)))),
    Job("quarantine_sealed", "update bump of db.t { set n = n + 2000 once chunk 10 quarantine <= 2 }", aside=(5, 21),
        t=t(but_for((5, 21), lambda i, n, s: (i, n + 2000, s)))),
    Job("rollout", f"update bump of db.t where n < 1000 chunk 4 {{ set n = n + 1000 rollout {{ 10% then assert count(db.t) == {ROWS}\n50% then wait 1ms\n100% then verify done }} }}\n"
        f"verify done {{ assert count(db.t) == {ROWS} }}", t=t(lambda i, n, s: (i, n + 1000, s))),
    Job("rollout_beside", "update bump of db.t where n < 1000 chunk 3 { set n = n + 1000 rollout { 20%\n60%\n100% } }", engines=("postgres",), workers=3,
        t=t(lambda i, n, s: (i, n + 1000, s))),
    Job("rollout_sealed", f"update bump of db.t {{ set n = n + 1 once chunk 4 rollout {{ 10% then assert count(db.t) == {ROWS}\n100% }} }}", t=t(lambda i, n, s: (i, n + 1, s))),
    Job("rollout_by_hash", "update bump of db.t { set n = n + 1 once chunk 10 rollout by hash { 30%\n60% then wait 1ms\n100% } }", t=t(lambda i, n, s: (i, n + 1, s))),
    Job("quarantine_sealing", 'update bump of db.t { set n = n + to_int(case { id == 5 or id == 21 => "x" else => "1000" }) once chunk 10 quarantine <= 2 }', aside=(5, 21),
        t=t(but_for((5, 21), lambda i, n, s: (i, n + 1000, s)))),
    Job("exact", f"update bump of db.t where n < 1000 {{ set n = n + 1000 chunk 10 expect changed == {ROWS} }}",
        t=t(lambda i, n, s: (i, n + 1000, s))),
    Job("staged", "update bump of db.t { set n = n + count(db.t where n > 0) once chunk 10 }",
        t=t(lambda i, n, s: (i, n + ROWS, s))),
    Job("atomic_direct", "update bump of db.t where n < 1000 { set n = n + 1000 atomic chunk 10 }", t=t(lambda i, n, s: (i, n + 1000, s))),
    Job("atomic_sealed", "update bump of db.t { set n = n + 1 once atomic chunk 10 }", t=t(lambda i, n, s: (i, n + 1, s))),
    Job("steps", f"""
check all_there {{ assert count(db.t) == {ROWS} }}
update bump of db.t {{ set n = n + 1 once chunk 20 }}
update mark of db.t where s != "done" chunk 20 {{ set s = "done" }}
verify right {{ assert count(db.t where s == "done") == {ROWS} }}
""", once=False, t=t(lambda i, n, s: (i, n + 1, "done"))),
    Job("insert", "insert add into db.w from db.t { set t_id = id set n = n once per id chunk 10 }",
        w=[(i, i, 3 * i) for i in range(1, ROWS + 1)]),
    Job("insert_and_use", """
insert add into db.v from db.t where id > 20 { set k = id set n = n key k chunk 10 }
update assign of db.t join one add.inserted as a on a.k == id else skip "small" { set n = n + a.k once chunk 10 }
""", kept=["add_inserted"],
        v=SEED["v"] + [(len(SEED["v"]) + i - 20, i, 3 * i) for i in range(21, ROWS + 1)],
        t=t(lambda i, n, s: (i, n + i if i > 20 else n, s))),
    Job("upsert", "upsert put into db.v from db.t { set k = id + 100 set n = n + 1 key k chunk 10 }",
        v=[(i, 100 + i, 3 * i + 1) for i in range(1, ROWS + 1)]),
    Job("exchange", "update turn of db.v { set k = case { k == 115 => k else => 203 + 4 * div(k - 101, 2) - k } set n = n + 1 once chunk 4 }",
        v=[(i, k if k == 115 else 203 + 4 * ((k - 101) // 2) - k, n + 1) for i, k, n in SEED["v"]]),
    Job("delete", """
snapshot doomed = db.t where mod(id, 3) == 0 keep { id }
delete remove of db.t where id in (id from doomed) { cascades to db.u chunk 5 }
""", kept=["doomed"],
        t=[row for row in SEED["t"] if row[0] % 3], u=[row for row in SEED["u"] if row[0] % 3]),
    Job("snapshot", """
snapshot before = db.t where n > 30 keep { id, was = n }
snapshot total = db.t derive { half = mod(id, 2) } group by half { whole = sum(n) }
update bump of db.t join one before as b on b.id == id else skip "small" { set n = b.was + n once chunk 10 }
""", kept=["before", "total"],
        t=t(lambda i, n, s: (i, 2 * n if n > 30 else n, s))),
    Job("program", """
program thrice = ["python3", "./program.py"] {
  gives m: int
  batch 20
}
snapshot tripled = db.t keep { id, n } through thrice(n)
update bump of db.t join one tripled as a on a.id == id and a.n == n else skip "changed" { set n = a.m once chunk 20 }
""", kept=["tripled"], program=PROGRAM, t=t(lambda i, n, s: (i, 3 * n, s))),
    Job("raw", """sql bump on db \"\"\"UPDATE t SET n = n + 1 WHERE id > 0\"\"\" { writes t(n) once }""", t=t(lambda i, n, s: (i, n + 1, s))),
    Job("raw_guarded", """
sql bump on db \"\"\"UPDATE t SET n = n + 1000 WHERE n < 1000\"\"\" { writes t(n) done when not exists(db.t where n < 1000) }
update mark of db.t where s != "done" chunk 20 { set s = "done" }
""", once=False, t=t(lambda i, n, s: (i, n + 1000, "done"))),
    Job("raw_tables", """
sql split on db \"\"\"
  WITH low AS (UPDATE t SET n = n + 1 WHERE id <= 10 RETURNING id), gone AS (DELETE FROM u WHERE t_id > 20 RETURNING id)
  UPDATE v SET n = n + 1000
\"\"\" { writes v(n), t(n), u once }
""", engines=("postgres",), t=t(lambda i, n, s: (i, n + 1 if i <= 10 else n, s)),
        u=[row for row in SEED["u"] if row[1] <= 20], v=[(i, k, n + 1000) for i, k, n in SEED["v"]]),
    Job("one_transaction", f"""
check all_there {{ assert count(db.t) == {ROWS} }}
snapshot before = db.t where n > 30 keep {{ id, was = n }}
update bump of db.t {{ set n = n + 1 once chunk 20 }}
insert add into db.w from db.t {{ set t_id = id set n = n once per id chunk 10 }}
update mark of db.t where s != "done" chunk 20 {{ set s = "done" }}
verify right {{ assert count(db.t where s == "done") == {ROWS} }}
""", kept=["before"], once=False, clauses="atomic", t=t(lambda i, n, s: (i, n + 1, "done")), w=[(i, i, 3 * i + 1) for i in range(1, ROWS + 1)]),
    Job("atomic_insert", "insert add into db.w from db.t { set t_id = id set n = n once per id atomic chunk 10 }",
        w=[(i, i, 3 * i) for i in range(1, ROWS + 1)]),
    Job("atomic_upsert", "upsert put into db.v from db.t { set k = id + 100 set n = n + 1 key k atomic chunk 10 }",
        v=[(i, 100 + i, 3 * i + 1) for i in range(1, ROWS + 1)]),
    Job("atomic_delete", "delete remove of db.t where mod(id, 3) == 0 { cascades to db.u atomic chunk 5 }",
        t=[row for row in SEED["t"] if row[0] % 3], u=[row for row in SEED["u"] if row[0] % 3]),
]
