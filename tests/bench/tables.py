"""The pristine table that every round starts from, and what its rows weigh."""
import os
import shutil
import sqlite3

SCHEMA = """
create table orders(
  id integer primary key, customer_id integer not null, created_at text not null,
  subtotal integer not null, tax integer not null, total integer not null,
  status text not null, note text)"""

# A fixed scramble of the row number stands in for chance, so that every machine gets the same table.
ROWS = """
with recursive number(i) as (select 1 union all select i + 1 from number where i < :rows),
mixed(i, h, cents) as (select i, (i * 2654435761) % 4294967296, 100 + (i * 7919) % 900000 from number)
insert into orders
select i, h % 50000, strftime('%Y-%m-%dT%H:%M:%SZ', 1600000000 + i * 37, 'unixepoch'), cents, cents / 10,
  case when (h / 65536) % 100 < :percent then cents else cents + cents / 10 end,
  case h % 4 when 0 then 'new' when 1 then 'paid' when 2 then 'shipped' else 'returned' end,
  substr(hex(h * 31) || ' the customer left a note about delivery and wrapping ' || hex(h * 17), 1, 20 + h % 41)
from mixed"""

# `total != subtotal + tax` as a person would say it in SQL.
WRONG = "total <> subtotal + tax"


def make_orders(path, rows, percent_wrong):
  """Writes the table unless it is there already. About 93 bytes a row."""
  if os.path.exists(path):
    return path
  draft = path + ".draft"
  remove(draft)
  db = sqlite3.connect(draft, isolation_level=None)
  db.execute("pragma synchronous = off")
  db.execute("pragma journal_mode = wal")
  db.execute(SCHEMA)
  db.execute("begin")
  db.execute(ROWS, {"rows": rows, "percent": percent_wrong})
  db.execute("commit")
  db.close()
  os.rename(draft, path)
  return path


def remove(path):
  for suffix in ("", "-wal", "-shm", "-journal"):
    if os.path.exists(path + suffix):
      os.unlink(path + suffix)


def fresh_copy(pristine, path):
  remove(path)
  shutil.copyfile(pristine, path)
  os.sync()
  return path


def count_wrong(path):
  db = sqlite3.connect(path)
  try:
    return db.execute(f"select count(*) from orders where {WRONG}").fetchone()[0]
  finally:
    db.close()


def stored_bytes_per_row(pristine):
  """Bytes of the table's pages by the number of its rows: a row as SQLite stores it."""
  db = sqlite3.connect(pristine)
  try:
    rows = db.execute("select count(*) from orders").fetchone()[0]
    pages = db.execute("pragma page_count").fetchone()[0]
    page_size = db.execute("pragma page_size").fetchone()[0]
  finally:
    db.close()
  return pages * page_size / max(rows, 1)


def ledger_bytes(path):
  """(bytes of all packs, rows that the ledger says were changed) of a table that bfl has corrected."""
  db = sqlite3.connect(path)
  try:
    size = db.execute("select coalesce(sum(length(pack)), 0) from bfl_ledger").fetchone()[0]
    changed = db.execute("select coalesce(sum(changed), 0) from bfl_step").fetchone()[0]
  finally:
    db.close()
  return size, changed
