#!/usr/bin/env python3
"""The tutorial, typed in from its first line to its last: what it shows is what comes.

BFL_ACCEPT=1 writes down what comes instead; read the diff."""
import os
import re
import shutil
import subprocess

from harness import ROOT, expect, main
from postgres_harness import on_postgres
from printed import plain

PAGE = ROOT / "examples/TUTORIAL.md"
BLOCK = re.compile(r"^```(bfl|console)(?: (\S+))?\n(.*?)^```$", re.M | re.S)

def typed(place, environment, command):
    done = subprocess.run(["sh", "-c", command], cwd=place.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    return plain(done.stdout.replace(environment["SHOP_URL"], "$SHOP_URL"))


@on_postgres
def what_it_shows_comes(place, database):
    shutil.copytree(ROOT / "examples", place.folder / "examples")
    os.symlink(place.bfl, place.folder / "bfl")
    environment = place.environment({"PATH": f"{place.folder}:{os.environ['PATH']}", "SHOP_URL": database.url, "NO_COLOR": "1"})
    page = PAGE.read_text()
    accepted, end = "", 0
    for block in BLOCK.finditer(page):
        kind, name, text = block.groups()
        if kind == "bfl":
            place.write(name, text)
            continue
        comes = "".join(f"$ {command}\n{typed(place, environment, command)}" for command in re.findall(r"^\$ (.*)$", text, re.M))
        if not os.environ.get("BFL_ACCEPT"):
            expect(text == comes, f"the tutorial shows\n{text}\nand this comes:\n{comes}")
        accepted += page[end:block.start(3)] + comes
        end = block.end(3)
    if os.environ.get("BFL_ACCEPT"):
        PAGE.write_text(accepted + page[end:])


if __name__ == "__main__":
    main([what_it_shows_comes])
