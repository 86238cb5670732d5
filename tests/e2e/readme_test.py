#!/usr/bin/env python3
"""Every block of the README that is marked sh or bfl works as it stands, and its tables agree with the binary."""
import os
import re
import shutil
import subprocess

from harness import ROOT, expect, main

TEXT = (ROOT / "README.md").read_text()


def blocks(mark):
    return re.findall(rf"^```{mark}\n(.*?)^```$", TEXT, re.M | re.S)


def scripts_run_twice(place):
    for number, script in enumerate(blocks("bfl")):
        place.shop()
        place.write(f"job{number}.bfl", script)
        place.call("run", f"job{number}.bfl")
        expect("nothing to do" in place.call("run", f"job{number}.bfl").stdout, "the second run did something")


def commands_work(place):
    shutil.copytree(ROOT / "examples", place.folder / "examples")
    os.symlink(place.bfl, place.folder / "bfl")
    for block in blocks("sh"):
        done = subprocess.run(["sh", "-eu", "-c", block], cwd=place.folder, capture_output=True, text=True,
                              env=place.environment({"PATH": f"{place.folder}:{os.environ['PATH']}"}))
        expect(done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}")


def commands_and_exit_codes_are_complete(place):
    overview = place.call("help").stdout
    commands, codes = overview.split("Exit codes:")
    for command in re.findall(r"^  (\w+) ", commands, re.M):
        expect(command == "version" or f"`bfl {command}" in TEXT, f"`bfl {command}` is not in the README")
    for code, meaning in re.findall(r"^  (\d[\d, ]*?)  +(.*)$", codes, re.M):
        expect(f"| {code} | {meaning} |" in TEXT, f"exit code {code} means `{meaning}`, the README says something else")


def links_lead_somewhere(_):
    for page in (ROOT / "README.md", ROOT / "interpreter/README.md", ROOT / "editors/README.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            expect(target.startswith("http") or (page.parent / target).exists(), f"{page.name}: nothing at {target}")


if __name__ == "__main__":
    main([scripts_run_twice, commands_work, commands_and_exit_codes_are_complete, links_lead_somewhere])
