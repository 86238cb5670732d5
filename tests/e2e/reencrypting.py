"""examples/reencrypt.bfl on a table of its own: tokens that openssl sealed with one key are sealed with another in the end."""
import os
import shutil
import subprocess

from harness import SKIPPED, expect

KEYS = {"OLD_KEY": "the key of 2023, given up", "NEW_KEY": "a key that nobody knows yet"}
TABLE = "CREATE TABLE tokens (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, sealed TEXT NOT NULL, key_version INTEGER NOT NULL)"
COUNT = 60


def openssl(words, key, data):
    command = ["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-base64", "-A", "-pass", f"env:{key}", *words]
    return subprocess.run(command, input=data.encode(), capture_output=True, check=True, env={**os.environ, **KEYS}).stdout.decode()


def reencrypts(place, words, sql, env):
    """`sql` runs a statement and gives rows; `words` say where the table is."""
    if not shutil.which("openssl"):
        return SKIPPED
    place.example("reencrypt.bfl")
    place.example("reencrypt.py")
    sql(TABLE)
    rows = []
    for number in range(1, COUNT + 1):
        key = "NEW_KEY" if number % 10 == 0 else "OLD_KEY"
        rows.append(f"({number}, 'o{number}', '{openssl(['-e'], key, f'token {number}')}', {2 if key == 'NEW_KEY' else 1})")
    sql("INSERT INTO tokens VALUES " + ", ".join(rows))
    before = dict((int(key), sealed) for key, sealed in sql("SELECT id, sealed FROM tokens"))
    env = {**env, **KEYS}
    plan = place.call("plan", "reencrypt.bfl", *words, env=env)
    place.call("run", "reencrypt.bfl", *words, "--limit-chunks", "1", code=None, env=env)
    place.call("run", "reencrypt.bfl", *words, env=env)
    rows = [(int(key), sealed, int(version)) for key, sealed, version in sql("SELECT id, sealed, key_version FROM tokens ORDER BY id")]
    for key, sealed, version in rows:
        expect(version == 2 and openssl(["-d"], "NEW_KEY", sealed) == f"token {key}", f"token {key} is not as it should be")
        expect((sealed == before[key]) == (key % 10 == 0), f"token {key} was sealed when it should not, or not when it should")
    expect("nothing to do" in place.call("run", "reencrypt.bfl", *words, env=env).stdout, "the second run did something")
    log = place.call("log", "--json").stdout
    for text in (plan.stdout, plan.stderr, log):
        expect(not any(key in text for key in KEYS.values()), "a key is shown")
    place.call("undo", "reencrypt.bfl", *words, env=env)
    expect(dict((int(key), sealed) for key, sealed in sql("SELECT id, sealed FROM tokens")) == before, "the undo left something")
    return None
