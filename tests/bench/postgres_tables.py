"""A private PostgreSQL server with default settings, and the same pristine table on it: a template that every round copies."""
import os
import subprocess

from tables import WRONG

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = os.path.join(os.path.dirname(HERE), "postgres.sh")

SCHEMA = """
create table orders(
  id bigint primary key, customer_id bigint not null, created_at timestamptz not null,
  subtotal numeric(12,2) not null, tax numeric(12,2) not null, total numeric(12,2) not null,
  status text not null, note text)"""

# The table of tables.py, in the types that one would give it here. About 125 bytes a row.
ROWS = """
insert into orders
select i, h % 50000, timestamptz 'epoch' + (1600000000 + i * 37) * interval '1 second', s, round(s / 10, 2),
  case when (h / 65536) % 100 < {percent} then s else s + round(s / 10, 2) end,
  (array['new', 'paid', 'shipped', 'returned'])[1 + h % 4],
  substr(to_hex(h * 31) || ' the customer left a note about delivery and wrapping ' || to_hex(h * 17), 1, (20 + h % 41)::int)
from (select i, (i * 2654435761) % 4294967296 as h, (100 + (i * 7919) % 900000) / 100.0::numeric(12,2) as s
      from generate_series(1::bigint, {rows}) as i) as mixed"""


class Server:
  """Started in a folder of its own, gone when the benchmark ends."""

  def __init__(self, directory):
    self.directory = directory
    done = subprocess.run(["sh", SERVER, "start", directory], capture_output=True, text=True)
    if done.returncode == 77:
      raise LookupError(done.stdout.strip())
    if done.returncode != 0:
      raise OSError(f"the PostgreSQL server did not start:\n{done.stdout}{done.stderr}")
    with open(os.path.join(directory, "socket")) as file:
      self.place = file.read().strip()
    self.version = self.value("postgres", "show server_version").split()[0]

  def stop(self):
    subprocess.run(["sh", SERVER, "stop", self.directory], check=True)

  def where(self, database):
    return self.place.replace("dbname=postgres", f"dbname={database}")

  def sql(self, database, *statements):
    words = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.where(database)]
    for statement in statements:
      words += ["-c", statement]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
      raise OSError(f"psql: {done.stderr}")
    return done.stdout.strip()

  def value(self, database, statement):
    return self.sql(database, statement)

  def pristine(self, rows, percent):
    name = f"orders_{rows}_{percent}"
    if self.value("postgres", f"select count(*) from pg_database where datname = '{name}'") == "0":
      self.sql("postgres", f"create database {name}")
      self.sql(name, SCHEMA, ROWS.format(rows=rows, percent=percent), "vacuum (freeze, analyze) orders")
    return name

  def two_tables(self, rows, percent):
    name = f"two_{rows}_{percent}"
    if self.value("postgres", f"select count(*) from pg_database where datname = '{name}'") == "0":
      self.fresh_copy(self.pristine(rows, percent), name)
      self.sql(name, "create table archive (like orders including all)", "insert into archive select * from orders", "vacuum (freeze, analyze)")
    return name

  def fresh_copy(self, pristine, name="work"):
    """File by file and on disk, so that no program pays for the writes of the one before it."""
    self.sql("postgres", f"drop database if exists {name} with (force)", "checkpoint",
             f"create database {name} template {pristine} strategy file_copy", "checkpoint")
    os.sync()
    return name

  def count_wrong(self, database):
    return int(self.value(database, f"select count(*) from orders where {WRONG}"))

  def ledger_bytes(self, database):
    """(bytes of all packs, rows that the ledger says were changed)."""
    size, rows = self.sql(database, "select coalesce(sum(length(pack)), 0) from bfl.ledger", "select coalesce(sum(changed), 0) from bfl.step").split()
    return int(size), int(rows)
