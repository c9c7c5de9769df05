#!/usr/bin/env python3
"""run.py: crashes, power cuts and sick disks against one server.

    MARTLET_SERVER=/path/to/server Tests/crash/run.py [-v] [--label NAME] [--list] [--seed N]
        [--kills N] [--cuts N] [--self-test] [PATTERN ...]

A pattern is a regular expression on `module/name`. MARTLET_SERVER may also be redis-server or
valkey-server: what holds for all of them is tested on all. `--self-test` tests this harness: servers
with planted bugs, every one of which it must find. The last line is
`RESULT label: N passed, N failed, N skipped`.
"""
import glob
import importlib
import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE, TESTS, os.path.join(TESTS, "integration")]
sys.dont_write_bytecode = True

from harness import runner  # noqa: E402

import settings  # noqa: E402


def main(arguments):
    label, verbose, listing, self_test, patterns = "crash", False, False, False, []
    while arguments:
        word = arguments.pop(0)
        if word == "-v":
            verbose = True
        elif word == "--list":
            listing = True
        elif word == "--label":
            label = arguments.pop(0)
        elif word == "--self-test":
            self_test = True
        elif word in ("--seed", "--kills", "--cuts"):
            setattr(settings, word[2:], int(arguments.pop(0)))
        else:
            patterns.append(word)
    settings.seed = settings.seed or int(time.time())
    # Ended from outside: the disks and servers are cleaned up as after a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # The planted bugs are their own suite: nothing else runs with them.
    for path in sorted(glob.glob(os.path.join(HERE, "planted_*.py" if self_test else "test_*.py"))):
        importlib.import_module(os.path.basename(path)[:-3])
    if listing:
        for case in runner.collected():
            print(case.full_name)
        return 0
    print(f"  seed {settings.seed} (--seed {settings.seed} draws the same again)", flush=True)
    return runner.Runner(label, verbose).run_all(runner.collected(), patterns)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
