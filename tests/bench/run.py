#!/usr/bin/env python3
"""What bfl costs against what people do without it: one command, one table.

  python3 tests/bench/run.py [--rows N] [--rounds N] [--only NAME] [--ten-million] [--readme] [--self-test]

Programs take turns, round by round, each from a fresh copy of the same table; a ratio is taken within its round, so that a
slow minute of the machine hurts both sides. bfl is measured as a whole process, from start to exit; the hand-written
alternatives by their own clocks from the first statement to the last commit, without start-up: the comparison favours them.
The table goes to standard output, every single measurement to --json.
"""
import argparse
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

import copy_measures
import editor
import evidence_measures
import gen_steps
import load_measures
import postgres_measures
import process
import tables
from report import Row, as_json, markdown, readme

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
JOB = os.path.join(HERE, "jobs", "fix_totals.bfl")
SHARED_MEMORY = "/dev/shm"
REPEATS = 15           # of measurements that last milliseconds: a round takes their median


class Failed(Exception):
  pass


class Bench:
  def __init__(self, given, directory, memory):
    self.bfl = os.path.abspath(given.bfl)
    self.parse_bench = os.path.abspath(given.parse_bench)
    self.rows, self.steps, self.rounds = given.rows, given.steps, given.rounds
    self.ten_million, self.self_test = given.ten_million, given.self_test
    self.directory, self.memory = directory, memory
    self.postgres_bench = None

  def path(self, *names):
    return os.path.join(self.directory, *names)

  def pristine(self, rows, percent):
    return tables.make_orders(self.path(f"orders_{rows}_{percent}.db"), rows, percent)

  def quick(self, *names):
    """A path for what is only read while the clock runs: in memory, so that making it need not wait for the disk."""
    return os.path.join(self.memory, *names)

  def job(self, job=JOB, db=None, command="run", state="state"):
    words = [self.bfl, command, job]
    if db:
      words += ["--source", f"shop=sqlite:{db}"]
    return words if state is None else words + ["--state", self.path(state, "state.db")]

  def run_bfl(self, *given, **named):
    used = process.timed(self.job(*given, **named), stderr=self.path("errors"))
    if used.code != 0:
      with open(self.path("errors")) as errors:
        raise Failed(f"{' '.join(self.job(*given, **named))}: exit code {used.code}\n{errors.read()}")
    return used

  def forget(self, state="state"):
    shutil.rmtree(self.path(state), ignore_errors=True)

  def corrected(self, db, rows):
    """bfl's run on a fresh table, and proof that it did the work."""
    self.forget()
    used = self.run_bfl(db=db)
    if tables.count_wrong(db) != 0:
      raise Failed("bfl left wrong rows")
    changed = tables.ledger_bytes(db)[1]
    if rows is not None and changed != rows:
      raise Failed(f"bfl's ledger holds {changed} rows, not {rows}")
    return used

  def by_hand(self, way, db):
    command = [sys.executable, os.path.join(HERE, "by_hand.py"), way, db, "--journal", self.path("journal.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
      raise Failed(f"{' '.join(command)}:\n{done.stderr}")
    if way != "scan" and tables.count_wrong(db) != 0:
      raise Failed(f"`{way}` left wrong rows")
    return json.loads(done.stdout)

  def turns(self, number, names):
    """Another order each round, so that nobody always follows the same neighbour."""
    shift = number % len(names)
    return names[shift:] + names[:shift]

  def postgres(self):
    if not self.postgres_bench:
      self.postgres_bench = postgres_measures.PostgresBench(self)
    return self.postgres_bench

  def stop(self):
    if self.postgres_bench:
      self.postgres_bench.stop()

  def say(self, text):
    print(text, file=sys.stderr, flush=True)


def against(rows, ours, measured):
  for way, row in rows.items():
    row.ours.append(ours.wall)
    row.our_cpu.append(ours.cpu)
    row.theirs.append(measured[way]["wall"])
    row.their_cpu.append(measured[way]["cpu"])


def correction(bench, percent, rows, expected_rows, ledger=None):
  pristine = bench.pristine(bench.rows, percent)
  for number in range(bench.rounds):
    measured, ours = {}, None
    for way in bench.turns(number, ["bfl", *rows]):
      db = tables.fresh_copy(pristine, bench.path("work.db"))
      if way == "bfl":
        ours = bench.corrected(db, expected_rows)
        if ledger:
          size, changed = tables.ledger_bytes(db)
          ledger.ours.append(size / changed)
          ledger.theirs.append(tables.stored_bytes_per_row(pristine))
      else:
        measured[way] = bench.by_hand(way, db)
    against(rows, ours, measured)
    bench.say(f"{percent}% wrong, round {number + 1}: bfl {ours.wall:.2f} s, "
              + ", ".join(f"{way} {measured[way]['wall']:.2f} s" for way in rows))


def measure_all(bench):
  what = f"{bench.rows:,} rows all changed, full evidence"
  rows = {
    "bare": Row(what, "bare single UPDATE", 3.0),
    "loop": Row("the same", "chunk loop in Python, no journal", 1.8),
    "journal": Row("the same", "that loop with a JSON-lines journal", 0.22),
    "orm": Row("the same", "row by row in Python, 1,000 a transaction", 0.3),
  }
  ledger = Row("ledger, compressed, bytes a row", "a changed row as SQLite stores it", 0.45, unit="B")
  correction(bench, 100, rows, bench.rows, ledger)
  return [*rows.values(), ledger]


def measure_some(bench):
  rows = {
    "bare": Row(f"5% of {bench.rows:,} rows changed, full evidence", "bare single UPDATE", 1.8),
    "loop": Row("the same", "chunk loop in Python, no journal", None),
  }
  correction(bench, 5, rows, None)
  return list(rows.values())


def measure_none(bench):
  """The job has run before and is asked to look again: no memo, no change, one reading of the table."""
  row = Row(f"nothing to change in {bench.rows:,} rows, read again (`--again`)", "bare scan", 1.1)
  db = tables.fresh_copy(bench.pristine(bench.rows, 0), bench.path("none.db"))
  bench.forget("none")
  bench.run_bfl(db=db, state="none")
  again = [*bench.job(db=db, state="none"), "--again", "fix_totals"]
  for number in range(bench.rounds):
    measured = {}
    for way in bench.turns(number, ["bfl", "scan"]):
      measured[way] = process.timed(again) if way == "bfl" else bench.by_hand(way, db)
    ours = measured["bfl"]
    if ours.code != 0 or tables.ledger_bytes(db)[1] != 0:
      raise Failed(f"{' '.join(again)}: exit code {ours.code}, or rows were changed")
    against({"scan": row}, ours, measured)
    bench.say(f"nothing wrong, round {number + 1}: bfl {ours.wall * 1000:.0f} ms, scan {measured['scan']['wall'] * 1000:.0f} ms")
  return [row]


def median_of_repeats(command, directory=None):
  used = sorted((process.timed(command, directory) for _ in range(REPEATS)), key=lambda one: one.wall)
  if any(one.code != 0 for one in used):
    raise Failed(f"{' '.join(command)}: exit code {max(one.code for one in used)}")
  return used[len(used) // 2]


def pair(row, ours, theirs):
  row.ours.append(ours.wall)
  row.our_cpu.append(ours.cpu)
  row.theirs.append(theirs.wall)
  row.their_cpu.append(theirs.cpu)


def server_answers(command):
  return shutil.which(command[0]) and process.timed(command).code == 0


def measure_memo(bench):
  finished = {}
  for rows in (1000, bench.rows):
    db = tables.fresh_copy(bench.pristine(rows, 5), bench.path(f"memo_{rows}.db"))
    bench.forget(f"memo_{rows}")
    bench.run_bfl(db=db, state=f"memo_{rows}")
    finished[rows] = db
  small, large = (bench.job(db=finished[rows], state=f"memo_{rows}") for rows in (1000, bench.rows))
  shell = Row("run of a finished job", "`sqlite3 DB 'select 1'`", 4.0)
  server = Row("the same", "`psql -c 'select 1'`", 1.0, missing="no server answers psql")
  size = Row(f"the same over {bench.rows:,} rows", "over 1,000 rows", 1.1)
  select = ["sqlite3", finished[bench.rows], "select 1"]
  psql = ["psql", "-qAtX", "-c", "select 1"]
  ask_server = server_answers(psql)
  if not shutil.which("sqlite3"):
    shell.missing = "sqlite3 is not installed"
  for number in range(bench.rounds):
    ours = median_of_repeats(large)
    if not shell.missing:
      pair(shell, ours, median_of_repeats(select))
    if ask_server:
      pair(server, ours, median_of_repeats(psql))
    pair(size, ours, median_of_repeats(small))
    bench.say(f"memo hit, round {number + 1}: {ours.wall * 1000:.1f} ms")
  return [shell, server, size]


def prepare_steps(bench, steps, verify=False):
  """The command that runs a job of so many steps again, after its first run."""
  name = f"steps_{steps}{'_verified' if verify else ''}"
  job, _ = gen_steps.make_bfl(bench.quick(name), steps, verify)
  state = bench.quick(name, "state")
  bench.say(f"running {steps:,} steps for the first time")
  first = bench.run_bfl(job, state=state)
  bench.say(f"  {first.wall:.1f} s")
  return bench.job(job, state=state)


def measure_steps(bench):
  few, many = bench.steps, bench.steps * 10
  again = prepare_steps(bench, few)
  proved = prepare_steps(bench, few, verify=True)
  again_many = prepare_steps(bench, many)
  nothing = Row(f"{few:,} steps, nothing to do", f"ninja, {few:,} edges, nothing to do", 2.0)
  checked = Row("the same with a `verify`: parsed, planned and decided step by step", "the same", None)
  linear = Row(f"{many:,} steps, nothing to do, a step", f"of {few:,} steps", 1.25)
  build = None
  if shutil.which("ninja"):
    build = gen_steps.make_ninja(bench.quick("edges"), few)
    subprocess.run(["ninja"], cwd=build, check=True, stdout=subprocess.DEVNULL)
  else:
    nothing.missing = checked.missing = "ninja is not installed"
  for number in range(bench.rounds):
    ours = median_of_repeats(again)
    if build:
      ninja = median_of_repeats(["ninja"], build)
      pair(nothing, ours, ninja)
      pair(checked, process.timed(proved), ninja)
    large = median_of_repeats(again_many)
    pair(linear, process.Usage(large.wall / 10, large.cpu / 10, 0), ours)
    bench.say(f"{few:,} steps again, round {number + 1}: {ours.wall * 1000:.1f} ms")
  return [nothing, checked, linear]


def measure_first(bench):
  few, many = bench.steps, bench.steps * 10
  graph = Row(f"{few:,} steps, first time: parse, check, plan", "wall time of `bfl graph`", 1.0, relative=False)
  linear = Row(f"{many:,} steps, first time, a step", f"of {few:,} steps", 1.25)
  counted = Row(f"{few:,} steps planned, rows counted and sampled step by step", "wall time of `bfl plan`", None, relative=False)
  small, _ = gen_steps.make_bfl(bench.quick(f"first_{few}"), few)
  large, _ = gen_steps.make_bfl(bench.quick(f"first_{many}"), many)
  for number in range(bench.rounds):
    ours = bench.run_bfl(small, command="graph", state=None)
    graph.ours.append(ours.wall)
    tenfold = bench.run_bfl(large, command="graph", state=None)
    pair(linear, process.Usage(tenfold.wall / 10, tenfold.cpu / 10, 0), ours)
    counted.ours.append(bench.run_bfl(small, command="plan", state=bench.path("first")).wall)
    bench.say(f"plan, round {number + 1}: {few:,} steps {ours.wall:.2f} s, {many:,} steps {tenfold.wall:.2f} s")
  return [graph, linear, counted]


def measure_keys(bench):
  row = Row(f"language server: a keystroke in a job of {editor.LINES:,} lines, to its diagnostics", "", 0.02, relative=False)
  for number in range(bench.rounds):
    row.ours.append(editor.keystrokes(bench.bfl, bench.quick(f"keys_{number}")))
    bench.say(f"keystroke, round {number + 1}: {row.ours[-1] * 1000:.1f} ms")
  return [row]


def parse_speeds(bench, text):
  done = subprocess.run([bench.parse_bench, "measure", text], capture_output=True, text=True)
  if done.returncode != 0:
    raise Failed(f"{bench.parse_bench} measure {text}: exit code {done.returncode}\n{done.stderr}")
  speeds = re.findall(r"^(grammar alone|parse) +([0-9.]+) MB/s$", done.stdout, re.MULTILINE)
  return {name: float(speed) for name, speed in speeds}


def measure_parse(bench):
  row = Row("parse, with tree, spans and comments", "the PEGTL rules alone", 0.2, unit="MB/s", at_least=True)
  tree = os.path.dirname(bench.parse_bench)
  if os.path.exists(os.path.join(tree, "CMakeCache.txt")) and not bench.self_test:
    subprocess.run(["cmake", "--build", tree, "--target", "parse_bench"], stdout=subprocess.DEVNULL, check=False)
  if not os.path.exists(bench.parse_bench):
    row.missing = "parse_bench is not built"
    return [row]
  text = bench.path("parse.bfl")
  with open(text, "w") as out:
    subprocess.run([bench.parse_bench, "generate", "5"], stdout=out, check=True)
  for number in range(bench.rounds):
    speeds = parse_speeds(bench, text)
    row.ours.append(speeds["parse"])
    row.theirs.append(speeds["grammar alone"])
    bench.say(f"parse, round {number + 1}: {speeds['parse']:.0f} MB/s")
  return [row]


def measure_memory(bench):
  found = []
  for rows in (bench.rows, *([10 * bench.rows] if bench.ten_million else [])):
    row = Row(f"peak resident memory, {rows:,} rows changed", "", 32.0, unit="MiB", relative=False)
    db = tables.fresh_copy(bench.pristine(rows, 100), bench.path("work.db"))
    bench.forget()
    peak, code = process.peak_memory(bench.job(db=db))
    if code != 0:
      raise Failed(f"{' '.join(bench.job(db=db))}: exit code {code}")
    row.ours.append(peak / 1024 / 1024)
    bench.say(f"memory, {rows:,} rows: {row.ours[0]:.1f} MiB")
    found.append(row)
  return found


MEASURES = {
  "all": measure_all, "some": measure_some, "none": measure_none, "memo": measure_memo, "steps": measure_steps,
  "first": measure_first, "keys": measure_keys, "parse": measure_parse, "memory": measure_memory, **postgres_measures.MEASURES, **copy_measures.MEASURES,
  **evidence_measures.MEASURES,
}

BY_NAME = load_measures.MEASURES  # takes minutes, and is measured when it is named


def machine():
  model = platform.processor() or platform.machine()
  try:
    with open("/proc/cpuinfo") as info:
      model = next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
  except (OSError, StopIteration):
    pass
  return {"cpu": model, "cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(),
          "sqlite": sqlite3.sqlite_version, "load": os.getloadavg()[0]}


def arguments():
  given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  given.add_argument("--rows", type=int, default=1_000_000)
  given.add_argument("--steps", type=int, default=10_000, help="also measured with ten times as many")
  given.add_argument("--rounds", type=int, default=5)
  given.add_argument("--only", choices=[*MEASURES, *BY_NAME], action="append", help="may be given several times")
  given.add_argument("--ten-million", action="store_true", help="memory also with ten times the rows")
  given.add_argument("--self-test", action="store_true", help="tiny sizes, one round: do the programs work? says nothing of speed")
  given.add_argument("--readme", action="store_true", help="print the table as README.md has it")
  given.add_argument("--bfl", default=os.path.join(ROOT, "build", "bfl"))
  given.add_argument("--parse-bench", default=os.path.join(ROOT, "build", "parse_bench"))
  given.add_argument("--json", default="bench.json", help="where every measurement goes (default: %(default)s)")
  given.add_argument("--keep", metavar="DIRECTORY", help="work here and leave the tables behind")
  return given.parse_args()


def measure(given, directory, memory):
  if given.self_test:
    global REPEATS
    REPEATS, given.rows, given.steps, given.rounds = 1, 2000, 20, 1
  bench = Bench(given, directory, memory)
  before, rows, failures = machine(), [], []
  for name in given.only or MEASURES:
    try:
      rows += {**MEASURES, **BY_NAME}[name](bench)
    except (Failed, postgres_measures.Wrong, sqlite3.Error, OSError) as error:
      failures.append(f"{name}: {error}")
  bench.stop()
  if not given.self_test:
    print(readme(rows) if given.readme else markdown(rows))
    print(f"\n{given.rounds} rounds; {before['cpu']}, {before['cores']} cores, SQLite {before['sqlite']}.")
    with open(given.json, "w") as out:
      json.dump({"machine": before, "rounds": given.rounds, "rows": [as_json(row) for row in rows]}, out, indent=1)
  for failure in failures:
    print(f"failed: {failure}", file=sys.stderr)
  return 1 if failures else 0


def main():
  given = arguments()
  if not os.path.exists(given.bfl):
    sys.exit(f"{given.bfl} does not exist: build it first, or name it with --bfl")
  if given.keep:
    os.makedirs(given.keep, exist_ok=True)
    return measure(given, given.keep, given.keep)
  roomy = os.path.isdir(SHARED_MEMORY) and os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free > 2 << 30
  with tempfile.TemporaryDirectory(prefix="bfl-bench-") as directory, \
       tempfile.TemporaryDirectory(prefix="bfl-bench-", dir=SHARED_MEMORY if roomy else None) as memory:
    return measure(given, directory, memory)


if __name__ == "__main__":
  sys.exit(main())
