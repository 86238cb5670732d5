#!/usr/bin/env python3
"""What stands between bfl and the tables: a pooler, a replica, service files and
variables, partitions, rules, generated columns.
"""
import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness import SKIPPED, expect, main
from postgres_harness import SERVER, on_postgres, psql

ADD_TAX = """
job add { why "Tax is added where it is missing." }
source shop = postgres(env("SHOP_URL"))
update add of shop.orders where total == subtotal chunk 100 { set total = total + tax + 1 }
verify none_left { assert not exists(shop.orders where total == subtotal) }
"""
TAGGED = """
job tags { why "Each row gets its mark." }
source shop = postgres(env("SHOP_URL"), workers: 2)
update mark of shop.TABLE where done == 0 chunk 10 { set done = 1 }
"""


def binary(name):
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(found[0]) if found else shutil.which(name)


def as_server(*words):
    """The server and the pooler refuse to be run by root."""
    if os.getuid() != 0:
        return list(words)
    user = "postgres" if subprocess.run(["id", "postgres"], capture_output=True).returncode == 0 else "nobody"
    return ["setpriv", f"--reuid={user}", "--clear-groups", *words]


@contextlib.contextmanager
def folder():
    made = tempfile.mkdtemp(prefix="bfl-server-")
    os.chmod(made, 0o777)
    try:
        yield pathlib.Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def host_and_port():
    return (SERVER / "url").read_text().strip().split("@")[1].split("/")[0].split(":")


@contextlib.contextmanager
def pooler(db):
    """pgbouncer before the database, a session for each transaction; gives the address that leads through it."""
    host, port = host_and_port()
    with folder() as place:
        own = free_port()
        (place / "users.txt").write_text('"bfl" ""\n')
        (place / "pooler.ini").write_text(f"""[databases]
{db.name} = host={host} port={port} dbname={db.name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
auth_type = trust
auth_file = {place}/users.txt
pool_mode = transaction
default_pool_size = 3
unix_socket_dir =
""")
        os.chmod(place / "users.txt", 0o644)
        process = subprocess.Popen(as_server(shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "-q", str(place / "pooler.ini")),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        url = f"postgres://bfl@127.0.0.1:{own}/{db.name}"
        try:
            for _ in range(100):
                if subprocess.run(["psql", "-XqAt", "-d", url, "-c", "SELECT 1"], capture_output=True).returncode == 0:
                    break
                time.sleep(0.05)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=20)


@on_postgres
def through_a_pooler(place, db):
    if not (shutil.which("pgbouncer") or os.path.exists("/usr/sbin/pgbouncer")):
        return SKIPPED
    db.shop(3000)
    db.sql("UPDATE orders SET total = subtotal")
    place.write("job.bfl", ADD_TAX)
    with pooler(db) as url:
        os.environ["SHOP_URL"] = url
        before = psql(url, "SELECT current_setting('search_path'), current_setting('row_security'), current_setting('lock_timeout'), current_setting('timezone')")
        place.call("plan", "job.bfl")
        for _ in range(4):
            process = place.start("run", "job.bfl", "--workers", "2")
            time.sleep(random.uniform(0.05, 0.4))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        place.call("run", "job.bfl")
        expect("nothing to do" in place.call("run", "job.bfl").stdout, "the second run did something")
        for _ in range(6):
            now = psql(url, "SELECT current_setting('search_path'), current_setting('row_security'), current_setting('lock_timeout'), current_setting('timezone')")
            expect(now == before, f"the pooler's sessions were left with other settings: {now}, not {before}")
        place.call("audit", "verify", "job.bfl")
    expect(db.value("SELECT count(*) FROM orders WHERE total <> subtotal + tax + 1") == "0", "not every row was changed once")


