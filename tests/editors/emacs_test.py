#!/usr/bin/env python3
"""The mode for Emacs, tried in Emacs: loads without warnings, colours, indents."""
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
MODE = HERE.parent.parent / "editors/emacs/bfl-mode.el"


def main():
    if not shutil.which("emacs"):
        print("emacs is missing; tests/install.sh names what the tests need")
        return 1
    words = ["emacs", "-Q", "--batch", "--eval", "(setq byte-compile-error-on-warn t byte-compile-dest-file-function (lambda (_) (make-temp-file \"bfl\")))",
             "-f", "batch-byte-compile", str(MODE)]
    if compiled := subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60):
        if compiled.returncode:
            print(compiled.stdout)
            return 1
    done = subprocess.run(["emacs", "-Q", "--batch", "-l", str(MODE), "-l", str(HERE / "emacs_test.el"), "-f", "ert-run-tests-batch-and-exit"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    print(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
