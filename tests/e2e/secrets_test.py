#!/usr/bin/env python3
"""Secrets on SQLite: no byte of one in what is printed, in the state file, in the target's file or in what bfl keeps there."""
import contextlib
import sqlite3

import hidden
from harness import expect, main

ENV = {"BFL_TEST_PEPPER": hidden.CANARY}


def search_target(place):
    for file in place.folder.glob("shop.db*"):
        hidden.search(file.read_bytes(), file.name)
    opened = 0
    with contextlib.closing(sqlite3.connect(place.folder / "shop.db")) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            opened += hidden.search_values(db.execute(f'SELECT * FROM "{table}"').fetchall(), table)
    return opened


def a_secret_leaves_nothing(place):
    place.shop(40)
    place.write("job.bfl", hidden.JOB.replace("SOURCE", 'sqlite("shop.db")'))
    hidden.every_word(place, "job.bfl", ENV, ["test JOB", "test JOB --json", *hidden.COMMANDS])
    expect(search_target(place) > 5, "no pack was looked into")
    expect(place.value("SELECT count(*) FROM customers WHERE length(email) = 20") == 200, "the job did not do its work")


def failures_tell_nothing(place):
    place.shop(40)
    hidden.failing_jobs(place, 'source shop = sqlite("shop.db")', ENV, lambda name: search_target(place))


def another_secret_is_another_piece_of_work(place):
    place.shop(10)
    place.write("job.bfl", hidden.JOB.replace("SOURCE", 'sqlite("shop.db")'))
    place.call("run", "job.bfl", env=ENV)
    expect("nothing to do" in place.call("run", "job.bfl", env=ENV).stdout, "the same secret, and something is done")
    # Under another secret the rows that it adds have other names, and the keys of those that are there: the plan says so.
    changed = place.call("plan", "job.bfl", env={"BFL_TEST_PEPPER": "another pepper"}, code=1)
    expect("finished before" not in changed.stdout.split("by_digest")[1].split("by_snapshot")[0], f"another secret changes nothing:\n{changed.stdout}")
    given = place.call("plan", "job.bfl", "--set", "pepper=env:ELSEWHERE", env={"ELSEWHERE": hidden.CANARY}).stdout
    expect("pepper: text = *** (given)" in given, f"a secret from another variable:\n{given}")
    for words in (("run", "job.bfl", "--set", "pepper=given-on-the-line"), ("run", "job.bfl", "--set", "pepper=given-on-the-line", "--json")):
        refused = place.call(*words, code=2, env=ENV)
        expect("given-on-the-line" not in refused.stdout + refused.stderr, f"the refusal shows it:\n{refused.stderr}")


def passwords_of_urls_are_nowhere(place):
    place.shop(10)
    place.write("job.bfl", 'job a { why "a" }\nsource shop = sqlite("shop.db")\nupdate u of shop.orders { set note = "x" }\n')
    for url in ("sqlite:shop.db?key=s3cretword", "sqlite:file:shop.db?key=s3cretword", "sqlite://ann:s3cretword@host/shop.db", "mysql://ann:s3cretword@host/shop"):
        for words in (("check", "job.bfl"), ("plan", "job.bfl", "--json"), ("run", "job.bfl"), ("run", "job.bfl"), ("run", "job.bfl", "--json"), ("undo", "job.bfl", "--plan")):
            done = place.call(*words, "--source", f"shop={url}", code=None)
            expect("s3cretword" not in done.stdout + done.stderr, f"{' '.join(words)} with {url} shows the password:\n{done.stdout}{done.stderr}")
    for file in list((place.folder / ".bfl").glob("*")) + list(place.folder.glob("shop.db*")):
        expect(b"s3cretword" not in file.read_bytes(), f"the password is in {file.name}")


if __name__ == "__main__":
    main([a_secret_leaves_nothing, failures_tell_nothing, another_secret_is_another_piece_of_work, passwords_of_urls_are_nowhere])
