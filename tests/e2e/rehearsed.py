"""What the tests of `bfl rehearse` share: a job of several kinds of steps, jobs that do not pass, and that nothing is left behind."""
import json
import os
import signal
import tempfile
import time

from harness import expect

JOB = """
job rehearsed {{ why "It is tried before it is done." }}
source shop = {source}
snapshot busy = shop.orders group by c = customer_id {{ n = count() }}
update totals of shop.orders where total != subtotal + tax {{ set total = subtotal + tax }}
update notes of shop.orders join optional busy as b on b.c == customer_id {{ set note = f"{{b.n ?? 0}}" chunk 100 }}
insert more into shop.products from shop.products where id <= 3 {{
  set id = id + 1_000
  set sku = f"NEW-{{id}}"
  set name = name
  set price = price
  key (sku)
}}
delete old of shop.lines where order_id <= 5
verify none {{ assert count(shop.orders where total != subtotal + tax) == 0 }}
"""
# The second run finds rows again that the first one has changed.
NOT_TWICE = """
job not_twice {{ why "It is not the same twice." }}
source shop = {source}
sql grow on shop \"\"\"UPDATE orders SET line_count = line_count + 1 WHERE id = 1\"\"\" {{ writes orders(line_count) done when exists(shop.orders where id == 1 and line_count > 0) }}
verify odd {{ assert sum(line_count from shop.orders where id == 1) > 1_000 "the verification does not hold" }}
"""


def left(folder):
    return sorted(name for name in os.listdir(folder) if name.startswith("bfl-scratch-"))


def passes(place, env, source, figures, extra=()):
    """`figures`: what the source's tables come to, which no rehearsal may change."""
    place.write("job.bfl", JOB.format(source=source))
    before = figures()
    with tempfile.TemporaryDirectory() as scratch:
        env = {**env, "TMPDIR": scratch}
        told = place.call("rehearse", "job.bfl", *extra, env=env)
        for part in ("rehearsal of rehearsed", "update notes: 400 rows changed", "insert more: 3 rows added", "the second run changed nothing", "every row is as it was",
                     "the next run came to the same end", "rehearsed; nothing of it was done"):
            expect(part in told.stdout, f"`{part}` is not told:\n{told.stdout}{told.stderr}")
        document = json.loads(place.call("rehearse", "job.bfl", "--json", *extra, env=env).stdout)
        expect(document["ok"] and document["run"]["exit_code"] == 0 and document["problems"] == [], document)
        expect(document["kill"]["after_chunk"] >= 1 and document["kill"]["of"] > document["kill"]["after_chunk"], document["kill"])
        expect({"step": "notes", "changed": 400, "chunks": 4} in document["run"]["steps"], document["run"])
        expect(left(scratch) == [], f"left behind: {left(scratch)}")
    expect(figures() == before, "the rehearsal changed the database itself")


def begun_before(place, env, source, figures, extra=()):
    """Half of it is done by runs of before; orders and what is slow are passed over; nothing of that is undone or waited for."""
    text = JOB.format(source=source).replace('why "', 'pace { rows <= 1 / h pause when file("hold") }\n  why "').replace("chunk 100 }", "chunk 100 rollout { 10% then wait for approval\n100% } }")
    quick = JOB.format(source=source)
    place.write("hold", "")
    place.write("job.bfl", quick)
    place.call("run", "job.bfl", "--limit-chunks", "3", code=75, env=env)
    place.write("slow.bfl", text)
    for order in ("pause", "halt"):
        place.call(order, "job.bfl", env=env)
    before = figures()
    told = place.call("rehearse", "slow.bfl", *extra, env={**env, "BFL_HALT": "not today"}).stdout
    for part in ("the second run changed nothing", "every row is as it was", "the next run came to the same end", "rehearsed; nothing of it was done"):
        expect(part in told, f"`{part}` is not told:\n{told}")
    expect(figures() == before, "the rehearsal changed the database itself")
    place.call("resume", "job.bfl", env=env)
    place.call("run", "job.bfl", env=env)
    again = quick.replace("1_000", "2_000").replace("NEW-", "NEWER-")
    place.write("job.bfl", again)
    told = place.call("rehearse", "job.bfl", *extra, env=env).stdout
    expect("3 rows added" in told and "every row is as it was" in told, told)


def fails(place, env, source, figures, extra=()):
    place.write("bad.bfl", NOT_TWICE.format(source=source))
    before = figures()
    with tempfile.TemporaryDirectory() as scratch:
        env = {**env, "TMPDIR": scratch}
        told = place.call("rehearse", "bad.bfl", *extra, code=1, env=env)
        expect("the verification does not hold" in told.stdout and "does not pass its rehearsal" in told.stdout, told.stdout)
        expect(json.loads(place.call("rehearse", "bad.bfl", "--json", *extra, code=1, env=env).stdout)["ok"] is False, "it is ok in JSON")
        expect(left(scratch) == [], f"left behind: {left(scratch)}")
    expect(figures() == before, "the rehearsal changed the database itself")


def stopped(place, env, source, extra=()):
    """Ctrl-C leaves nothing; what SIGKILL leaves, the next rehearsal takes away."""
    place.write("slow.bfl", JOB.format(source=source).replace("chunk 100", "chunk 1"))
    with tempfile.TemporaryDirectory() as scratch:
        env = {**env, "TMPDIR": scratch}
        for order, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
            running = place.start("rehearse", "slow.bfl", *extra, env=env)
            until = time.monotonic() + 60
            while not left(scratch) and time.monotonic() < until and running.poll() is None:
                time.sleep(0.005)
            expect(running.poll() is None, "it ended before it could be stopped")
            running.send_signal(order)
            said = running.communicate(timeout=120)
            expect(running.returncode == code, f"exit {running.returncode}, expected {code}: {said}")
            expect((left(scratch) == []) == (order == signal.SIGINT), f"behind {order}: {left(scratch)}")
        place.call("rehearse", "job.bfl", *extra, env=env)
        expect(left(scratch) == [], f"left behind: {left(scratch)}")
