#!/usr/bin/env python3
"""Every complete job in REFERENCE.md runs: each ```bfl block against a fresh example shop, twice; and so does every row of the
table "From SQL" and every example of the library's recipes.

  reference_examples.py BFL [SHOP]

SHOP: a shop that examples/make_shop.sh has made; made anew when it is not given. The second run must change nothing. What stands
right before a job belongs to it: a ```sql block is done in its shop first, a ```csv NAME or ```python NAME block is a file beside it.
`backup.db` is a copy of the shop as it was; PEPPER and HOUSE_KEY are in the environment.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
# ```bfl NAME exit=1: a job that is meant to end like that.
FENCE = re.compile(r"^```(\S*) ?(.*)$")
SQL_ROWS = re.compile(r"^\| SQL \| bfl \|\n\|---\|---\|\n((?:\|.*\n)+)", re.MULTILINE)
STEPS = ("check ", "update ", "insert ", "upsert ", "delete ", "snapshot ", "verify ")


def blocks(text):
  """The jobs with the blocks that belong to them: (line, job, exit code, [(kind, name, content)])."""
  before, inside, content = [], None, []
  for number, line in enumerate(text.splitlines(), 1):
    fence = FENCE.match(line)
    if inside is None and fence:
      inside, content, first = fence.groups(), [], number
    elif inside is not None and line == "```":
      kind, rest = inside
      inside = None
      if kind in ("sql", "csv", "python"):
        before.append((kind, rest, "\n".join(content) + "\n"))
        continue
      if kind == "bfl":
        yield first, "\n".join(content) + "\n", int(rest.partition("=")[2] or 0), before
      before = []
    elif inside is not None:
      content.append(line)


def of_sql(text):
  """The jobs that the rows of "From SQL" come to: (line, job). An expression is computed for each order."""
  for table in SQL_ROWS.finditer(text):
    first = text.count("\n", 0, table.start(1)) + 1
    for number, row in enumerate(table.group(1).splitlines()):
      cell = re.split(r"(?<!\\) \| ", row.strip("| \n"))[1].strip("` ").replace("\\|", "|")
      if cell.startswith("[`"):  # a link to where it stands
        continue
      if cell.startswith(STEPS):
        what = cell
      elif cell.startswith(("shop.", "let ", "[")):
        what = f"let rows_ = {cell.removeprefix('let rows = ')}\ncheck c {{ assert count(rows_) >= 0 }}"
      else:
        what = ('check c {{ assert count(shop.orders as o derive {{ doc = {{ "a": {{ "b": [1] }}, "kind": "x" }}, ids = [1, 2] }} '
                'derive {{ value_ = {} }} where value_ == null or value_ != null) > 0 }}').format(cell)
      yield first + number, f'job row {{ why "a row of the table" }}\nsource shop = sqlite("shop.db")\n{what}\n'


def of_recipes():
  """The jobs that the examples of the library's recipes come to, and what their shop needs."""
  rows = """ALTER TABLE orders ADD COLUMN big_id BIGINT; UPDATE customers SET email = 'one@example.com' WHERE id IN (7, 9, 11);
    UPDATE products SET name = 'Same' WHERE id IN (3, 4); UPDATE orders SET country = NULL WHERE id % 2 = 0;
    CREATE TABLE subscribers (id INTEGER PRIMARY KEY, email TEXT, customer_id INTEGER);
    INSERT INTO subscribers VALUES (1, 'a', 1), (2, 'a', 2), (3, NULL, NULL), (4, NULL, 99999), (5, 'b', 99998);"""
  needs = {"countries)": 'let countries = [ { old: "DE", new: "DEU" }, { old: "FR", new: "FRA" } ]',
           "twins_merged": "apply find_duplicates(shop.customers, id: id, same: email, first: id) as twins",
           "goods_merged": "apply find_duplicates(shop.products, id: id, same: name, first: id) as goods",
           "remove_merged": "apply repoint(shop.orders, by: customer_id, merged: twins_merged) as orders"}
  with open(os.path.join(ROOT, "stdlib", "recipes.bfl")) as module:
    for example in re.findall(r"^# example: (.*)$", module.read(), re.MULTILINE):
      first = "\n".join(need for word, need in needs.items() if word in example)
      yield 0, f'job example {{ why "{example.split("(")[0]}" }}\nsource shop = sqlite("shop.db")\nuse std.recipes\n{first}\n{example}\n', 0, [("sql", "", rows)]


def main():
  bfl = os.path.abspath(sys.argv[1])
  with open(os.path.join(HERE, "REFERENCE.md")) as reference:
    text = reference.read()
  failed = 0
  with tempfile.TemporaryDirectory(prefix="bfl-reference-") as directory:
    shop = os.path.join(directory, "made.db")
    if len(sys.argv) > 2:
      shop = os.path.abspath(sys.argv[2])
    else:
      subprocess.run(["sh", os.path.join(ROOT, "examples", "make_shop.sh"), shop, "300"], check=True)
    jobs = [*blocks(text), *((line, job, 0, []) for line, job in of_sql(text)), *of_recipes()]
    for number, (line, script, wanted, before) in enumerate(jobs):
      folder = os.path.join(directory, str(number))
      os.mkdir(folder)
      shutil.copy(shop, os.path.join(folder, "shop.db"))
      shutil.copy(shop, os.path.join(folder, "backup.db"))
      for kind, name, content in before:
        if kind != "sql":
          with open(os.path.join(folder, name), "w") as out:
            out.write(content)
        else:
          subprocess.run(["sqlite3", os.path.join(folder, "shop.db"), content], check=True)
      job = os.path.join(folder, "job.bfl")
      with open(job, "w") as out:
        out.write(script)
      for attempt in ("first", "second"):
        done = subprocess.run([bfl, "run", job], capture_output=True, text=True, env={**os.environ, "PEPPER": "known to the shop alone", "HOUSE_KEY": "the key of the house"})
        if done.returncode != wanted:
          print(f"REFERENCE.md:{line}: {attempt} run: exit code {done.returncode}, expected {wanted}\n{done.stdout}{done.stderr}")
          failed += 1
          break
  return 1 if failed else 0


if __name__ == "__main__":
  sys.exit(main())
