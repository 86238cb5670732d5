#!/usr/bin/env python3
"""Two runners on one database with state files of their own; one that is stopped and woken when the other has taken its job
over; an older copy of the state file, and of the database, put back: `runners_test.py BFL BFL_FAULTS`."""
import contextlib
import os
import random
import shutil
import signal
import time

import libpq
from checker import Wrong, hold
from databases import database, engines, folder
from jobs import JOBS
from reporting import LONG, main, say
from trial import Trial, binaries

SEED = int(os.environ.get("BFL_SEED") or random.SystemRandom().randrange(1 << 30))
JOB = {job.name: job for job in JOBS}
RESUMABLE, REFUSED = 75, 4


class Other(Trial):
    """A second runner of the same job on the same database, in a folder of its own."""

    def __init__(self, trial):
        self.__dict__.update(trial.__dict__)
        self.folder = trial.folder / "output.other"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.story = []
        for name in ["job.bfl"] + ["program.py"] * bool(trial.job.program):
            shutil.copy(trial.folder / name, self.folder)


def lease_over(db):
    """As when its half a minute has passed."""
    db.sql("UPDATE bfl.job SET lease_end = 1" if db.engine == "postgres" else "UPDATE bfl_job SET lease_end = 1", wait=0)


def duel(db, place, job, chance):
    """Both at once, again and again, killed now and then, until both find nothing to do."""
    trial = Trial(binaries()[0], db, place, job)
    other = Other(trial)
    codes = []
    for _ in range(60):
        pair = [(runner, runner.start("--limit-chunks", str(chance.randrange(1, 4))) if chance.random() < 0.7 else runner.start()) for runner in (trial, other)]
        if chance.random() < 0.4:
            time.sleep(chance.uniform(0, 0.02))
            chance.choice(pair)[1].kill()
        codes = [runner.ended(process, "in a duel") for runner, process in pair]
        hold(all(code in (job.code, RESUMABLE, -signal.SIGKILL) for code in codes), f"exits {codes}\n{trial.said}{other.said}")
        trial.check_now()
        if codes == [job.code, job.code]:
            break
    trial.finish(again=False)


def two_runners():
    chance = random.Random(SEED)
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            for _ in range(30 if LONG else 2):
                job = chance.choice([job for job in JOBS if engine in job.engines])
                try:
                    duel(db, place, job, chance)
                except Wrong as wrong:
                    raise Wrong(f"seed {SEED}, {engine}, {job.name}: {wrong}") from wrong
        say(f"{engine}: seed {SEED}")


def stopped_and_woken():
    """Between two transactions: the job is taken over and finished by the other. The first one finds that out and changes nothing."""
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            for name, point in (("sealed", "after_note:2"), ("direct", "after_note:1"), ("sealed", "before_seal:1"), ("steps", "before_close:1"),
                                ("sealed", "after_take_over:1")):
                trial = Trial(binaries()[0], db, place, JOB[name])
                other = Other(trial)
                process = trial.stopped_at(point)
                try:
                    hold(other.run(what="while the other is alive") == RESUMABLE and "BFL0508" in other.said, f"a live run was not respected: {other.said}")
                    lease_over(db)
                    hold(other.run(what="after the lease") == 0, f"it was not taken over: {other.said}")
                    code = trial.woken(process, "woken")
                    # Woken before it has looked at the ledger it sees that all is done.
                    done = code == 0 and "nothing to do" in trial.said and point.startswith("after_take_over")
                    hold(done or code == RESUMABLE and "BFL0508" in trial.said and "taken over" in trial.said, f"exit {code}: {trial.said}")
                    hold("was restored" not in trial.said, trial.said)
                    trial.check_now()
                    trial.finish()
                except Wrong as wrong:
                    process.kill()
                    raise Wrong(f"{engine}, {name} at {point}: {wrong}") from wrong


def stopped_within_a_transaction():
    """Its locks keep the other out, which says so; woken it goes on, because nobody has taken the job over."""
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            trial = Trial(binaries()[0], db, place, JOB["sealed"])
            other = Other(trial)
            process = trial.stopped_at("before_commit:2")
            try:
                if engine == "postgres":
                    lease_over(db)
                code = other.run(what="beside it")
                hold(code == RESUMABLE and ("locked" in other.said if engine == "sqlite" else "pg_terminate_backend" in other.said), f"exit {code}: {other.said}")
                code = trial.woken(process, "woken")
                hold(code == 0, f"exit {code}: {trial.said}")
                trial.check_now()
                trial.finish()
            except Wrong as wrong:
                process.kill()
                raise Wrong(f"{engine}: {wrong}") from wrong


