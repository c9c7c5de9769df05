"""redis_suite.py: Redis' own Tcl suite against the server, as far as its commands are there.

    redis_suite.py SERVER RUNNER

RUNNER is the program that runs units of the suite (`RUNNER SERVER --out DIR --unit NAME …`)
and leaves DIR/result.json; neither it nor the suite is part of this project. A test that
redis-suite-waiting.txt lists waits for a feature, or has another reason given there, and counts as skipped.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

UNITS = """unit/type/string unit/type/incr unit/keyspace unit/expire unit/scan unit/protocol unit/querybuf
    unit/multi unit/printver unit/quit unit/networking unit/limits unit/info-command unit/introspection-2
    unit/type/list unit/type/list-2 unit/type/list-3 unit/type/set unit/type/zset unit/type/hash unit/type/stream
    unit/type/stream-cgroups unit/sort unit/bitops unit/bitfield unit/hyperloglog unit/geo unit/dump unit/lazyfree
    integration/convert-zipmap-hash-on-load integration/convert-ziplist-hash-on-load
    integration/convert-ziplist-zset-on-load integration/corrupt-dump integration/corrupt-dump-fuzzer""".split()


def waiting():
    """{(unit, test): feature}"""
    found = {}
    with open(os.path.join(HERE, "redis-suite-waiting.txt")) as file:
        for line in file:
            if not line.startswith("#"):
                feature, unit, name = line.rstrip("\n").split(" | ", 2)
                found[unit, name] = feature
    return found


def main(server, program):
    out = tempfile.mkdtemp(prefix="martlet-suite-")
    units = [word for unit in UNITS for word in ("--unit", unit)]
    subprocess.run([program, server, "--out", out, *units])
    path = os.path.join(out, "result.json")
    if not os.path.exists(path):
        print("the suite left no result\nRESULT redis-suite: 0 passed, 1 failed, 0 skipped")
        return 1
    with open(path) as file:
        result = json.load(file)
    listed = waiting()
    passed = failed = skipped = 0
    for unit, report in result["units"].items():
        for test in report["tests"]:
            feature = listed.get((unit, test["name"]))
            if test["result"] == "pass":
                passed += 1
                if feature:
                    print(f"  passes now, though listed as waiting for {feature}: {unit}: {test['name']}")
            elif feature:
                skipped += 1
            else:
                failed += 1
                print(f"  FAILED {unit}: {test['name']}\n    {test.get('message', '')[:300]}")
    for feature in sorted(set(listed.values())):
        print(f"  {list(listed.values()).count(feature)} tests wait for {feature}")
    print(f"RESULT redis-suite: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
