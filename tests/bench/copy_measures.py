"""A whole table from SQLite to PostgreSQL and back, against what the tools of the two do with a CSV file between them."""
import contextlib
import os
import shutil
import sqlite3
import subprocess
import time

import process
import tables
from postgres_measures import Wrong, measured
from postgres_tables import HERE
from report import Row

# The table of tables.py with the types that SQLite's columns have.
SCHEMA = """
create table orders(
  id bigint primary key, customer_id bigint not null, created_at text not null,
  subtotal bigint not null, tax bigint not null, total bigint not null, status text not null, note text)"""

JOB = os.path.join(HERE, "jobs", "copy_orders.bfl")


def run(bench, old, new):
  """Seconds and peak bytes; seen from outside."""
  bench.forget()
  command = [bench.bfl, "run", JOB, "--source", f"old={old}", "--source", f"new={new}", "--state", bench.path("state", "state.db")]
  start = time.perf_counter()
  peak, code = process.peak_memory(command)
  if code != 0:
    raise Wrong(f"{' '.join(command)}: exit code {code}")
  return time.perf_counter() - start, peak


def empty_sqlite(path):
  with contextlib.closing(sqlite3.connect(path)) as db:
    db.execute("pragma journal_mode = wal")
    db.execute(tables.SCHEMA)
  return path


def shell(*commands):
  start = time.perf_counter()
  for words in commands:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
  return time.perf_counter() - start


def sums_of_sqlite(path):
  with contextlib.closing(sqlite3.connect(path)) as db:
    return db.execute("select count(*), sum(id), sum(customer_id), count(note) from orders").fetchone()


def sums_of_postgres(server, database):
  found = server.value(database, "select count(*), sum(id), sum(customer_id), count(note) from orders")
  return tuple(int(value) for value in found.split("|"))



def measure_copy(bench):
  rows = {
    "there": Row(f"{bench.rows:,} rows from SQLite into PostgreSQL by `insert`, full evidence", "`sqlite3 -csv` to a file and `\\copy`", None),
    "back": Row("the same from PostgreSQL into SQLite", "`\\copy` to a file and `.import`", None),
    "memory": Row("peak resident memory of either", "", 32.0, unit="MiB", relative=False),
  }

  def measure(postgres):
    server, csv = postgres.server, bench.path("orders.csv")
    pristine = bench.pristine(bench.rows, 0)
    expected = sums_of_sqlite(pristine)
    server.sql("postgres", "drop database if exists empty", "create database empty")
    server.sql("empty", SCHEMA)
    shutil.rmtree(bench.path("copies"), ignore_errors=True)
    os.mkdir(bench.path("copies"))
    for number in range(bench.rounds):
      database = server.fresh_copy("empty", "bfl_side")
      where = server.where(database)
      seconds, there_peak = run(bench, f"sqlite:{pristine}", f"postgres:{where}")
      if sums_of_postgres(server, database) != expected:
        raise Wrong("the copy in PostgreSQL is another table")
      # Back from where it was brought to.
      back = empty_sqlite(bench.path("copies", f"bfl_{number}.db"))
      back_seconds, back_peak = run(bench, f"postgres:{where}", f"sqlite:{back}")
      if sums_of_sqlite(back) != expected:
        raise Wrong("the copy in SQLite is another table")

      database = server.fresh_copy("empty", "tools_side")
      where = server.where(database)
      with open(bench.path("export"), "w") as script:
        script.write(f".mode csv\n.output {csv}\nselect * from orders;\n")
      tools = shell(["sqlite3", pristine, f".read {bench.path('export')}"], ["psql", "-XqAt", "-d", where, "-c", f"\\copy orders from '{csv}' csv"])
      if sums_of_postgres(server, database)[:3] != expected[:3]:
        raise Wrong("the copy by the tools is another table")
      target = empty_sqlite(bench.path("copies", f"tools_{number}.db"))
      tools_back = shell(["psql", "-XqAt", "-d", where, "-c", f"\\copy orders to '{csv}' csv"],
                         ["sqlite3", target, f".import --csv {csv} orders"])
      rows["there"].ours.append(seconds)
      rows["there"].theirs.append(tools)
      rows["back"].ours.append(back_seconds)
      rows["back"].theirs.append(tools_back)
      rows["memory"].ours.append(max(there_peak, back_peak) / 1024 / 1024)
      bench.say(f"copy, round {number + 1}: to PostgreSQL {seconds:.2f} s (tools {tools:.2f} s), back {back_seconds:.2f} s (tools {tools_back:.2f} s)")

  return measured(bench, rows, measure)


MEASURES = {"postgres-copy": measure_copy}