def session_ended_within_a_transaction():
    """Somebody ends the session that keeps the other out, and the job is taken over: the first one's chunk is not to be had."""
    for engine in engines()[1:]:
        with folder() as place, database(engine, place) as db:
            for point in ("before_commit:2", "after_change:3"):
                trial = Trial(binaries()[0], db, place, JOB["sealed"])
                other = Other(trial)
                process = trial.stopped_at(point)
                db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'bfl%' AND datname = current_database()")
                db.settle()
                lease_over(db)
                hold(other.run(what="takes over") == 0, other.said)
                code = trial.woken(process, "woken")
                hold(code == RESUMABLE and "taken over" in trial.said, f"{point}: exit {code}: {trial.said}")
                trial.check_now()
                trial.finish()


def older_state_file():
    """The database is the truth: a state file of before, or none, changes nothing."""
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            for lose in (False, True):
                trial = Trial(binaries()[0], db, place, JOB["sealed"])
                trial.diary_is_whole = False
                hold(trial.run("--limit-chunks", "2") == RESUMABLE, trial.said)
                shutil.copytree(place / ".bfl", place / "output.bfl", dirs_exist_ok=True)
                hold(trial.run("--limit-chunks", "2") == RESUMABLE, trial.said)
                shutil.rmtree(place / ".bfl")
                if not lose:
                    shutil.move(place / "output.bfl", place / ".bfl")
                trial.check_now()
                trial.finish()


@contextlib.contextmanager
def copied(db):
    """A copy of the database as it is; calling what is given puts it back."""
    if db.engine == "sqlite":
        db.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        copy = db.path.with_name("first.db.copy")
        shutil.copyfile(db.path, copy)

        def back():
            for end in ("-wal", "-shm"):
                db.path.with_name(db.path.name + end).unlink(missing_ok=True)
            shutil.move(copy, db.path)

        yield back
        return
    copy = db.name + "_copy"
    db.settle()
    db.session.close()
    with contextlib.closing(libpq.Session(db.server)) as session:
        session.sql(f"CREATE DATABASE {copy} TEMPLATE {db.name}")
        db.connect()

        def back():
            db.session.close()
            session.sql(f"DROP DATABASE {db.name} WITH (FORCE)")
            session.sql(f"ALTER DATABASE {copy} RENAME TO {db.name}")
            db.connect()

        yield back


def older_database():
    """Refused with both states named, and nothing changed; with a new state file it goes on from what the database says."""
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            for finished in (False, True):
                trial = Trial(binaries()[0], db, place, JOB["sealed"])
                hold(trial.run("--limit-chunks", "1") == RESUMABLE, trial.said)
                db.settle()
                with copied(db) as back:
                    if finished:
                        hold(trial.run() == 0, trial.said)
                    else:
                        hold(trial.run("--limit-chunks", "2") == RESUMABLE, trial.said)
                    db.settle()
                    back()
                before = trial.check_now()
                hold(trial.run(what="on the older copy") == REFUSED and "BFL0511" in trial.said, trial.said)
                hold(trial.check_now().tables == before.tables, "a refused run changed rows")
                shutil.rmtree(place / ".bfl")
                trial.story.clear()
                trial.finish()


def older_database_under_the_run():
    """Put back while a runner stands still: woken, it says what happened and changes nothing."""
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            trial = Trial(binaries()[0], db, place, JOB["sealed"])
            hold(trial.run("--limit-chunks", "1") == RESUMABLE, trial.said)
            db.settle()
            with copied(db) as back:
                process = trial.stopped_at("after_note:2")
                back()
                code = trial.woken(process, "woken on an older copy")
                words = ("moved or replaced",) if engine == "sqlite" else ("another PostgreSQL server or database",)
                hold(code == REFUSED and all(word in trial.said for word in words), f"{engine}: exit {code}: {trial.said}")
            trial.check_now()
            shutil.rmtree(place / ".bfl")
            trial.story.clear()
            trial.finish()


if __name__ == "__main__":
    main([two_runners, stopped_and_woken, stopped_within_a_transaction, session_ended_within_a_transaction, older_state_file, older_database,
          older_database_under_the_run])
