"""redis_suite.py: Redis' own Tcl suite against the server, as far as its commands are there.

    redis_suite.py SERVER RUNNER

RUNNER is the program that runs one unit of the suite (`RUNNER SERVER --unit NAME … --out DIR`)
and leaves DIR/result.json. The suite is not part of this project; neither is its runner.
A test counts as passed or failed by name; what redis-server does not pass is not counted.
"""
import json
import os
import subprocess
import sys
import tempfile

UNITS = """unit/type/string unit/type/incr unit/keyspace unit/expire unit/scan unit/protocol unit/querybuf
    unit/printver unit/quit unit/networking unit/limits unit/info-command unit/introspection-2""".split()


def main(server, program):
    out = tempfile.mkdtemp(prefix="martlet-suite-")
    command = [program, server, "--out", out]
    for unit in UNITS:
        command += ["--unit", unit]
    subprocess.run(command)
    path = os.path.join(out, "result.json")
    if not os.path.exists(path):
        print("the suite left no result")
        print("RESULT redis-suite: 0 passed, 1 failed, 0 skipped")
        return 1
    with open(path) as file:
        result = json.load(file)
    passed = failed = 0
    for unit in result["units"]:
        passed += len(unit.get("passed", []))
        for name in unit.get("failed", []):
            failed += 1
            print(f"  FAILED {unit.get('unit')}: {name}")
    print(f"RESULT redis-suite: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
