#!/usr/bin/env python3
"""Faults by hand: `run.py [KIND…]` runs the tests of every build, `run.py --long KIND…` all their cases, and
`run.py --long --kills N --engine sqlite|postgres` the long proof.

The long proof kills at every passage of every fault point of every job, and at random instants until N kills are reached; the
runs that resume are killed as well. It starts a PostgreSQL server of its own. --seed repeats a sequence.
"""
import argparse
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="kills, …: the files beside this one without _test.py; none: all")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--kills", type=int, default=2000)
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--build", default=str(ROOT / "build"), help="the folder with bfl and bfl_faults")
    return parser.parse_args()


def server(verb, place):
    return subprocess.run(["sh", str(ROOT / "tests/postgres.sh"), verb, place], stdout=subprocess.DEVNULL).returncode == 0


def long_proof(asked):
    os.environ["BFL_SEED"] = str(asked.seed)
    sys.argv = [sys.argv[0], f"{asked.build}/bfl", f"{asked.build}/bfl_faults"]
    import kills_test
    chance = random.Random(asked.seed)
    print(f"seed {asked.seed}", flush=True)
    began = last = time.monotonic()
    kills = kills_test.at_every_point(asked.engine, every=True, chance=chance)
    print(f"{kills} kills at every passage of every fault point, {time.monotonic() - began:.0f} s", flush=True)

    def progress(done):
        nonlocal last
        if time.monotonic() - last > 30:
            last = time.monotonic()
            print(f"{kills + done} kills, {last - began:.0f} s", flush=True)

    kills += kills_test.at_random(asked.engine, max(asked.kills - kills, 0), chance, progress)
    print(f"survived {kills} kills on {asked.engine} in {time.monotonic() - began:.0f} s, seed {asked.seed}", flush=True)


def main():
    asked = arguments()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="bfl-server-") as place:
        needs_server = not asked.long or asked.kinds or asked.engine == "postgres"
        if needs_server and "BFL_POSTGRES" not in os.environ and server("start", place):
            os.environ["BFL_POSTGRES"] = place
        try:
            if asked.long and not asked.kinds:
                long_proof(asked)
            else:
                if asked.long:
                    os.environ["BFL_FAULTS_LONG"] = "1"
                for test in sorted(HERE.glob("*_test.py")):
                    if not asked.kinds or test.name.removesuffix("_test.py") in asked.kinds:
                        failed |= subprocess.run([sys.executable, str(test), f"{asked.build}/bfl", f"{asked.build}/bfl_faults"]).returncode not in (0, 77)
        finally:
            server("stop", place)
    sys.exit(failed)


if __name__ == "__main__":
    main()
