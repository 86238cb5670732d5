"""What others feel: latency of a pgbench that writes the same table while it is being corrected."""
import os
import shutil
import subprocess
import time

from postgres_measures import JOB, Wrong, measured
from report import Row

CLIENTS, RATE = 4, 200          # connections; transactions a second that are meant to begin, whatever the ones before them take
WRITER = "\\set id random(1, {rows})\nUPDATE orders SET note = 'written ' || :id WHERE id = :id;\n"
PACE = "pace { rows <= 20_000/s  pause when blocked(shop) > 0 }"
QUIET = 10                      # seconds, without anybody beside it
BEFORE = 3                      # seconds of the writer alone before a program begins


def pgbench():
  for place in (shutil.which("pgbench"), *(f"/usr/lib/postgresql/{version}/bin/pgbench" for version in range(20, 13, -1))):
    if place and os.path.exists(place):
      return place
  raise Wrong("pgbench is not installed: apt install postgresql-contrib")


class Writer:
  """pgbench at a steady rate. A transaction counts from when it was meant to begin, so that one that waits hides none behind it."""

  def __init__(self, postgres, database):
    folder = postgres.bench.path("pgbench")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    script = os.path.join(folder, "script.sql")
    with open(script, "w") as out:
      out.write(WRITER.format(rows=postgres.bench.rows))
    self.folder, self.postgres, self.database = folder, postgres, database
    self.process = subprocess.Popen(
      [pgbench(), "-n", "-f", script, "-c", str(CLIENTS), "-j", "1", "-R", str(RATE), "-T", "3600", "-l", f"--log-prefix={folder}/log", postgres.server.where(database)],
      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

  def end(self):
    self.process.terminate()
    self.process.wait()

  def latencies(self, begin, end):
    """Seconds, of transactions that ended between the two."""
    found = []
    for name in os.listdir(self.folder):
      if not name.startswith("log"):
        continue
      with open(os.path.join(self.folder, name)) as log:
        for line in log:
          fields = line.split()
          if len(fields) < 6 or not fields[2].isdigit():
            continue
          at = int(fields[4]) + int(fields[5]) / 1e6
          if begin <= at <= end:
            found.append(int(fields[2]) / 1e6)
    if len(found) < 100:
      raise Wrong(f"only {len(found)} transactions of pgbench in {end - begin:.1f} s")
    return sorted(found)


def under(postgres, pristine, program):
  """p50 and p99 of the writer while `program(database)` is at work, and how long that took."""
  database = postgres.server.fresh_copy(pristine)
  writer = Writer(postgres, database)
  try:
    time.sleep(BEFORE)
    begin = time.time()
    program(database)
    end = time.time()
  finally:
    time.sleep(0.5)
    writer.end()
  found = writer.latencies(begin, end)
  return {"p50": found[len(found) // 2], "p99": found[len(found) * 99 // 100], "most": found[-1], "seconds": end - begin, "count": len(found)}


def paced_job(bench):
  with open(JOB) as job:
    text = job.read()
  marked = text.replace("update fix_totals of shop.orders where total != subtotal + tax {", "update fix_totals of shop.orders where total != subtotal + tax " + PACE + " {")
  if marked == text:
    raise Wrong("the job has another shape")
  place = bench.path("paced.bfl")
  with open(place, "w") as out:
    out.write(marked)
  return place


def load(postgres, rows):
  bench, server = postgres.bench, postgres.server
  pristine = server.pristine(bench.rows, 100)
  paced = paced_job(bench)

  def bfl(job):
    return lambda database: postgres.corrected(database, bench.rows, job=job)

  ways = {"nobody": lambda database: time.sleep(QUIET), "paced": bfl(paced), "bfl": bfl(JOB), "loop": lambda database: postgres.by_hand("loop", database)}
  for number in range(bench.rounds):
    seen = {way: under(postgres, pristine, ways[way]) for way in bench.turns(number, list(ways))}
    for (ours, theirs), row in rows.items():
      row.ours.append(seen[ours]["p99"])
      row.theirs.append(seen[theirs]["p99"])
    bench.say(f"load, round {number + 1}: " + ", ".join(f"{way} p50 {one['p50'] * 1000:.1f} ms, p99 {one['p99'] * 1000:.1f} ms, most {one['most'] * 1000:.0f} ms, {one['count']} in {one['seconds']:.1f} s" for way, one in seen.items()))


def measure_load(bench):
  what = f"p99 of pgbench, {RATE} updates a second of the same {bench.rows:,} rows, while"
  rows = {
    ("paced", "nobody"): Row(f"{what} all are corrected with `{PACE}`", "nobody beside pgbench", None),
    ("bfl", "nobody"): Row("the same while bfl corrects them at full speed", "nobody beside pgbench", None),
    ("loop", "nobody"): Row("the same while the keyset chunk loop does, 5,000 rows a chunk", "nobody beside pgbench", None),
    ("paced", "loop"): Row("bfl with `pace`", "that loop", None),
    ("bfl", "loop"): Row("bfl at full speed", "that loop", None),
  }
  return measured(bench, rows, lambda postgres: load(postgres, rows))


MEASURES = {"load": measure_load}
