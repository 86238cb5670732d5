#!/usr/bin/env python3
"""`bfl fmt` as a command, and the scripts of this tree as it writes them: BFL_ACCEPT=1 rewrites those that are not."""
import json
import os
import pathlib
import re
import stat

from harness import ROOT, expect, main

UGLY = 'job  j{why"w"}\nsource s=sqlite("s.db")  # where\nverify v{assert exists(s.t)}\n'
NEAT = 'job j { why "w" }\nsource s = sqlite("s.db")  # where\nverify v { assert exists(s.t) }\n'
FOLDERS = ["examples", "stdlib", "tests/corpus"]
MANUALS = ["README.md", "grammar/REFERENCE.md"]
BLOCK = re.compile(r"^```bfl(?:-fragment)?[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def formats_in_place(place):
    place.write("ugly.bfl", UGLY)
    place.write("neat.bfl", NEAT)
    os.chmod(place.folder / "ugly.bfl", 0o640)
    os.symlink("ugly.bfl", place.folder / "link.bfl")
    expect(place.call("fmt", "link.bfl", "neat.bfl").stdout == "link.bfl\n", "it names what it rewrote, and nothing else")
    expect(open(place.folder / "ugly.bfl").read() == NEAT, "the file is not as it should be")
    expect(os.path.islink(place.folder / "link.bfl"), "the link became a file")
    expect(stat.S_IMODE(os.stat(place.folder / "ugly.bfl").st_mode) == 0o640, "the permissions were lost")
    expect(place.call("fmt", ".").stdout == "", "a second time there is nothing to do")


def check_and_diff_write_nothing(place):
    place.write("ugly.bfl", UGLY)
    expect(place.call("fmt", "--check", "ugly.bfl", code=1).stdout == "ugly.bfl\n", "--check names the file")
    diff = place.call("fmt", "--diff", "ugly.bfl", code=1).stdout
    expect('-job  j{why"w"}\n' in diff and '+job j { why "w" }\n' in diff and "@@ -1,3 +1,3 @@" in diff, diff)
    expect(open(place.folder / "ugly.bfl").read() == UGLY, "the file was written")
    expect(json.loads(place.call("fmt", "--check", "--json", ".", code=1).stdout)["files"][0]["formatted"] is False, "--json")
    place.call("fmt", "ugly.bfl")
    expect(place.call("fmt", "--check", "--diff", "ugly.bfl").stdout == "", "nothing to say about a neat file")


def standard_input(place):
    place.write("ugly.bfl", UGLY)
    with open(place.folder / "ugly.bfl") as script:
        expect(place.call("fmt", "-", stdin=script).stdout == NEAT, "`-` gives the text")
    with open(place.folder / "ugly.bfl") as script:
        expect(place.call("fmt", "--check", "-", code=1, stdin=script).stdout == "-\n", "`- --check` names it")


def mistakes_leave_the_file_alone(place):
    place.write("wrong.bfl", "job j { why }\n")
    expect("BFL0107" in place.call("fmt", "wrong.bfl", code=2).stderr, "no diagnostic")
    expect(open(place.folder / "wrong.bfl").read() == "job j { why }\n", "the file was written")
    expect("cannot be read" in place.call("fmt", "none.bfl", code=2).stderr, "no message")


def formatted(place, text):
    place.write("block.bfl", text)
    done = place.call("fmt", "block.bfl", code=None)
    return open(place.folder / "block.bfl").read() if done.returncode == 0 else text


def the_tree_is_formatted(place):
    accept = os.environ.get("BFL_ACCEPT")
    folders = [os.path.join(ROOT, folder) for folder in FOLDERS]
    if accept:
        place.call("fmt", *folders)
    expect(place.call("fmt", "--check", *folders, code=None).stdout == "", "run `bfl fmt` on examples, stdlib and tests/corpus")
    for name in MANUALS:
        path = pathlib.Path(ROOT, name)
        text = path.read_text()
        wanted = BLOCK.sub(lambda block: block.group(0).replace(block.group(1), formatted(place, block.group(1))), text)
        if accept:
            path.write_text(wanted)
        else:
            expect(text == wanted, f"{name} has scripts that are not as `bfl fmt` writes them: BFL_ACCEPT=1 mends them")


if __name__ == "__main__":
    main([formats_in_place, check_and_diff_write_nothing, standard_input, mistakes_leave_the_file_alone, the_tree_is_formatted])
