#!/usr/bin/env python3
"""Every complete job in REFERENCE.md runs: each ```bfl block against a fresh example shop, twice.

  reference_examples.py BFL [SHOP]

SHOP: a shop that examples/make_shop.sh has made; made anew when it is not given. The second run must change nothing.
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
BLOCK = re.compile(r"^```bfl(?: exit=(\d+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


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
    for number, block in enumerate(BLOCK.finditer(text)):
      folder = os.path.join(directory, str(number))
      os.mkdir(folder)
      shutil.copy(shop, os.path.join(folder, "shop.db"))
      job = os.path.join(folder, "job.bfl")
      with open(job, "w") as out:
        out.write(block.group(2))
      wanted = int(block.group(1) or 0)
      for attempt in ("first", "second"):
        done = subprocess.run([bfl, "run", job], capture_output=True, text=True)
        if done.returncode != wanted:
          line = text.count("\n", 0, block.start()) + 1
          print(f"REFERENCE.md:{line}: {attempt} run: exit code {done.returncode}, expected {wanted}\n{done.stdout}{done.stderr}")
          failed += 1
          break
  return 1 if failed else 0


if __name__ == "__main__":
  sys.exit(main())
