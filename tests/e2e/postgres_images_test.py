#!/usr/bin/env python3
"""Images that a second session reads while the first one changes the rows: the same as if one had done both, whoever writes
meanwhile, and whatever becomes of the second."""
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
    table(db)
    place.write("job.bfl", BUMP.replace("3_000", "2_000"))
    process = place.start("run", "job.bfl")
    ended = 0
    while process.poll() is None:
        ended += len(db.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bfl'"
                            " AND (query LIKE '%bfl_images%' OR query LIKE '%TRANSACTION SNAPSHOT%')"))
    out, err = process.communicate(timeout=120)
    expect(process.returncode == 0 and ended > 0, f"exit {process.returncode}, {ended} sessions were ended\n{out}{err}")
    right(place, db)


if __name__ == "__main__":
    main([others_write_meanwhile, no_room_for_a_second_session, second_session_ended])