@on_postgres
def a_replica_is_only_read(place, db):
    basebackup, control = binary("pg_basebackup"), binary("pg_ctl")
    if not basebackup or not control:
        return SKIPPED
    db.shop(100)
    host, port = host_and_port()
    own = free_port()
    with folder() as there:
        data = there / "data"
        made = subprocess.run(as_server(basebackup, "-h", host, "-p", port, "-U", "bfl", "-D", str(data), "-R", "-c", "fast"), capture_output=True, text=True, cwd="/")
        expect(made.returncode == 0, made.stderr)
        words = as_server(control, "-D", str(data), "-l", str(there / "log"), "-w", "-t", "60", "-o", f"-p {own} -k {there} -c listen_addresses=127.0.0.1")
        started = subprocess.run([*words, "start"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        expect(started.returncode == 0, (there / "log").read_text() if os.access(there / "log", os.R_OK) else "the replica did not start")
        try:
            os.environ["SHOP_URL"] = f"postgres://bfl@127.0.0.1:{own}/{db.name}"
            place.write("job.bfl", ADD_TAX)
            for command in ("check", "plan"):
                said = place.call(command, "job.bfl", code=2).stderr
                expect("can only be read" in said and "primary" in said, f"{command} does not say that it is a replica:\n{said}")
            said = place.call("run", "job.bfl", code=None)
            expect(said.returncode != 0 and "primary" in said.stderr, f"run does not say that it is a replica:\n{said.stderr}")
        finally:
            subprocess.run([*words, "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


@on_postgres
def found_by_service_and_variables(place, db):
    db.shop(20)
    host, port = host_and_port()
    place.write("services.conf", f"[shop]\nhost={host}\nport={port}\nuser=bfl\ndbname={db.name}\n")
    look = 'job look { why "A look." }\nsource shop = postgres("WHERE")\nverify some { assert count(shop.orders) == 20 }\n'
    place.write("service.bfl", look.replace("WHERE", "service=shop"))
    place.call("run", "service.bfl", env={"PGSERVICEFILE": str(place.folder / "services.conf")})
    place.write("variables.bfl", look.replace("WHERE", f"dbname={db.name}"))
    place.call("run", "variables.bfl", "--state", "v.db", env={"PGHOST": host, "PGPORT": port, "PGUSER": "bfl"})
    said = place.call("run", "service.bfl", "--state", "s.db", code=None, env={"PGSERVICEFILE": "/nowhere"})
    expect(said.returncode != 0 and "cannot" in said.stderr, f"{said.returncode}: {said.stderr}")


def marked(place, db, table, rows):
    os.environ["SHOP_URL"] = db.url
    place.write("job.bfl", TAGGED.replace("TABLE", table))
    place.call("plan", "job.bfl")
    out = place.call("run", "job.bfl").stdout
    expect(f"{rows} rows changed" in out, out)
    place.call("audit", "verify", "job.bfl")


@on_postgres
def partitions(place, db):
    db.sql("""
CREATE TABLE events (id int, region text COLLATE "C", done int NOT NULL, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
CREATE TABLE events_north PARTITION OF events FOR VALUES IN ('n'); CREATE TABLE events_south PARTITION OF events FOR VALUES IN ('s');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
INSERT INTO events SELECT i, (ARRAY['n', 's', 'w', 'e'])[1 + i % 4], 0 FROM generate_series(1, 200) AS n(i)""")
    marked(place, db, "events", 200)
    expect(db.value("SELECT count(*) FROM events WHERE done = 1") == "200", "not every partition was changed")


@on_postgres
def odd_types_beside(place, db):
    """Domains, enums, arrays, identity, infinity, all in the images; a key that is a uuid."""
    db.sql("""
CREATE DOMAIN cents AS numeric(9,2) CHECK (VALUE >= 0); CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE things (id uuid PRIMARY KEY, number int GENERATED ALWAYS AS IDENTITY, price cents, mood mood, tags text[], grid int[][], at timestamptz, day date,
  span interval, place inet, done int NOT NULL DEFAULT 0);
INSERT INTO things (id, price, mood, tags, grid, at, day, span, place) SELECT md5(i::text)::uuid, i, 'sad', '{a,NULL,"b,c"}', '{{1,2},{3,4}}',
  CASE i % 3 WHEN 0 THEN timestamptz 'infinity' WHEN 1 THEN '-infinity' ELSE '2024-02-29 12:00+02' END, CASE i % 2 WHEN 0 THEN date 'infinity' ELSE '0044-03-15 BC' END,
  interval '1 mon -2 days', '10.0.0.0/8' FROM generate_series(1, 60) AS n(i)""")
    before = db.sql("SELECT id, number, price, mood, tags, grid, at, day, span, place FROM things ORDER BY id")
    marked(place, db, "things", 60)
    expect(before == db.sql("SELECT id, number, price, mood, tags, grid, at, day, span, place FROM things ORDER BY id"), "another column changed")


@on_postgres
def rules_are_refused(place, db):
    db.sql("CREATE TABLE plain (id int PRIMARY KEY, done int NOT NULL); INSERT INTO plain VALUES (1, 0); CREATE TABLE log (id int);"
           "CREATE RULE also AS ON UPDATE TO plain DO ALSO INSERT INTO log VALUES (OLD.id)")
    os.environ["SHOP_URL"] = db.url
    place.write("job.bfl", TAGGED.replace("TABLE", "plain"))
    said = place.call("plan", "job.bfl", code=2).stderr
    expect("also" in said, f"it does not name the rule:\n{said}")
    expect(db.value("SELECT count(*) FROM log") == "0", "the rule was carried out")


if __name__ == "__main__":
    main([through_a_pooler, a_replica_is_only_read, found_by_service_and_variables, partitions, odd_types_beside,
          rules_are_refused])
