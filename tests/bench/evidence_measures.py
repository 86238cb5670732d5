"""What proof costs: the ledger of a corrected table recomputed as a whole, and the history of one of its rows."""
import process
import tables
from postgres_measures import JOB, Wrong, measured
from report import Row


def rows_of(bench, of):
  what = f"{of}`bfl audit verify` of {bench.rows:,} changed rows"
  return {
    "verify": Row(what, "", 60, relative=False),
    "memory": Row("peak resident memory of it", "", 32.0, unit="MiB", relative=False),
    "row": Row("`bfl audit row` of one of them", "", 0.1, relative=False),
  }


def of_ledger(bench, rows, source):
  """`source`: words that say where the corrected table lies."""
  state = ["--state", bench.path("state", "state.db")]
  verify = [bench.bfl, "audit", "verify", JOB, *source, *state]
  row = [bench.bfl, "audit", "row", "shop.orders", str(bench.rows // 2), JOB, *source, *state]
  for number in range(bench.rounds):
    for name, command in (("verify", verify), ("row", row)):
      used = process.timed(command)
      if used.code != 0:
        raise Wrong(f"{' '.join(command)}: exit code {used.code}")
      rows[name].ours.append(used.wall)
    peak, _ = process.peak_memory(verify)
    rows["memory"].ours.append(peak / 1024 / 1024)
    bench.say(f"evidence, round {number + 1}: verify {rows['verify'].ours[-1]:.2f} s, {rows['memory'].ours[-1]:.1f} MiB, row {rows['row'].ours[-1] * 1000:.1f} ms")


def measure_sqlite(bench):
  rows = rows_of(bench, "")
  db = tables.fresh_copy(bench.pristine(bench.rows, 100), bench.path("evidence.db"))
  bench.corrected(db, bench.rows)
  of_ledger(bench, rows, ["--source", f"shop=sqlite:{db}"])
  return list(rows.values())


def measure_postgres(bench):
  rows = rows_of(bench, "PostgreSQL: ")

  def measure(postgres):
    database = postgres.server.fresh_copy(postgres.server.pristine(bench.rows, 100))
    postgres.corrected(database, bench.rows)
    of_ledger(bench, rows, ["--source", f"shop=postgres:{postgres.server.where(database)}"])

  return measured(bench, rows, measure)


MEASURES = {"evidence": measure_sqlite, "postgres-evidence": measure_postgres}
