#!/usr/bin/env python3
"""Packets that vanish without a word, as behind a firewall that drops them: `network_test.py BFL BFL_FAULTS`. It needs a network
of its own, which root may have, and starts a server in it."""
import contextlib
import os
import signal
import subprocess
import sys
import time

from checker import Wrong, hold
from reporting import LONG, SKIPPED, main, say
from server_test import DIRECT, RESUMABLE, SEALED, own_server
from trial import Trial, binaries

# Both sides give up after two seconds instead of a minute.
SOON = "?tcp_user_timeout=2000&keepalives_idle=1&keepalives_interval=1&connect_timeout=2"
INSIDE = "BFL_OWN_NETWORK"


def network(*words):
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


@contextlib.contextmanager
def packets_vanish():
    if not network("tc", "qdisc", "add", "dev", "lo", "root", "blackhole"):
        raise Wrong("the packets cannot be dropped")
    try:
        yield
    finally:
        network("tc", "qdisc", "del", "dev", "lo", "root")


@contextlib.contextmanager
def trials():
    with own_server() as (_, db, place):
        def trial(job):
            made = Trial(binaries()[0], db, place, job)
            made.environment["FAULTS_URL"] = db.url + SOON
            return made
        yield trial


def gone_for_a_while():
    """In each part of a transaction; what the server never heard of is done again, what it had heard of is not."""
    points = ["before_commit:2", "after_change:2", "before_commit:3", "after_begin:2", "after_commit:2"][:None if LONG else 2]
    with trials() as trial:
        for number, point in enumerate(points):
            it = trial((DIRECT, SEALED)[number % 2])
            process = it.stopped_at(point)
            try:
                with packets_vanish():
                    process.send_signal(signal.SIGCONT)
                    time.sleep(4)
                code = it.ended(process, f"cut off at {point}")
                hold(code in (0, RESUMABLE), f"exit {code}\n{it.said}")
                it.check_now()
                it.finish(again=False)
            except Wrong as wrong:
                raise Wrong(f"{point}, {it.job.name}: {wrong}") from wrong
    say(f"{len(points)} times")


def gone_for_good():
    """The run ends by itself when it is asked to, says why, and lets nobody wait for its locks."""
    with trials() as trial:
        it = trial(SEALED)
        process = it.stopped_at("before_commit:2")
        with packets_vanish():
            process.send_signal(signal.SIGCONT)
            time.sleep(1)
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                time.sleep(0.5)
            began = time.monotonic()
            code = it.ended(process, "asked to stop")
            hold(time.monotonic() - began < 20, "it waited on when it was asked to stop at once")
            hold(code in (RESUMABLE, 130), f"exit {code}\n{it.said}")
        it.check_now()
        it.finish()


if __name__ == "__main__":
    if INSIDE not in os.environ:
        if os.getuid() != 0 or not network("unshare", "-n", "tc", "qdisc", "add", "dev", "lo", "root", "blackhole"):
            print("skipped: no network of its own is to be had")
            sys.exit(SKIPPED)
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    network("ip", "link", "set", "lo", "up")
    main([gone_for_a_while, gone_for_good])
