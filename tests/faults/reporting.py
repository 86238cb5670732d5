"""One line a test; `TEST.py BFL BFL_FAULTS [NAME…]`. With BFL_FAULTS_LONG set, every case is tried and not a choice of them."""
import os
import pathlib
import subprocess
import sys
import time

from checker import Wrong

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED = 77
LONG = bool(os.environ.get("BFL_FAULTS_LONG"))


def say(text):
    print(f"         {text}", flush=True)


def main(tests):
    wanted = sys.argv[3:]
    failed = skipped = 0
    chosen = [test for test in tests if not wanted or test.__name__ in wanted]
    for test in chosen:
        began = time.monotonic()
        try:
            if test() == SKIPPED:
                skipped += 1
                print(f"skipped  {test.__name__}", flush=True)
                continue
            print(f"ok       {test.__name__}, {time.monotonic() - began:.1f} s", flush=True)
        except (Wrong, subprocess.TimeoutExpired) as problem:
            failed += 1
            print(f"FAIL     {test.__name__}: {problem}", flush=True)
    if failed:
        sys.exit(1)
    sys.exit(SKIPPED if skipped == len(chosen) else 0)
