#!/usr/bin/env python3
"""What becomes of a run when the world around it changes: the clock, rights, limits of the server, rules of the database.
`world_test.py BFL BFL_FAULTS`."""
import contextlib
import pathlib

import libpq
from checker import hold
from databases import SEED, Postgres, database, engines, folder, server_address
from jobs import JOBS
from reporting import SKIPPED, main
from trial import Trial, binaries

JOB = {job.name: job for job in JOBS}
FAILED, WORLD, RESUMABLE = 1, 5, 75
DAY = 86_400


def library():
    return str(pathlib.Path(binaries()[1]).with_name("libfaulty_files.so"))


def chunks(db):
    return db.many("SELECT count(*) FROM bfl_ledger WHERE pack IS NOT NULL")[0][0][0]


def clock_jumps():
    """A day forwards and back within runs and between them: the order comes from numbers."""
    for engine in engines():
        for name in ("sealed", "steps"):
            with folder() as place, database(engine, place) as db:
                trial = Trial(binaries()[0], db, place, JOB[name])
                for call, jump in ((1, DAY), (1, -DAY), (20, -DAY), (20, DAY)):
                    clock = {"LD_PRELOAD": library(), "FAULTY_CLOCK": str(jump), "FAULTY_CALL": str(call)}
                    code = trial.run("--limit-chunks", "1", env=clock, what=f"jumps by {jump} s at its reading {call}")
                    hold(code == RESUMABLE, f"{engine}, {name}: exit {code}\n{trial.said}")
                    trial.check_now()
                trial.finish()


@contextlib.contextmanager
def as_a_role(place):
    """(database, trial of a job whose run is another role, which owns nothing but bfl's tables)"""
    db = Postgres(server_address())
    role = f"{db.name}_runner"
    db.session.sql(f"CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {db.name} TO {role}")
    try:
        trial = Trial(binaries()[0], db, place, JOB["sealed"])
        db.session.sql(f"GRANT SELECT, UPDATE ON t TO {role}; GRANT SELECT ON u, v, w TO {role}")
        trial.environment["FAULTS_URL"] = db.url.replace("//bfl@", f"//{role}@")
        yield db, trial, role
    finally:
        db.settle()
        db.session.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
        db.close()


def rights_revoked_under_the_run():
    if server_address() is None:
        return SKIPPED
    with folder() as place, as_a_role(place) as (db, trial, role):
        process = trial.stopped_at("after_commit:2")
        db.session.sql(f"REVOKE UPDATE ON t FROM {role}")
        code = trial.woken(process, "rights revoked")
        hold(code == WORLD and "permission" in trial.said, f"exit {code}\n{trial.said}")
        db.settle()
        hold(chunks(db) == 2, f"{chunks(db)} chunks, two were committed")
        trial.check_now()
        db.session.sql(f"GRANT UPDATE ON t TO {role}")
        trial.finish()
    return None


def no_connections_left():
    if server_address() is None:
        return SKIPPED
    with folder() as place, as_a_role(place) as (db, trial, role):
        db.session.sql(f"ALTER ROLE {role} CONNECTION LIMIT 0")
        hold(trial.run(what="no connection") == RESUMABLE and "too many connections" in trial.said and "tried 6 times" in trial.said, trial.said)
        hold("bfl_meta" not in db.tables(), "something was made")
        db.session.sql(f"ALTER ROLE {role} CONNECTION LIMIT -1")
        trial.finish()
    return None


def statement_cut_off_by_its_time():
    """The server ends statements that take too long, here one that waits for a row: tried again, and given up for now."""
    if server_address() is None:
        return SKIPPED
    with folder() as place, as_a_role(place) as (db, trial, role):
        db.session.sql(f"ALTER ROLE {role} SET statement_timeout = '200ms'")
        with contextlib.closing(libpq.Session(db.url)) as other:
            other.sql("BEGIN; UPDATE t SET s = s WHERE id = 25")
            code = trial.run(what="statements cut off")
            hold(code == RESUMABLE and "timeout" in trial.said, f"exit {code}\n{trial.said}")
            db.settle()
            hold(chunks(db) == 2, f"{chunks(db)} chunks; the third one waits for a row")
            trial.check_now()
            other.sql("ROLLBACK")
        trial.finish()
    return None


def constraint_that_speaks_at_the_end():
    """One that is tested at COMMIT alone: the chunk is rolled back, its name is told, nothing goes on behind it."""
    if server_address() is None:
        return SKIPPED
    for job in (JOB["direct"], JOB["sealed"]):
        with folder() as place, database("postgres", place) as db:
            trial = Trial(binaries()[0], db, place, job)
            allowed = [n for _, n, _ in SEED["t"]] + [n for _, n, _ in job.final["t"] if n not in (1090, 91)]
            db.sql("CREATE TABLE allowed (n integer PRIMARY KEY); INSERT INTO allowed VALUES " + ", ".join(f"({n})" for n in sorted(set(allowed)))
                   + "; ALTER TABLE t ADD CONSTRAINT only_these FOREIGN KEY (n) REFERENCES allowed DEFERRABLE INITIALLY DEFERRED")
            code = trial.run(what="refused at COMMIT")
            hold(code == FAILED and "only_these" in trial.said, f"exit {code}\n{trial.said}")
            db.settle()
            hold(chunks(db) == 2, f"{chunks(db)} chunks; the third one breaks the constraint")
            trial.check_now()
            db.sql("INSERT INTO allowed VALUES (91), (1090) ON CONFLICT DO NOTHING")
            hold(trial.run(what="to its end") == 0, f"{job.name}: {trial.said}")
            db.sql("ALTER TABLE t DROP CONSTRAINT only_these; DROP TABLE allowed")
            trial.check_done()
    return None


if __name__ == "__main__":
    main([clock_jumps, rights_revoked_under_the_run, no_connections_left, statement_cut_off_by_its_time, constraint_that_speaks_at_the_end])
