#!/usr/bin/env python3
"""The shape of the tree, checked: `layers.py [ROOT]` prints each breach and exits 1 if there is one.

A folder of interpreter/ includes those above it, never those below; each third party has one door; files stay small; a few
words and untidy line ends stay out.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
ROOT = ROOT if ROOT.is_dir() else ROOT.parent.parent

# Folder -> folders that it may include besides itself: all above it, but for the exceptions that the architecture names.
ORDER = ["base", "project", "syntax", "check", "lint", "plan", "eval", "lower", "connect", "store", "web", "ledger", "run", "notify", "report", "lsp", "cli"]
ALLOWED = {folder: set(ORDER[: i + 1]) for i, folder in enumerate(ORDER)}
for folder in ORDER[ORDER.index("plan") : ORDER.index("report")]:
    ALLOWED[folder] -= {"lint"}  # opinions about a script change nothing that is done
for folder in ("eval", "lower", "connect"):
    ALLOWED[folder] -= {"plan", "syntax"}  # they know the program's expressions, neither the tree nor the plan
ALLOWED["check"].add("eval")  # constants are folded with the evaluator, so that a literal and a row mean the same
ALLOWED["store"] = {"base", "store"}
ALLOWED["web"] = {"base", "web"}
ALLOWED["connect"].add("store")  # the RAII layer over sqlite3

# Third party (pattern of the include) -> where it may be included.
DOORS = [
    (r"tao/pegtl", r"interpreter/syntax/parse\.cpp|grammar/.*"),
    (r"boost/graph", r"interpreter/plan/dag\.cpp"),
    (r"boost/multiprecision", r"interpreter/base/decimal\.cpp"),
    (r"sqlite3\.h", r"interpreter/store/.*|interpreter/connect/sqlite.*"),
    (r"libpq-fe\.h", r"interpreter/connect/postgres_.*"),
    (r"openssl/", r"interpreter/base/(digest|signed_note)\.cpp"),
    (r"re2/", r"interpreter/eval/.*"),
    (r"utf8proc", r"interpreter/eval/.*"),
    (r"date/", r"interpreter/eval/time_zone\.cpp"),
    (r"toml\+\+/", r"interpreter/project/toml\.cpp"),
    (r"pg_query\.h", r"interpreter/lint/postgres_sql\.cpp"),
    (r"zstd", r"interpreter/ledger/.*"),
    (r"curl/", r"interpreter/web/http\.cpp"),
    (r"CLI/", r"interpreter/cli/arguments\.cpp"),
    (r"nlohmann/", r"interpreter/.*\.cpp"),
]
LINE_CAP = 500
FORBIDDEN_WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|/(work|farm|root)/|/tmp/bash_jobs")
FORBIDDEN_NAMES = re.compile(r"(^|[_/])(util|utils|common|manager|helpers?|misc)([_./]|$)")
TEXT = {".cpp", ".h", ".def", ".inc", ".py", ".sh", ".bfl", ".md", ".txt", ".sql", ".vim", ".json", ".cmake"}
SKIP = re.compile(r"^(build|\.git/|\.bfl/|\.cache)|__pycache__|tests/fuzz/corpus|/corpus/")


def files():
    for path in sorted(ROOT.rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and not SKIP.search(name):
            yield path, name


def main():
    breaches = []

    def breach(name, line, what):
        breaches.append(f"{name}:{line}: {what}" if line else f"{name}: {what}")

    for path, name in files():
        source = path.suffix in {".cpp", ".h"}
        if path.suffix not in TEXT and path.name not in {"run", "CMakeLists.txt"}:
            continue
        raw = path.read_bytes()
        in_cases = name.startswith("tests/cases/")  # inputs of tests may be as untidy as their rule asks
        if not in_cases:
            if raw and not raw.endswith(b"\n"):
                breach(name, 0, "no line end at the end of the file")
            if b"\r" in raw:
                breach(name, 0, "a carriage return")
        lines = raw.decode("utf-8", "replace").split("\n")
        if source and len(lines) - 1 > LINE_CAP:
            breach(name, 0, f"{len(lines) - 1} lines; past {LINE_CAP} a file is usually two things in one")
        if source and FORBIDDEN_NAMES.search(name):
            breach(name, 0, "a file name that says nothing about what is in it")
        folder = name.split("/")[1] if name.startswith("interpreter/") and name.count("/") > 1 else None
        if folder and folder not in ALLOWED:
            breach(name, 0, f"`{folder}` is no stage of the architecture")
            continue
        for number, line in enumerate(lines, 1):
            if not in_cases and line != line.rstrip():
                breach(name, number, "white space at the end of the line")
            if name != ".ci/layers.py" and FORBIDDEN_WORDS.search(line):
                breach(name, number, "a word that must not be committed: " + FORBIDDEN_WORDS.search(line).group(0))
            include = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line) if source else None
            if not include:
                continue
            target = include.group(1)
            inner = re.match(r"interpreter/(\w+)/", target)
            if folder and inner and inner.group(1) not in ALLOWED[folder]:
                breach(name, number, f"`{folder}` includes `{inner.group(1)}`, which is below it")
            if folder == "base" and target.startswith("grammar/"):
                breach(name, number, "`base` includes the grammar")
            for pattern, door in DOORS:
                if re.match(pattern, target) and not re.fullmatch(door, name) and not name.startswith("tests/"):
                    breach(name, number, f"`{target}` has its one door at {door}")
    for line in breaches:
        print(line)
    print(f"{len(breaches)} breaches" if breaches else "layers hold")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
