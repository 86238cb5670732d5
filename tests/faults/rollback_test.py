#!/usr/bin/env python3
"""A run that undoes itself killed at every fault point that it passes, of the run and of the undo behind it: the next command finishes it,
and every table is as it was. For conflicts it is killed at every passage behind its last step: between its undoes as well."""
import shutil
import signal

from checker import Wrong, check_done, check_now, hold
from databases import SEED, database, engines, folder
from jobs import Job
from kills_test import kill_at, once_at_every_point, passages
from reporting import LONG, main, say
from trial import Trial, binaries

NEVER = "verify never { assert count(db.t) < 0 }"
JOBS = [
    Job("rolled_back", f"""
update bump of db.t {{ set n = n + 1 once chunk 20 }}
update mark of db.t where s != "done" chunk 20 {{ set s = "done" }}
insert add into db.v from db.t where id > 20 {{ set k = id set n = n key k chunk 10 }}
{NEVER}
""", once=False, clauses="rollback when verify_failed"),
    Job("stage_rolled_back", f"update bump of db.t where n < 1000 chunk 4 {{ set n = n + 1000 rollout {{ 50% then verify never\n100% }} }}\n{NEVER}",
        once=False, clauses="rollback when verify_failed"),
]

BUMP = "update bump of db.t { set n = n + count(db.t where n > 0) once chunk 8 }"  # planned whole: a row that is another since is in conflict
OTHERS = """
update mark of db.u { set m = m + 1 once chunk 20 }
insert add into db.v from db.u where m > 200 { set k = id + 500 set n = m key k chunk 10 }
"""
FOR_CONFLICTS = [Job("conflicts_last", OTHERS + BUMP, clauses="rollback when conflicts > 0"), Job("conflicts_first", BUMP + OTHERS, clauses="rollback when conflicts > 0")]
ELSEWHERE = {**SEED, "t": [(i, 1000 if i == 45 else n, s) for i, n, s in SEED["t"]]}
# Where nothing is there that was not at the point before; undo_test kills an undo at these.
WITHIN = {"own_begun", "own_done", "own_committed", "after_begin", "after_fence", "after_change", "after_entry", "after_note"}


class RolledBack(Trial):
    def __init__(self, bfl, place, folder, job):
        super().__init__(bfl, place, folder, job)
        self.diary_is_whole = False  # the undo is a run of its own, in the same process
        self.job.code = 1

    def finish(self, again=False):
        return super().finish(again=again)


class ForConflicts(RolledBack):
    """A run that was stopped in the midst of `bump`, and a row of it that somebody has changed since: the next run meets it, and undoes all."""

    def __init__(self, bfl, place, folder, job):
        super().__init__(bfl, place, folder, job)
        while not any(step[1] == "bump" and step[6] > 0 for step in check_now(place, job).steps):
            hold(self.run("--limit-chunks", "5" if job.text.endswith(BUMP) else "1", what="stopped") == 75, self.said)
        place.sql("UPDATE t SET n = 1000 WHERE id = 45")

    def check_now(self):
        self.database.settle()
        return check_now(self.database, self.job, ELSEWHERE)

    def check_done(self):
        """Everything is undone, each application once, and the job is let go."""
        self.database.settle()
        ledger = check_done(self.database, self.job, ELSEWHERE, ELSEWHERE)
        steps = sorted((name, generation, state) for _, name, generation, _, state, *_ in ledger.steps if name)
        names = ("add", "bump", "mark")
        hold(steps == sorted([(name, 1, "undone") for name in names] + [(f"undo {name}", 1, "done") for name in names]), f"{steps}")
        hold([job[6] for job in ledger.jobs] == [0], "its now() is not over")
        return ledger


def killed_at_every_point():
    once_at_every_point(RolledBack, JOBS, "a run that undoes itself")


def behind_the_steps(passed):
    """Each passage from the end of the steps on, as a point and how often it was passed until then."""
    first = passed.index("after_steps")
    return [(point, passed[: at + 1].count(point)) for at, point in enumerate(passed) if at >= first and (LONG or point not in WITHIN)]


