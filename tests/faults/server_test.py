#!/usr/bin/env python3
"""The PostgreSQL server stopped, restarted and killed during a run, and another one behind the same address when it comes back:
`server_test.py BFL BFL_FAULTS`. It needs servers of its own."""
import contextlib
import hashlib
import pathlib
import shutil
import signal
import subprocess
import time

import libpq
from checker import Wrong, hold
from databases import SEED, Postgres, folder, server_address
from files_test import library, preloadable
from jobs import JOBS, Job
from reporting import LONG, SKIPPED, main, say
from servers import servers, standby_of
from trial import Trial, binaries
from wire import Proxy

DIRECT, SEALED = (next(job for job in JOBS if job.name == name) for name in ("direct", "sealed"))
# Its rows need new pages: nearly two kilobytes each that cannot be made smaller.
DIGESTS = range(30)
GROWING = Job("growing", "use std.text\nupdate grow of db.t where n < 1000 chunk 10 { set n = n + 1000 set s = "
              + " + ".join(f'sha256("{i} " + s)' for i in DIGESTS) + " }",
              t=[(i, n + 1000, "".join(hashlib.sha256(f"{j} {s}".encode()).hexdigest() for j in DIGESTS)) for i, n, s in SEED["t"]])
WORLD, RESUMABLE = 5, 75
# Before, within and behind the transaction of a chunk, of the opening, and of the end.
POINTS = ["own_done:2", "after_begin:2", "after_change:2", "before_commit:3", "after_commit:2", "before_close:1"]


@contextlib.contextmanager
def own_server():
    with folder() as place, servers(1, place) as (server,):
        db = Postgres(server.url)
        trial_folder = place / "trial"
        trial_folder.mkdir()
        try:
            yield server, db, trial_folder
        finally:
            db.close()


def without_server(what, harm, first):
    """At each point in turn the server goes and comes back while bfl stands still."""
    with own_server() as (server, db, place):
        points = POINTS if LONG else POINTS[first::2]
        for number, point in enumerate(points):
            job = (DIRECT, SEALED)[number % 2]
            trial = Trial(binaries()[0], db, place, job)
            process = trial.stopped_at(point)
            harm(server)
            try:
                code = trial.woken(process, f"{what} at {point}")
                db.connect()
                hold(code in (0, 75), f"exit {code}\n{trial.said}")
                hold(code == 0 or "BFL05" in trial.said, f"exit 75 without a word: {trial.said}")
                trial.check_now()
                trial.finish(again=False)
            except Wrong as wrong:
                raise Wrong(f"{what} at {point}, {job.name}: {wrong}") from wrong
    say(f"{len(points)} times")


def restarted(mode):
    def harm(server):
        server.stop(mode)
        server.start()
    return harm


def killed(server):
    server.kill()
    server.start()


def skipped_without_server(test):
    def run():
        return test() if server_address() else SKIPPED
    run.__name__ = test.__name__
    return run


@skipped_without_server
def no_room_for_one_more():
    """All of the server's connections are in use when the run begins, and one becomes free while it asks again."""
    with own_server() as (server, db, place):
        trial = Trial(binaries()[0], db, place, DIRECT)
        db.session.sql("CREATE ROLE crowd LOGIN; CREATE ROLE runner LOGIN; GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO runner;"
                       f"GRANT CREATE ON DATABASE {db.name} TO runner; ALTER SYSTEM SET max_connections = 12")
        db.close()
        server.stop("fast")
        server.start()
        db.connect()
        trial.environment["FAULTS_URL"] = db.url.replace("//bfl@", "//runner@")
        crowd = []
        try:
            while True:
                try:
                    crowd.append(libpq.Session(db.url.replace("//bfl@", "//crowd@")))
                except libpq.Refused:
                    break
            hold(trial.run(what="a full server") == RESUMABLE and "SQLSTATE 53300" in trial.said and "tried 6 times" in trial.said, f"{trial.story}\n{trial.said}")
            hold("bfl_meta" not in db.tables(), "something was made")
            process = trial.start()
            time.sleep(0.5)
            for session in crowd[:4]:
                session.close()
            code = trial.ended(process, "a server that gets room")
            hold(code == 0, f"exit {code}\n{trial.said}")
            trial.check_done()
        finally:
            for session in crowd:
                session.close()


@skipped_without_server
def server_stopped_fast():
    without_server("stopped fast", restarted("fast"), first=0)


@skipped_without_server
def server_stopped_at_once():
    without_server("stopped immediately", restarted("immediate"), first=1)


@skipped_without_server
def server_killed():
    without_server("killed", killed, first=1)


