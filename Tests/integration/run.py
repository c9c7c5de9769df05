#!/usr/bin/env python3
"""run.py: the integration tests against one server.

    MARTLET_SERVER=/path/to/server Tests/integration/run.py [-v] [--label NAME] [--list] [PATTERN ...]

A pattern is a regular expression on `module/name`. Every file test_*.py beside
this one is a module. The last line is `RESULT label: N passed, N failed, N skipped`.
"""
import glob
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from harness import runner  # noqa: E402


def main(arguments):
    label, verbose, listing, patterns = "integration", False, False, []
    while arguments:
        word = arguments.pop(0)
        if word == "-v":
            verbose = True
        elif word == "--list":
            listing = True
        elif word == "--label":
            label = arguments.pop(0)
        else:
            patterns.append(word)
    for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
        importlib.import_module(os.path.basename(path)[:-3])
    if listing:
        for case in runner.collected():
            print(case.full_name)
        return 0
    return runner.Runner(label, verbose).run_all(runner.collected(), patterns)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