def killed_between_undoes_for_conflicts():
    bfl, with_points = binaries()
    for engine in engines():
        kills = 0
        with folder() as place, database(engine, place) as db:
            for job in FOR_CONFLICTS:
                trial = ForConflicts(bfl, db, place, job)
                at = behind_the_steps(passages(trial, with_points))
                at = at if LONG or job is FOR_CONFLICTS[0] else []
                trial.check_done()
                hold(trial.run(what="done again") == 0, f"what was put back is not done again\n{trial.said}")
                for point, passage in at:
                    trial = ForConflicts(bfl, db, place, job)
                    try:
                        hold(kill_at(trial, with_points, point, passage), "it was not reached")
                        # Behind the last release it is over: what comes next is another application of the job.
                        if trial.check_now().jobs[0][6] == 0:
                            trial.check_done()
                        else:
                            trial.finish()
                        kills += 1
                    except Wrong as wrong:
                        raise Wrong(f"{engine}, {job.name}, {trial.story}: {wrong}") from wrong
                # Each of the runs that resume is killed behind the one step that it has undone.
                trial = ForConflicts(bfl, db, place, job)
                while kill_at(trial, with_points, "after_close", 1):
                    kills += 1
                    begun = any(name.startswith("undo ") for _, name, *_ in trial.check_now().steps)
                    hold(("a run that undid itself was cut short" in trial.ask("plan", "job.bfl")) == begun, "`bfl plan` says something else")
                trial.check_done()
        say(f"{engine}: {kills} kills")


def an_older_copy_is_not_undone():
    """Neither by a run that would finish what another one has begun to undo of itself."""
    bfl, with_points = binaries()
    with folder() as place, database("sqlite", place) as db:
        trial = ForConflicts(bfl, db, place, FOR_CONFLICTS[0])
        at = behind_the_steps(passages(trial, with_points))
        opened, closes = (next(one for one in at if one[0] == point) for point in ("after_open", "before_close"))
        trial = ForConflicts(bfl, db, place, FOR_CONFLICTS[0])
        hold(kill_at(trial, with_points, *opened), "an undo was not opened")
        db.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copyfile(db.path, place / "output.older")
        hold(kill_at(trial, with_points, closes[0], 1), "the undo was not gone on with")
        for end in ("-wal", "-shm"):
            (place / f"db.db{end}").unlink(missing_ok=True)
        shutil.copyfile(place / "output.older", db.path)
        before = trial.check_now().tables
        hold(trial.run(what="on the older copy") == 4 and "BFL0511" in trial.said and "is older than the local state" in trial.said, trial.said)
        hold(trial.check_now().tables == before, "the older copy was changed")


def somebody_elses_undo_is_left_to_them():
    """An undo that was cut short before its first row is none that a run has begun for itself."""
    bfl, with_points = binaries()
    job = Job("watched", 'update mark of db.t where s != "done" chunk 20 { set s = "done" }\nverify nothing_there { assert count(db.w) == 0 }', clauses="rollback when verify_failed")
    for engine in engines():
        with folder() as place, database(engine, place) as db:
            trial = RolledBack(bfl, db, place, job)
            hold(trial.run() == 0, trial.said)
            trial.verb = "undo"
            hold(kill_at(trial, with_points, "after_open", 1), "no undo was opened")
            db.settle()
            db.sql("INSERT INTO w (id, t_id, n) VALUES (7, 7, 7)")
            trial.verb = "run"
            hold(trial.run() == 1, trial.said)
            db.settle()
            hold(db.sql("SELECT count(*) FROM t WHERE s = 'done'")[0][0] == len(SEED["t"]), "a run that undoes itself has finished what somebody else had begun")
            hold("BFL0526" not in trial.said, trial.said)
            trial.verb = "undo"
            hold(trial.run(env={"BFL_FAULT": "after_commit:1"}, bfl=with_points) == -signal.SIGKILL, "their undo does not go on")
            db.settle()
            trial.verb = "run"
            hold(trial.run() == 4 and "`undo mark` was cut short" in trial.said, trial.said)
            trial.verb = "undo"
            hold(trial.run() == 0, trial.said)
            db.settle()
            hold(db.sql("SELECT count(*) FROM t WHERE s = 'done'")[0][0] == 0, "their undo was not finished")


def what_somebody_has_undone_is_not_cut_short():
    """A run was killed between two undoes of itself, and somebody has undone the rest: nothing is left to finish."""
    bfl, with_points = binaries()
    with folder() as place, database("sqlite", place) as db:
        trial = ForConflicts(bfl, db, place, FOR_CONFLICTS[0])
        told = "a run that undid itself was cut short"
        for _ in range(10):
            if told in trial.ask("plan", "job.bfl"):
                break
            hold(kill_at(trial, with_points, "after_close", 1), "it has come to its end")
        trial.verb = "undo"
        hold(trial.run(what="undone by somebody") == 0, trial.said)
        hold(told not in trial.ask("plan", "job.bfl"), "it is said of an undo that is done")
        hold("no undo was cut short" in trial.ask("undo", "job.bfl", "--finish"), "there is something to finish")


if __name__ == "__main__":
    main([what_somebody_has_undone_is_not_cut_short, killed_at_every_point, killed_between_undoes_for_conflicts, an_older_copy_is_not_undone, somebody_elses_undo_is_left_to_them])
