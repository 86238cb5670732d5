"""The measures on PostgreSQL: the same job, against what people write there."""
import json
import os
import re
import subprocess
import sys

import process
from postgres_tables import HERE, Server
from report import Row
from tables import WRONG

JOB = os.path.join(HERE, "jobs", "fix_totals.bfl")
BOTH = os.path.join(HERE, "jobs", "fix_both.bfl")
CHUNK = 5000           # rows a chunk, of the measure of lanes and ledger


class Wrong(Exception):
  pass


class PostgresBench:
  """A server, bfl on it, and the programs beside it; `why_not` says what is missing."""

  def __init__(self, bench):
    self.bench, self.server, self.why_not, self.python = bench, None, "", ""
    try:
      self.server = Server(bench.path("postgres"))
    except LookupError as missing:
      self.why_not = str(missing)
      return
    for python in (sys.executable, "/usr/bin/python3"):
      if subprocess.run([python, "-c", "import psycopg2"], capture_output=True).returncode == 0:
        self.python = python
        return
    self.why_not = "python3-psycopg2 is not installed"

  def stop(self):
    if self.server:
      self.server.stop()

  def command(self, database, *more, job=JOB):
    return [self.bench.bfl, "run", job, "--source", f"shop=postgres:{self.server.where(database)}", "--state", self.bench.path("state", "state.db"), *more]

  def checked(self, database, rows):
    if self.server.count_wrong(database) != 0:
      raise Wrong("wrong rows are left")
    changed = self.server.ledger_bytes(database)[1]
    if rows is not None and changed != rows:
      raise Wrong(f"bfl's ledger holds {changed} rows, not {rows}")

  def corrected(self, database, rows, *more, job=JOB):
    self.bench.forget()
    command = self.command(database, *more, job=job)
    used = process.timed(command, stderr=self.bench.path("errors"))
    if used.code != 0:
      with open(self.bench.path("errors")) as errors:
        raise Wrong(f"{' '.join(command)}: exit code {used.code}\n{errors.read()}")
    self.checked(database, rows)
    return used

  def by_hand(self, way, database):
    command = [self.python, os.path.join(HERE, "by_hand_postgres.py"), way, self.server.where(database), "--journal", self.bench.path("journal.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
      raise Wrong(f"{' '.join(command)}:\n{done.stderr}")
    if way != "scan" and self.server.count_wrong(database) != 0:
      raise Wrong(f"`{way}` left wrong rows")
    return json.loads(done.stdout)


def against(row, ours, theirs):
  row.ours.append(ours.wall)
  row.theirs.append(theirs["wall"])


def correction(postgres, percent, rows, expected, two=None):
  """`rows`: of each way by hand. `two`: the same job by two workers, against the loop."""
  bench, server = postgres.bench, postgres.server
  pristine = server.pristine(bench.rows, percent)
  for number in range(bench.rounds):
    measured, ours, both = {}, None, None
    for way in bench.turns(number, ["bfl", *rows, *(["two workers"] if two else [])]):
      database = server.fresh_copy(pristine)
      if way == "bfl":
        ours = postgres.corrected(database, expected)
      elif way == "two workers":
        both = postgres.corrected(database, expected, "--workers", "2")
      else:
        measured[way] = postgres.by_hand(way, database)
    for way, row in rows.items():
      against(row, ours, measured[way])
    if two:
      against(two, both, measured["loop"])
      bench.say(f"PostgreSQL, two workers, round {number + 1}: {both.wall:.2f} s")
    bench.say(f"PostgreSQL, {percent}% wrong, round {number + 1}: bfl {ours.wall:.2f} s, "
              + ", ".join(f"{way} {measured[way]['wall']:.2f} s" for way in rows))


def measure_all(bench):
  what = f"PostgreSQL: {bench.rows:,} rows all changed, full evidence"
  rows = {
    "bare": Row(what, "bare single UPDATE", 1.3),
    "loop": Row("the same", "keyset chunk loop in Python, no journal", 1.3),
    "audit": Row("the same", "UPDATE with an audit trigger (JSONB)", 0.4),
    "journal": Row("the same", "the chunk loop with a JSON-lines journal", 0.3),
  }
  two = Row("the same on two connections (`--workers 2`)", "the keyset chunk loop on one, no journal", 0.85)
  return measured(bench, {**rows, "two": two}, lambda postgres: correction(postgres, 100, rows, bench.rows, two))


def measure_some(bench):
  rows = {
    "bare": Row(f"PostgreSQL: 5% of {bench.rows:,} rows changed, full evidence", "bare single UPDATE", 1.7),
    "loop": Row("the same", "keyset chunk loop in Python, no journal", None),
  }
  return measured(bench, rows, lambda postgres: correction(postgres, 5, rows, None))


def measure_none(bench):
  row = Row(f"PostgreSQL: nothing to change in {bench.rows:,} rows, read again (`--again`)", "bare scan", 1.1)
  whole = Row("the same", "that scan by `psql -c`, from start to exit", None)

  def measure(postgres):
    database = postgres.server.fresh_copy(postgres.server.pristine(bench.rows, 0))
    postgres.corrected(database, 0)
    again = postgres.command(database, "--again", "fix_totals")
    for number in range(bench.rounds):
      found = {}
      scan = ["psql", "-XqAt", "-d", postgres.server.where(database), "-c", f"select count(*) from orders where {WRONG}"]
      for way in bench.turns(number, ["bfl", "scan", "psql"]):
        found[way] = postgres.by_hand(way, database) if way == "scan" else process.timed(again if way == "bfl" else scan)
      if found["bfl"].code != 0:
        raise Wrong(f"{' '.join(again)}: exit code {found['bfl'].code}")
      against(row, found["bfl"], found["scan"])
      against(whole, found["bfl"], {"wall": found["psql"].wall})
      bench.say(f"PostgreSQL, nothing wrong, round {number + 1}: bfl {found['bfl'].wall * 1000:.0f} ms, scan {found['scan']['wall'] * 1000:.0f} ms, "
                f"psql {found['psql'].wall * 1000:.0f} ms")
    postgres.checked(database, 0)

  return measured(bench, {"scan": row, "psql": whole}, measure)


def measure_memory(bench):
  row = Row(f"PostgreSQL: peak resident memory of bfl, {bench.rows:,} rows changed", "", 32.0, unit="MiB", relative=False)

  def measure(postgres):
    database = postgres.server.fresh_copy(postgres.server.pristine(bench.rows, 100))
    bench.forget()
    peak, code = process.peak_memory(postgres.command(database))
    if code != 0:
      raise Wrong(f"{' '.join(postgres.command(database))}: exit code {code}")
    row.ours.append(peak / 1024 / 1024)
    bench.say(f"PostgreSQL, memory: {row.ours[0]:.1f} MiB")

  return measured(bench, {"": row}, measure)


def measure_steps(bench):
  """Two steps that need not wait for each other."""
  row = Row(f"PostgreSQL: two steps of {bench.rows // 2:,} rows at the same time (`--steps 2`)", "one after the other", None)

  def measure(postgres):
    pristine = postgres.server.two_tables(bench.rows // 2, 100)
    for number in range(bench.rounds):
      took = {}
      for steps in bench.turns(number, ["1", "2"]):
        took[steps] = postgres.corrected(postgres.server.fresh_copy(pristine), bench.rows, "--steps", steps, job=BOTH)
      against(row, took["2"], {"wall": took["1"].wall})
      bench.say(f"PostgreSQL, two steps, round {number + 1}: {took['2'].wall:.2f} s, one after the other {took['1'].wall:.2f} s")

  return measured(bench, {"": row}, measure)


def logged(server, job):
  """Milliseconds that the server spent on bfl's own tables and on everything, by its log, while `job` runs."""
  with open(os.path.join(server.directory, "place")) as place:
    path = os.path.join(place.read().strip(), "log")
  start = os.path.getsize(path)
  job()
  with open(path, errors="replace") as log:
    log.seek(start)
    spent = re.findall(r"duration: ([0-9.]+) ms  (?:parse|bind|execute|statement)[^:]*: (.*)", log.read())
  own = sum(float(time) for time, sql in spent if re.match(r"(UPDATE|INSERT INTO|SELECT .* FROM) bfl\.", sql))
  return own, sum(float(time) for time, _ in spent)


def measure_commits(bench):
  row = Row(f"PostgreSQL: lane and ledger, {CHUNK:,} rows a chunk, as the server's log has it", "everything else of the run", 0.05, unit="ms")

  def measure(postgres):
    server = postgres.server
    with open(JOB) as job:
      chunked = job.read().replace("total != subtotal + tax {", f"total != subtotal + tax chunk {CHUNK} {{")
    path = bench.path("chunked.bfl")
    with open(path, "w") as out:
      out.write(chunked)
    for number in range(bench.rounds):
      database = server.fresh_copy(server.pristine(bench.rows, 100))
      server.sql("postgres", f"alter database {database} set log_min_duration_statement = 0", f"alter database {database} set log_parameter_max_length = 0")
      bench.forget()
      command = postgres.command(database, job=path)
      codes = []
      own, all_of_it = logged(server, lambda: codes.append(process.timed(command).code))
      if codes != [0]:
        raise Wrong(f"{' '.join(command)}: exit code {codes}")
      row.ours.append(own)
      row.theirs.append(all_of_it - own)
      bench.say(f"PostgreSQL, lane and ledger, round {number + 1}: {own:.0f} of {all_of_it:.0f} ms")

  return measured(bench, {"": row}, measure)


def measured(bench, rows, measure):
  """What is missing is said in the rows; what goes wrong is the caller's to report."""
  postgres = bench.postgres()
  if postgres.why_not:
    for row in rows.values():
      row.missing = postgres.why_not
  else:
    measure(postgres)
  return list(rows.values())


MEASURES = {
  "postgres-all": measure_all, "postgres-some": measure_some, "postgres-none": measure_none, "postgres-memory": measure_memory,
  "postgres-commits": measure_commits, "postgres-steps": measure_steps,
}
