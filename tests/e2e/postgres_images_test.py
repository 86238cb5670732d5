#!/usr/bin/env python3
"""Images that a second session reads while the first one changes the rows: the same as if one had done both, whoever writes
meanwhile, and whatever becomes of the second. And what else an image has to show: columns that the server computes.
"""
import json
import os
import pathlib
import sys
import threading

from harness import ROOT, expect, main
from postgres_harness import on_postgres, psql

sys.path.insert(0, str(pathlib.Path(ROOT, "tests/faults")))
from packs import read_pack  # noqa: E402

ROWS = 60_000
BUMP = """
job bump { why "Each row one higher, where it is not yet." }
source db = postgres(env("DB_URL"))
update bump of db.t where n == was chunk 3_000 { set n = n + 1 set copy = m }
"""


def table(db):
    db.sql("CREATE TABLE t (id bigint PRIMARY KEY, n int NOT NULL, was int NOT NULL, m int NOT NULL, copy int NOT NULL);"
           f"INSERT INTO t SELECT i, i, i, 0, -1 FROM generate_series(1, {ROWS}) AS i; ANALYZE t")
    os.environ["DB_URL"] = db.url


def images(db):
    """{id: (row before, what it became)} of every change."""
    found = {}
    for root, pack in db.sql("SELECT entry::json->>'rows_root', encode(pack, 'hex') FROM bfl.ledger WHERE entry::json->>'kind' = 'chunk'"):
        for record in read_pack(bytes.fromhex(pack), bytes.fromhex(root)):
            expect(record.kind == "u" and record.before[0] not in found, f"row {record.before[0]} was changed twice")
            found[record.before[0]] = record.before, record.after
    return found


def right(place, db, said=""):
    wrong = db.value("SELECT count(*) FROM t WHERE n <> was + 1")
    expect(wrong == "0", f"{wrong} rows were not changed exactly once {said}")
    shown = images(db)
    expect(len(shown) == ROWS, f"{len(shown)} images {said}")
    for id_, copy in db.sql("SELECT id, copy FROM t"):
        before, after = shown[int(id_)]
        expect(before[1] + 1 == after[1], f"row {id_}: {before} became {after}")
        # `copy` is `m` as the change itself has seen it.
        expect(before[3] == int(copy) == after[4], f"row {id_}: its image shows m = {before[3]}, the change saw {copy} {said}")
    place.call("audit", "verify", "job.bfl")


@on_postgres
def others_write_meanwhile(place, db):
    table(db)
    place.write("job.bfl", BUMP)
    stop = threading.Event()
    wrote = []

    def write(number):
        while not stop.is_set():
            psql(db.url, f"UPDATE t SET m = m + 1 WHERE id IN (SELECT 1 + floor(random() * {ROWS})::int FROM generate_series(1, 3))")
            wrote.append(number)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(50):
            if place.call("run", "job.bfl", code=None).returncode == 0:
                break
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    expect(len(wrote) > 10, "nobody else wrote anything")
    right(place, db, f"with {len(wrote)} writes of others")


@on_postgres
def no_room_for_a_second_session(place, db):
    table(db)
    role = db.name + "_one"
    db.sql(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1; GRANT ALL ON t TO {role}; GRANT CREATE ON DATABASE {db.name} TO {role}")
    try:
        os.environ["DB_URL"] = db.url.replace("//bfl@", f"//{role}@")
        place.write("job.bfl", BUMP)
        place.call("run", "job.bfl")
        right(place, db)
    finally:
        db.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")


@on_postgres
def second_session_ended(place, db):
    """Again and again: the first one goes on alone, and nothing is lost or done twice."""
    ended = 0
    for attempt in range(20):  # it is there for moments only
        db.sql("DROP SCHEMA IF EXISTS bfl CASCADE; DROP TABLE IF EXISTS t")
        table(db)
        place.write("job.bfl", BUMP.replace("3_000", "2_000"))
        process = place.start("run", "job.bfl", "--state", f"{attempt}.db")
        while process.poll() is None:
            ended += len(db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'bfl%'"
                                " AND (query LIKE '%bfl_images%' OR query LIKE '%TRANSACTION SNAPSHOT%')"))
        out, err = process.communicate(timeout=120)
        if ended or process.returncode:
            break
    expect(process.returncode == 0 and ended > 0, f"exit {process.returncode}, {ended} sessions were ended\n{out}{err}")
    right(place, db)


GENERATED = {
    "direct": "update bump of db.p where n == was {{ set n = n + 1 }}",
    "sealed": "update bump of db.p {{ set n = n + 1 once }}",
    "joined": "update bump of db.p join one db.q as q on q.id == id else skip \"none\" {{ set n = was + q.one }}",
    "upsert": "upsert bump into db.p from db.q {{ set id = id set n = id + one set was = id key id }}",
}


@on_postgres
def generated_columns(place, db):
    """They change with what they are computed from: the image after says so, and undo is not in their way."""
    for name, step in GENERATED.items():
        db.sql("DROP SCHEMA IF EXISTS bfl CASCADE; DROP TABLE IF EXISTS p, q;"
               "CREATE TABLE p (id bigint PRIMARY KEY, twice bigint GENERATED ALWAYS AS (2 * n) STORED, n bigint NOT NULL, was bigint NOT NULL,"
               " shown text GENERATED ALWAYS AS ('n ' || was) STORED);"
               "CREATE TABLE q (id bigint PRIMARY KEY, one bigint NOT NULL);"
               "INSERT INTO p (id, n, was) SELECT i, i, i FROM generate_series(1, 50) AS i; INSERT INTO q SELECT id, 1 FROM p")
        os.environ["DB_URL"] = db.url
        place.write("job.bfl", 'job bump { why "One higher." }\nsource db = postgres(env("DB_URL"))\n' + step.format())
        begin = db.sql("SELECT * FROM p ORDER BY id")
        place.call("run", "job.bfl", "--state", f"{name}.db")
        expect(db.value("SELECT count(*) FROM p WHERE n = was + 1 AND twice = 2 * n") == "50", f"{name}: not every row was changed")
        shown = images(db)
        expect(len(shown) == 50, f"{name}: {len(shown)} images")
        for id_, (before, after) in shown.items():
            expect(before == [id_, 2 * id_, id_, id_, f"n {id_}"], f"{name}: the image before is {before}")
            expect(after == {1: 2 * id_ + 2, 2: id_ + 1}, f"{name}: row {id_} became {after}")
        told = json.loads(place.call("audit", "row", "db.p", "7", "--json", "--source", f"db={db.url}").stdout)
        expect("16" in json.dumps(told), f"{name}: `audit row` does not show the computed column: {told}")
        place.call("audit", "verify", "job.bfl")
        place.call("undo", "job.bfl", "--state", f"{name}.db")
        expect(db.sql("SELECT * FROM p ORDER BY id") == begin, f"{name}: undo left other rows")
        place.call("audit", "verify", "job.bfl")


if __name__ == "__main__":
    main([others_write_meanwhile, no_room_for_a_second_session, second_session_ended, generated_columns])