@skipped_without_server
def server_away_for_good():
    """It does not come back: the run ends by itself, and is resumed when it is there again."""
    with own_server() as (server, db, place):
        trial = Trial(binaries()[0], db, place, SEALED)
        process = trial.stopped_at("after_commit:2")
        server.stop("fast")
        process.send_signal(signal.SIGCONT)
        for _ in range(2):  # nobody need wait for the end of its patience
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
        began = time.monotonic()
        code = trial.ended(process, "interrupted while it waits for the server")
        hold(time.monotonic() - began < 20, "it waited on when it was asked to stop at once")
        server.start()
        db.connect()
        hold(code in (75, 130), f"exit {code}\n{trial.said}")
        trial.check_now()
        trial.finish()


@contextlib.contextmanager
def server_without_room(files):
    """A server that can write to no file of that path while the file is there which comes third."""
    with own_server() as (server, db, place):
        full = pathlib.Path(server.place, "full")
        loaded = shutil.copy(library(), server.place)  # where the server's user may read it
        server.stop("fast")
        server.start({"LD_PRELOAD": loaded, "FAULTY_FILES": files, "FAULTY_CALL": "1", "FAULTY_FOREVER": "1", "FAULTY_ERROR": "ENOSPC",
                      "FAULTY_WHILE": str(full)})
        db.connect()
        yield server, db, place, full


@skipped_without_server
def no_room_for_rows():
    """Neither for bfl's own tables, nor for a sealed set, nor for the entry of a chunk: an error, and nothing half done."""
    if not preloadable():
        return SKIPPED
    with server_without_room("/base/") as (_, db, place, full):
        for job, point in ((SEALED, None), (SEALED, "before_seal:1"), (GROWING, "after_begin:2")):
            trial = Trial(binaries()[0], db, place, job)
            process = trial.stopped_at(point) if point else None
            full.touch()
            try:
                code = trial.woken(process, f"full at {point}") if point else trial.run(what="full from the start")
                full.unlink()
                hold(code == WORLD and "No space left" in trial.said, f"exit {code}\n{trial.said}")
                trial.check_now()
                trial.finish()
            except Wrong as wrong:
                full.unlink(missing_ok=True)
                raise Wrong(f"{job.name} at {point}: {wrong}") from wrong
    return None


@skipped_without_server
def no_room_for_the_log():
    """The server ends itself in the middle of a COMMIT: what became of it is asked of the lane when it runs again."""
    if not preloadable():
        return SKIPPED
    with server_without_room("/pg_wal/") as (server, db, place, full):
        trial = Trial(binaries()[0], db, place, SEALED)
        process = trial.stopped_at("before_commit:2")
        full.touch()
        process.send_signal(signal.SIGCONT)
        time.sleep(2)
        full.unlink()
        server.kill()
        server.start()
        code = trial.ended(process, "the log's disk was full")
        db.connect()
        hold(code in (0, RESUMABLE), f"exit {code}\n{trial.said}")
        trial.check_now()
        trial.finish()
    return None


def other_server(lead_elsewhere, point, expected_code, words):
    """Behind the same address stands another server when the connection is made anew."""
    with folder() as place, servers(2, place) as (first, second), contextlib.ExitStack() as ends:
        db = Postgres(first.url)
        ends.callback(db.close)
        proxy = Proxy(db.url)
        ends.callback(proxy.close)
        trial_folder = place / "trial"
        trial_folder.mkdir()
        trial = Trial(binaries()[0], db, trial_folder, SEALED)
        trial.environment["FAULTS_URL"] = proxy.url
        process = trial.stopped_at(point)
        elsewhere = lead_elsewhere(db, first, second, ends, place)
        proxy.route(elsewhere)
        proxy.cut_all()
        code = trial.woken(process, "led elsewhere")
        hold(code == expected_code and all(word in trial.said for word in words), f"exit {code}, expected {expected_code} and `{words}`\n{trial.said}")
        proxy.route(db.url)
        trial.check_now()
        trial.finish()


@skipped_without_server
def another_server_behind_the_address():
    def copy(db, first, second, ends, place):
        subprocess.run(f"pg_dump -C -d {db.url} | psql -q -d {second.url}", shell=True, check=True, stdout=subprocess.DEVNULL)
        return second.url.rsplit("/", 1)[0] + "/" + db.name

    cases = [("after_note:2", "chunk 3 was rolled back"), ("before_commit:2", "whether chunk 2 was committed is not known"),
             ("after_change:2", "chunk 2 was rolled back")]
    for point, state in cases if LONG else cases[:2]:
        other_server(copy, point, 4, ["another PostgreSQL server", state])


@skipped_without_server
def standby_behind_the_address():
    def standby(db, first, second, ends, place):
        made = standby_of(first, place / "standby")
        ends.callback(made.close)
        return made.url.rsplit("/", 1)[0] + "/" + db.name

    other_server(standby, "after_note:2", 5, ["is a standby"])


if __name__ == "__main__":
    main([no_room_for_one_more, server_stopped_fast, server_stopped_at_once, server_killed, server_away_for_good, another_server_behind_the_address,
          standby_behind_the_address, no_room_for_rows, no_room_for_the_log])
