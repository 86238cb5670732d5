#!/usr/bin/env python3
"""What people write instead: one process per measurement, which prints its own time as JSON.

  by_hand.py bare|scan|loop|journal|orm DB [--journal FILE]

bare     one UPDATE over the whole table
scan     one SELECT that finds nothing
loop     5,000 keys a transaction, no journal
journal  the same, with a JSON line of each row before and after, on disk before the transaction commits
orm      read an object, change it, save it; 1,000 rows a transaction

WAL and synchronous=FULL throughout. The clock runs from the first statement to the last commit: starting Python,
connecting and closing are left out, which favours these programs.
"""
import argparse
import json
import os
import sqlite3
from dataclasses import asdict, dataclass

from stopwatch import print_time
from tables import WRONG

CHUNK = 5000
ROWS_A_TRANSACTION = 1000


def bare(db, _):
  return db.execute(f"update orders set total = subtotal + tax where {WRONG}").rowcount


def scan(db, _):
  return db.execute(f"select count(*) from orders where {WRONG}").fetchone()[0]


def ranges(db):
  low = -1
  while True:
    db.execute("begin immediate")
    high = db.execute("select max(id) from (select id from orders where id > ? order by id limit ?)", (low, CHUNK)).fetchone()[0]
    if high is None:
      db.execute("commit")
      return
    yield low, high
    db.execute("commit")
    low = high


def loop(db, _):
  changed = 0
  for bounds in ranges(db):
    changed += db.execute(f"update orders set total = subtotal + tax where id > ? and id <= ? and {WRONG}", bounds).rowcount
  return changed


def journal(db, path):
  changed = 0
  with open(path, "w") as log:
    for bounds in ranges(db):
      rows = db.execute(f"select * from orders where id > ? and id <= ? and {WRONG} order by id", bounds)
      names = [column[0] for column in rows.description]
      for row in rows.fetchall():
        before = dict(zip(names, row))
        after = {**before, "total": before["subtotal"] + before["tax"]}
        log.write(json.dumps({"before": before, "after": after}) + "\n")
      log.flush()
      os.fdatasync(log.fileno())
      changed += db.execute(f"update orders set total = subtotal + tax where id > ? and id <= ? and {WRONG}", bounds).rowcount
  return changed


@dataclass
class Order:
  id: int
  customer_id: int
  created_at: str
  subtotal: int
  tax: int
  total: int
  status: str
  note: str

  @classmethod
  def get(cls, db, key):
    return cls(*db.execute("select * from orders where id = ?", (key,)).fetchone())

  def save(self, db):
    db.execute("update orders set total = ? where id = ?", (self.total, self.id))


def orm(db, _):
  keys = [row[0] for row in db.execute(f"select id from orders where {WRONG} order by id")]
  for start in range(0, len(keys), ROWS_A_TRANSACTION):
    db.execute("begin immediate")
    for key in keys[start:start + ROWS_A_TRANSACTION]:
      order = Order.get(db, key)
      order.total = order.subtotal + order.tax
      order.save(db)
    db.execute("commit")
  return len(keys)


def main():
  ways = {way.__name__: way for way in (bare, scan, loop, journal, orm)}
  arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  arguments.add_argument("way", choices=ways)
  arguments.add_argument("db")
  arguments.add_argument("--journal", default=os.devnull)
  given = arguments.parse_args()

  db = sqlite3.connect(given.db, isolation_level=None)
  db.execute("pragma journal_mode = wal")
  db.execute("pragma synchronous = full")
  print_time(lambda: ways[given.way](db, given.journal))


if __name__ == "__main__":
  main()
