#!/usr/bin/env python3
"""Keys, signed checkpoints and exported ledgers, the export is read by a verifier that is not bfl's (tlog.py)."""
import hashlib
import json
import os
import random
import shutil
import stat

import tlog
from harness import expect, main

JOB = """
job bump {{ why "Each row higher, once." }}
source shop = {source}
update {step} of shop.orders {{ set line_count = line_count + {by} once chunk {chunk} }}
"""
SQLITE = 'sqlite("shop.db")'
SEED = int(os.environ.get("BFL_SEED", random.randrange(1 << 30)))


def with_key(place, name="ops"):
    place.env = {**getattr(place, "env", {}), "BFL_KEYS": str(place.folder / "keys")}
    return place.call("key", "make", name, env=place.env).stdout.split()[-1]


def run(place, source, step="first", by=1, chunk=100, **more):
    place.write("job.bfl", JOB.format(source=source, step=step, by=by, chunk=chunk))
    return place.call("run", "job.bfl", env=place.env, **more)


def call(place, *words, code=0):
    return place.call(*words, code=code, env=place.env)


def keys_are_kept_to_oneself(place):
    public = with_key(place)
    private = place.folder / "keys/ops.key"
    secret = private.read_text().strip()
    expect(stat.S_IMODE(private.stat().st_mode) == 0o600, "others may read the private key")
    expect(secret.startswith("PRIVATE+KEY+ops+") and tlog.read_key(public)[0] == "ops", f"{public}")
    said = [call(place, "key", "show", "ops").stdout, call(place, "key", "list").stdout, call(place, "key", "list", "--json").stdout]
    expect(all(public in text and secret not in text and secret[-20:] not in text for text in said), f"{said}")
    expect("already" in call(place, "key", "make", "ops", code=4).stderr, "a key was made twice")
    expect(private.read_text().strip() == secret, "a key was replaced")
    expect("is no name of a key" in call(place, "key", "make", "../x", code=2).stderr, "a key outside of its folder")
    expect("no public key" in call(place, "key", "trust", public[:-4] + "AAA=", code=2).stderr, "a broken key is trusted")
    expect("there is no key `none`" in call(place, "key", "show", "none", code=4).stderr, "an unknown key")
    place.shop(50)
    run(place, SQLITE)
    private.chmod(0o644)
    expect("others may read" in call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt", code=4).stderr, "a key that others may read was used")
    private.chmod(0o600)
    private.unlink()
    expect("no key to sign with" in call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt", code=4).stderr, "signed without a key")


def anchored(place, source, copy, restore):
    """`copy` and `restore` are of the whole database, as its owner could do it."""
    with_key(place)
    run(place, source)
    copy()
    run(place, source, "second", by=10)
    expect("signed by ops" in call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt").stdout, "no checkpoint")
    once = (place.folder / "kept.txt").read_text()
    call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt")
    expect((place.folder / "kept.txt").read_text() == once, "the same checkpoint is kept twice")
    run(place, source, "third", by=100)
    call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt")
    found = json.loads(call(place, "audit", "verify", "job.bfl", "--anchor", "kept.txt", "--json").stdout)
    expect(found["ok"] and found["targets"][0]["anchored"] == 2, f"{found}")
    # Cut off: the ledger holds by itself.
    restore()
    (place.folder / ".bfl/state.db").unlink()
    call(place, "audit", "verify", "job.bfl")
    said = call(place, "audit", "verify", "job.bfl", "--anchor", "kept.txt", code=4).stdout
    expect("were signed, and the ledger has" in said and "kept.txt:1:" in said, said)
    # Written anew, with other values.
    run(place, source, "second", by=11)
    run(place, source, "third", by=100)
    call(place, "audit", "verify", "job.bfl")
    said = call(place, "audit", "verify", "job.bfl", "--anchor", "kept.txt", code=4).stdout
    expect("are not those that were signed" in said, said)
    expect("are not those that were signed" in call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt", code=4).stdout, "a ledger that was written anew is signed")
    # The file of checkpoints itself.
    content = (place.folder / "kept.txt").read_text()
    (place.folder / "kept.txt").write_text(content.replace("\n", "\n1", 1))
    expect("BFL0532" in (said := call(place, "audit", "verify", "job.bfl", "--anchor", "kept.txt", code=4).stderr) and "signature of the checkpoint does not hold" in said, said)
    (place.folder / "kept.txt").write_text(content.split("\n\u2014")[0] + "\n")
    expect("no signed checkpoint" in call(place, "audit", "verify", "job.bfl", "--anchor", "kept.txt", code=4).stderr, "a checkpoint without a signature")
    (place.folder / "kept.txt").write_text(content)
    shutil.move(place.folder / "keys", place.folder / "other")
    expect("no key that is known here" in call(place, "audit", "verify", "job.bfl", "--anchor", "kept.txt", code=4).stderr, "a stranger's checkpoint")
    call(place, "key", "trust", (place.folder / "other/ops.pub").read_text().strip())
    call(place, "audit", "verify", "job.bfl", "--anchor", "kept.txt", code=4)


def anchors_on_sqlite(place):
    place.shop(200)
    place.env = {}

    def copy():
        place.sql(f"VACUUM INTO '{place.folder / 'copy.db'}'")

    def restore():
        for left in ("shop.db-wal", "shop.db-shm"):
            (place.folder / left).unlink(missing_ok=True)
        shutil.copy(place.folder / "copy.db", place.folder / "shop.db")

    anchored(place, SQLITE, copy, restore)
    (place.folder / "shop.db").unlink()
    place.shop(200)
    (place.folder / ".bfl/state.db").unlink()
    run(place, SQLITE)
    expect("no checkpoint in kept.txt is of this ledger" in call(place, "audit", "verify", "job.bfl", "--anchor", "kept.txt", code=4).stderr, "another ledger in its place")


def exported(place, source, rows):
    """Enough entries for two levels of tiles; a checkpoint before the last step is a beginning of the export."""
    public = with_key(place)
    run(place, source, chunk=rows // 300)
    call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt")
    run(place, source, "second")
    (place.folder / "there").mkdir()
    expect("there is there already" in call(place, "audit", "export", "job.bfl", "--output", "there", code=4).stderr, "a folder was overwritten")
    call(place, "audit", "export", "job.bfl", "--output", "out")
    log = tlog.Log(place.folder / "out/bump", public)
    entries = log.verify()
    expect(log.size == len(entries) > 300 and (log.folder / "tile/1").exists(), f"{log.size} entries")
    facts = [json.loads(entry) for entry in entries]
    expect(sum(int(fact.get("changed", 0)) for fact in facts if fact["kind"] == "chunk") == 2 * rows, "not every change is in the export")
    for fact in facts:
        if "pack" in fact:
            expect(hashlib.sha256((log.folder / "pack" / fact["pack"]).read_bytes()).hexdigest() == fact["pack"], "a pack is not what its entry names")
    hashes = log.hashes()
    chance = random.Random(SEED)
    for index in [0, log.size - 1] + [chance.randrange(log.size) for _ in range(6)]:
        proof = tlog.inclusion(hashes, index)
        expect(tlog.included(tlog.leaf(entries[index]), index, log.size, proof, log.root), f"seed {SEED}: entry {index} is not proved")
        expect(not tlog.included(tlog.leaf(entries[index] + b" "), index, log.size, proof, log.root), f"seed {SEED}: another entry is proved")
    origin, size, root = tlog.read_checkpoint((place.folder / "kept.txt").read_bytes().rstrip(b"\n") + b"\n", public)
    proof = tlog.consistency(hashes, size)
    expect(origin == log.origin and size < log.size and tlog.consistent(size, root, log.size, log.root, proof), "the earlier checkpoint is no beginning")
    expect(not tlog.consistent(size, log.root, log.size, log.root, proof), "any root is a beginning")
    return public


def export_from_sqlite(place):
    place.shop(1200)
    place.env = {}
    exported(place, SQLITE, 1200)


def each_byte_of_an_export_counts(place):
    place.shop(30)
    place.env = {}
    public = with_key(place)
    run(place, SQLITE, chunk=10)
    call(place, "audit", "export", "job.bfl", "--output", "out")
    folder = place.folder / "out/bump"
    chance = random.Random(SEED)
    tlog.Log(folder, public).verify()
    for path in [folder / "checkpoint", *sorted((folder / "tile").rglob("*"))]:
        if path.is_dir():
            continue
        content = path.read_bytes()
        for at in chance.sample(range(len(content)), min(len(content), 60)):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1:])
            try:
                tlog.Log(folder, public).verify()
                expect(False, f"seed {SEED}: byte {at} of {path} was flipped, and nobody saw it")
            except tlog.Wrong:
                pass
        path.write_bytes(content)


def what_was_cut_short_is_not_signed(place):
    place.shop(300)
    place.env = {}
    with_key(place)
    place.write("job.bfl", JOB.format(source=SQLITE, step="first", by=1, chunk=1))
    process = place.start("run", "job.bfl")
    while process.poll() is None and not (place.folder / ".bfl/state.db").exists():
        pass
    process.kill()
    process.communicate()
    if place.sql("SELECT count(*) FROM sqlite_schema WHERE name = 'bfl_job'") == [(1,)] and place.sql("SELECT count(*) FROM bfl_job WHERE holder <> ''") == [(1,)]:
        said = call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt", code=75).stderr
        expect("was cut short" in said and not (place.folder / "kept.txt").exists(), said)
    run(place, SQLITE, chunk=1)
    call(place, "audit", "checkpoint", "job.bfl", "--anchor", "kept.txt")
    call(place, "audit", "verify", "sqlite:shop.db", "--anchor", "kept.txt")


if __name__ == "__main__":
    main([keys_are_kept_to_oneself, anchors_on_sqlite, export_from_sqlite, each_byte_of_an_export_counts, what_was_cut_short_is_not_signed])
