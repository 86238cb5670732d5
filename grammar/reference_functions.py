#!/usr/bin/env python3
"""The list of standard functions in REFERENCE.md, made from the declarations and comments of stdlib/*.bfl.

  reference_functions.py [--check]

Rewrites the part between the markers; --check changes nothing and fails when the part is out of date.
"""
import os
import re
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
STDLIB = os.path.join(os.path.dirname(HERE), "stdlib")
REFERENCE = os.path.join(HERE, "REFERENCE.md")
BEGIN, END = "<!-- functions: begin -->", "<!-- functions: end -->"
DECLARATION = re.compile(r"^(?:native\s+)?fn\s+(`?\w+`?)\s*\((.*?)\)\s*->\s*(\[?\w+\??\]?\??)", re.DOTALL | re.MULTILINE)


def declarations(text):
  """(name, signature, what it gives, example) in the order of the file."""
  for found in DECLARATION.finditer(text):
    name, parameters, result = found.groups()
    lines = text[:found.start()].split("\n")[:-1]
    comment = []
    while lines and lines[-1].startswith("#"):
      comment.insert(0, lines.pop()[1:].strip())
    gives = " ".join(line for line in comment if not line.startswith("example:"))
    example = next((line[len("example:"):].strip() for line in comment if line.startswith("example:")), "")
    yield name, f"{name}({' '.join(parameters.split())}) -> {result}", gives, example


def recipes(text):
  """(signature, what it does, example) in the order of the file."""
  for found in re.finditer(r"^recipe (\w+\([^)]*\)) \{", text, re.MULTILINE):
    lines = text[:found.start()].split("\n")[:-1]
    comment = []
    while lines and lines[-1].startswith("#"):
      comment.insert(0, lines.pop()[1:].strip())
    yield re.sub(r"(?<=\() | (?=\))", "", " ".join(found.group(1).split())), " ".join(line for line in comment if not line.startswith("example:")), \
        next(line[len("example:"):].strip() for line in comment if line.startswith("example:"))


def introduction(text):
  """The comment that a module opens with, when a blank line parts it from the first declaration."""
  block = text.split("\n\n", 1)[0].split("\n")
  return " ".join(line[1:].strip() for line in block) if all(line.startswith("#") for line in block) else ""


def cell(text):
  return text.replace("|", "\\|")


def section():
  lines = []
  modules = sorted(name for name in os.listdir(STDLIB) if name.endswith(".bfl"))
  modules.sort(key=lambda name: (name != "core.bfl", name == "recipes.bfl"))
  for module in modules:
    with open(os.path.join(STDLIB, module)) as source:
      text = source.read()
    lines += [f"### `std.{module[:-4]}`", ""]
    if introduction(text):
      lines += [*textwrap.wrap(introduction(text), 130, break_on_hyphens=False), ""]
    if module == "recipes.bfl":
      lines += ["| recipe | does | for example |", "|---|---|---|"]
      lines += [f"| `{signature}` | {cell(does)} | `{cell(example)}` |" for signature, does, example in recipes(text)]
      lines.append("")
      continue
    lines += ["| function | gives | for example |", "|---|---|---|"]
    functions = {}
    for name, *row in declarations(text):
      functions.setdefault(name, []).append(row)
    for overloads in functions.values():
      signatures = "<br>".join(f"`{cell(signature)}`" for signature, _, _ in overloads)
      gives = " ".join(dict.fromkeys(gives for _, gives, _ in overloads if gives))
      example = next((example for _, _, example in overloads if example), "")
      lines.append(f"| {signatures} | {cell(gives)} | `` {cell(example)} `` |")
    lines.append("")
  return "\n".join(lines)


def main():
  with open(REFERENCE) as reference:
    text = reference.read()
  before, rest = text.split(BEGIN, 1)
  after = rest.split(END, 1)[1]
  wanted = f"{before}{BEGIN}\n\n{section()}\n{END}{after}"
  if sys.argv[1:] == ["--check"]:
    if wanted != text:
      sys.exit("grammar/REFERENCE.md does not list the functions of stdlib/ as they are: run grammar/reference_functions.py")
  elif wanted != text:
    with open(REFERENCE, "w") as reference:
      reference.write(wanted)


if __name__ == "__main__":
  main()
