#!/usr/bin/env python3
"""A job of many small steps and the database that it corrects, and the same graph for ninja.

  gen_steps.py bfl|ninja DIRECTORY STEPS

bfl    DIRECTORY/steps.bfl and DIRECTORY/steps.db. Steps come in chains of ten that write one column, each another row, so
       that a step depends on the one before it; chains do not touch each other. After one run there is nothing to do.
ninja  DIRECTORY/build.ninja: chains of ten edges; after one run there is nothing to do.
"""
import os
import sqlite3
import sys

CHAIN = 10
COLUMNS = 100          # of a table; a table serves COLUMNS chains
ROWS = CHAIN


def step(number):
  chain, position = divmod(number, CHAIN)
  table, column = divmod(chain, COLUMNS)
  return f"update s{number:06} of shop.t{table} where id == {position + 1} {{\n  set c{column} = {number + 1}\n}}\n"


def make_bfl(directory, steps, verify=False):
  os.makedirs(directory, exist_ok=True)
  job = os.path.join(directory, "steps.bfl")
  with open(job, "w") as out:
    out.write(f'job steps {{\n  why "{steps} small corrections."\n}}\n\nsource shop = sqlite("steps.db")\n\n')
    out.write("\n".join(step(number) for number in range(steps)))
    if verify:
      out.write("\nverify corrected {\n  assert count(shop.t0 where c0 == 0) == 0\n}\n")
  path = os.path.join(directory, "steps.db")
  if not os.path.exists(path):
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode = wal")
    db.execute("begin")
    for table in range(-(-steps // (CHAIN * COLUMNS))):
      columns = ", ".join(f"c{column} integer not null default 0" for column in range(COLUMNS))
      db.execute(f"create table t{table}(id integer primary key, {columns})")
      db.executemany(f"insert into t{table}(id) values (?)", [(row + 1,) for row in range(ROWS)])
    db.execute("commit")
    db.close()
  return job, path


def make_ninja(directory, edges):
  os.makedirs(os.path.join(directory, "in"), exist_ok=True)
  os.makedirs(os.path.join(directory, "out"), exist_ok=True)
  with open(os.path.join(directory, "build.ninja"), "w") as out:
    out.write("rule make\n  command = : > $out\n\n")
    for edge in range(edges):
      first = edge % CHAIN == 0
      out.write(f"build out/{edge}: make {'in' if first else 'out'}/{edge if first else edge - 1}\n")
      if first:
        open(os.path.join(directory, "in", str(edge)), "w").close()
  return directory


def main():
  if len(sys.argv) != 4 or sys.argv[1] not in ("bfl", "ninja"):
    sys.exit(__doc__)
  make = make_bfl if sys.argv[1] == "bfl" else make_ninja
  make(sys.argv[2], int(sys.argv[3]))


if __name__ == "__main__":
  main()
