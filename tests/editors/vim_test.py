#!/usr/bin/env python3
"""The runtime files of Vim and Neovim, tried in both (`vim_test.py BFL`): the file type, what words are, indentation, `:make`."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RUNTIME = ROOT / "editors/vim"
BFL = sys.argv[1]

# A stretch of colours/words.bfl, and the group of its first character.
GROUPS = [
    ("# Words that", "bflComment"), ("job words", "bflItem"), ("words {", "bflDeclaredName"), ('"Columns', "bflString"),
    ("param since", "bflItem"), ("secret text", "bflTyped"), ("let wrong", "bflItem"), ("where order ==", "bflClause"), ("order ==", "bflName"),
    (".where", "bflMember"), ("limit 5", "bflClause"), ("2025-03-01", "bflDate"), ("12.50", "bflNumber"), ("30s", "bflNumber"),
    ("update set_them", "bflStep"), ("set_them of", "bflDeclaredName"), ("set key", "bflClause"), ("key = ", "bflName"), ("lower(trim", "bflFunction"),
    ('f"{', "bflFormat"), ('r"\\d+', "bflRaw"), ("`first name`", "bflQuoted"), ("$by", "bflPlaceholder"), ("null =>", "bflConstant"), ("and not", "bflOperatorWord"),
    ("delete others", "bflStep"), ("verify none", "bflStep"),
]


def vim(name, *commands):
    words = {"vim": ["vim", "-N", "-es", "-u", "NONE", "-i", "NONE", "-n"], "nvim": ["nvim", "--headless", "-es", "-u", "NONE", "-i", "NONE", "-n"]}[name]
    start = [f"set runtimepath^={RUNTIME}", "let g:bfl_lsp = 0", "filetype plugin indent on", "syntax on"]
    for command in [*start, *commands]:
        words += ["-c", command]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.stdout


def check_groups(name, folder, failures):
    sample = HERE / "colours/words.bfl"
    lines = sample.read_text().split("\n")
    places = []
    for text, group in GROUPS:
        found = [(number, line.index(text)) for number, line in enumerate(lines, 1) if text in line]
        if not found:
            failures.append(f"{name}: `{text}` is not in the sample")
            continue
        places.append((text, group, found[0][0], len(lines[found[0][0] - 1][:found[0][1]].encode()) + 1))
    script = folder / "groups.vim"
    script.write_text("let s:found = [&filetype, &commentstring]\n" + "".join(
        f"call add(s:found, synIDattr(synID({line}, {column}, 1), 'name'))\n" for _, _, line, column in places) +
        f"call writefile(s:found, '{folder}/groups')\n")
    said = vim(name, f"edit {sample}", f"source {script}", "qa!")
    if not (folder / "groups").exists():
        failures.append(f"{name}: {said}")
        return
    got = (folder / "groups").read_text().split("\n")
    if got[:2] != ["bfl", "# %s"]:
        failures.append(f"{name}: file type and comments are {got[:2]}")
    for (text, group, line, _), actual in zip(places, got[2:]):
        if actual != group:
            failures.append(f"{name}: words.bfl:{line}: `{text}` is {actual or 'nothing'}, expected {group}")


def check_indent(name, folder, failures):
    for job in [*sorted((ROOT / "examples").glob("*.bfl")), HERE / "indent.bfl"]:
        text = job.read_text()
        flat = folder / job.name
        flat.write_text("\n".join(line.lstrip() for line in text.split("\n")))
        said = vim(name, f"edit {flat}", "normal! gg=G", "wq")
        for number, (was, now) in enumerate(zip(text.split("\n"), flat.read_text().split("\n")), 1):
            if was != now:
                failures.append(f"{name}: {job.name}:{number}: indented to `{now}`, expected `{was}` {said}")
                break


def check_make(name, folder, failures):
    """The places that `bfl check` names, in the quickfix list."""
    (folder / "wrong.bfl").write_text('job wrong { }\nsource shop = sqlite("shop.db")\nlet a = shop.orders where 1 +\nverify b { assert count(a) == c d }\n')
    script = folder / "make.vim"
    script.write_text(f"let &makeprg = substitute(&makeprg, '^bfl', '{BFL}', '')\nsilent make!\n"
                      f"call writefile(map(filter(getqflist(), 'v:val.valid'), 'bufname(v:val.bufnr) . \":\" . v:val.lnum . \":\" . v:val.col . \" \" . v:val.text'), '{folder}/places')\n")
    said = vim(name, f"edit {folder}/wrong.bfl", f"source {script}", "qa!")
    done = subprocess.run([BFL, "check", "--json", str(folder / "wrong.bfl")], stdout=subprocess.PIPE, text=True)
    wanted = [f"{d['line']}:{d['column']} {d['message']}" for d in json.loads(done.stdout)["diagnostics"]]
    places = folder / "places"
    got = [line[line.index(":") + 1:] for line in places.read_text().splitlines()] if places.exists() else [said]
    if not wanted or got != wanted:
        failures.append(f"{name}: :make gives {got}, expected {wanted}")


def check_server(folder, failures):
    """Neovim starts the server, shows what it says, and reads the catalogue when it is asked to."""
    subprocess.run(["sh", str(ROOT / "examples/make_shop.sh"), str(folder / "shop.db")], stdout=subprocess.DEVNULL, check=True)
    (folder / "job.bfl").write_text('job seen { why "x" }\nsource shop = sqlite("shop.db")\nverify a { assert count(shop.orders where totl > 1) == lowr(1) }\n')
    script = folder / "server.lua"
    script.write_text(f"""
local function seen(number)
  vim.wait(10000, function() return #vim.diagnostic.get(0) == number end, 20)
  local lines = {{}}
  for _, d in ipairs(vim.diagnostic.get(0)) do table.insert(lines, (d.lnum + 1) .. ':' .. (d.col + 1) .. ' ' .. vim.split(d.message, '\\n')[1]) end
  return table.concat(lines, '; ')
end
local before = seen(1)
vim.cmd('BflReadCatalogue')
local behind = seen(2)
vim.fn.writefile({{ before, behind }}, '{folder}/seen')
vim.cmd('qa!')
""")
    words = ["nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", f"set runtimepath^={RUNTIME}", "-c", f"let g:bfl_path = '{BFL}'", "-c", "filetype plugin on",
             "-c", f"edit {folder}/job.bfl", "-c", f"luafile {script}"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    seen = (folder / "seen").read_text().split("\n") if (folder / "seen").exists() else [done.stdout]
    if seen[:2] != ["3:56 unknown function `lowr`", "3:43 unknown name `totl`; 3:56 unknown function `lowr`"]:
        failures.append(f"nvim: the server's diagnostics are {seen}")


def main():
    failures = []
    for name in ("vim", "nvim"):
        if not shutil.which(name):
            failures.append(f"{name} is missing; tests/install.sh names what the tests need")
            continue
        with tempfile.TemporaryDirectory() as folder:
            check_groups(name, pathlib.Path(folder), failures)
            check_indent(name, pathlib.Path(folder), failures)
            check_make(name, pathlib.Path(folder), failures)
            if name == "nvim":
                check_server(pathlib.Path(folder), failures)
    print("\n".join(failures) or f"{len(GROUPS)} words, the indentation and :make hold in vim and nvim")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
