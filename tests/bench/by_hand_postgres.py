#!/usr/bin/env python3
"""What people write instead, on PostgreSQL: one process per measurement, which prints its own time as JSON.

  by_hand_postgres.py bare|scan|loop|journal|audit CONNECTION [--journal FILE]

bare     one UPDATE over the whole table
scan     one SELECT that finds nothing
loop     5,000 keys a transaction, no journal
journal  the same, with a JSON line of each row before and after, on disk before the transaction commits
audit    one UPDATE, and a trigger that keeps each row before and after as JSONB

The clock runs from the first statement to the last commit: starting Python, connecting and making the trigger are left out,
which favours these programs.
"""
import argparse
import json
import os

import psycopg2

from stopwatch import print_time
from tables import WRONG

CHUNK = 5000
CHANGE = "update orders set total = subtotal + tax"
AUDIT = """
create table audit(id bigint generated always as identity primary key, at timestamptz not null default now(), who text not null default current_user,
  operation text not null, before jsonb, after jsonb);
create function keep() returns trigger language plpgsql as $$
begin
  insert into audit(operation, before, after) values (tg_op, to_jsonb(old), to_jsonb(new));
  return null;
end $$;
create trigger keep after update on orders for each row execute function keep()"""


def bare(cursor, _):
  cursor.execute(f"{CHANGE} where {WRONG}")
  return cursor.rowcount


def scan(cursor, _):
  cursor.execute(f"select count(*) from orders where {WRONG}")
  return cursor.fetchone()[0]


def ranges(cursor):
  low = -1
  while True:
    cursor.execute("select max(id) from (select id from orders where id > %s order by id limit %s) as keys", (low, CHUNK))
    high = cursor.fetchone()[0]
    if high is None:
      return
    yield low, high
    cursor.connection.commit()
    low = high


def loop(cursor, _):
  changed = 0
  for bounds in ranges(cursor):
    cursor.execute(f"{CHANGE} where id > %s and id <= %s and {WRONG}", bounds)
    changed += cursor.rowcount
  return changed


def journal(cursor, path):
  changed = 0
  with open(path, "w") as log:
    for bounds in ranges(cursor):
      cursor.execute(f"select * from orders where id > %s and id <= %s and {WRONG} order by id for update", bounds)
      names = [column[0] for column in cursor.description]
      for row in cursor.fetchall():
        before = dict(zip(names, row))
        after = {**before, "total": before["subtotal"] + before["tax"]}
        log.write(json.dumps({"before": before, "after": after}, default=str) + "\n")
      log.flush()
      os.fdatasync(log.fileno())
      cursor.execute(f"{CHANGE} where id > %s and id <= %s and {WRONG}", bounds)
      changed += cursor.rowcount
  return changed


audit = bare


def main():
  ways = {"bare": bare, "scan": scan, "loop": loop, "journal": journal, "audit": audit}
  arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  arguments.add_argument("way", choices=ways)
  arguments.add_argument("connection")
  arguments.add_argument("--journal", default=os.devnull)
  given = arguments.parse_args()

  db = psycopg2.connect(given.connection)
  cursor = db.cursor()
  if given.way == "audit":
    cursor.execute(AUDIT)
  cursor.execute("select 1")
  db.commit()
  def work():
    rows = ways[given.way](cursor, given.journal)
    db.commit()
    return rows

  print_time(work)


if __name__ == "__main__":
  main()
