"""test_tools.py: the files are Redis's: its tools accept them, its server loads them, and we load its and Valkey's."""
import os
import random
import shutil
import subprocess
import tempfile

from harness.resp import wait_until
from harness.runner import expect, skip, test
from harness.server import flavour

import settings
from target import Target

VALKEY_PLACES = ("/opt/valkey/bin/valkey-server",)


def found(name):
    path = shutil.which(name)
    if not path:
        skip(f"no {name}")
    return path


def valkey():
    """A valkey-server: $VALKEY_SERVER, on the path, or in its usual place."""
    for path in (os.environ.get("VALKEY_SERVER"), shutil.which("valkey-server"), *VALKEY_PLACES):
        if path and os.path.exists(path):
            return path
    skip("no valkey-server (VALKEY_SERVER names one)")


def write_something(connection, rng, rounds=300):
    """Every kind of string, in three databases, with and without expiry, some changed again, some deleted."""
    for _ in range(rounds):
        connection.call("SELECT", rng.randrange(3))
        name = f"k{rng.randrange(80)}"
        commands = [
            ("SET", name, rng.randbytes(rng.choice((0, 1, 20, 44, 45, 500, 20_000)))),
            ("SET", name, rng.randrange(-10**18, 10**18)),
            ("SET", name, "x" * rng.randrange(3000), "PX", rng.randrange(10**8, 10**9)),
            ("APPEND", name, "tail"), ("SETRANGE", name, 10, "range"), ("DEL", name), ("MSET", name, "a", name + "b", "b"),
            ("PEXPIRE", name, rng.randrange(10**8, 10**9)), ("PERSIST", name), ("INCR", f"n{rng.randrange(9)}"),
            ("GETDEL", name), ("RENAME", name, name + "r"), ("COPY", name, name + "c", "REPLACE"),
            ("GETEX", name, "EX", "100000"), ("INCRBYFLOAT", f"f{rng.randrange(9)}", "0.5"), ("MOVE", name, 5),
        ]
        connection.call(*rng.choice(commands))


def everything(target):
    """{(database, key): (value, absolute expiry)}"""
    found_keys = {}
    with target.connect() as connection:
        for database in range(6):
            connection.call("SELECT", database)
            for name in connection.call("KEYS", "*"):
                found_keys[database, name] = connection.call("GET", name), connection.call("PEXPIRETIME", name)
    return found_keys


def compare(theirs, ours):
    for place in sorted(set(theirs) | set(ours)):
        assert theirs.get(place) == ours.get(place), \
            f"{place}: {str(theirs.get(place))[:80]} was written, {str(ours.get(place))[:80]} loaded"
    assert theirs


class Files:
    """A directory that servers write one after the other."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="martlet-files-")
        self.servers = []

    def server(self, *lines, **options):
        target = Target(self.directory, *lines, **options)
        self.servers.append(target)
        return target.start()

    def close(self):
        complaints = [target.destroy() for target in self.servers]
        shutil.rmtree(self.directory, ignore_errors=True)
        for complaint in filter(None, complaints):
            raise AssertionError(complaint)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()


def rewrite(target):
    target.call("BGREWRITEAOF")
    wait_until(lambda: target.info("persistence")["aof_rewrite_in_progress"] == "0"
               and target.info("persistence")["aof_rewrite_scheduled"] == "0", 20, "the end of the rewrite")


def write_and_stop(target, rewrites):
    """The data, over as many rewrites; the server ends politely."""
    rng = random.Random(settings.seed + 50)
    with target.connect() as connection:
        write_something(connection, rng)
        for _ in range(rewrites):
            rewrite(target)
            write_something(connection, rng)
    data = everything(target)
    expect(target.stop(), 0)
    return data


@test(on="martlet redis", limit=120)
def redis_check_aof_accepts_our_directory(start):
    checker = found("redis-check-aof")
    for lines in ((), ("aof-use-rdb-preamble no",), ("appendfsync everysec",), ("aof-timestamp-enabled yes",)):
        with Files() as files:
            write_and_stop(files.server(*lines, *rdb_version()), rewrites=1)
            manifest = os.path.join(files.directory, "appendonlydir", "appendonly.aof.manifest")
            said = subprocess.run([checker, manifest], capture_output=True, text=True, timeout=60)
            assert said.returncode == 0 and "is valid" in said.stdout, f"{lines}: {said.stdout[-1500:]}"


@test(on="martlet redis", limit=120)
def redis_loads_our_directory(start):
    """After a polite end and after kill -9; with a base as RDB and as commands; after none, one and two rewrites."""
    peer = found("redis-server")
    for rewrites, lines in ((0, ()), (1, ()), (2, ("aof-use-rdb-preamble no",)), (1, ("aof-timestamp-enabled yes",))):
        with Files() as files:
            ours = write_and_stop(files.server(*lines, *rdb_version()), rewrites)
            compare(ours, everything(files.server(path=peer)))


@test(limit=120)
def we_load_a_directory_of_redis(start):
    peer = found("redis-server")
    for rewrites, lines in ((0, ()), (2, ()), (1, ("aof-use-rdb-preamble no",)), (1, ("aof-timestamp-enabled yes",))):
        with Files() as files:
            theirs = write_and_stop(files.server(*lines, path=peer), rewrites)
            compare(theirs, everything(files.server()))


@test(limit=120)
def we_load_a_directory_of_redis_that_was_killed(start):
    """A torn tail in the last file: dropped, said, and written after."""
    peer = found("redis-server")
    with Files() as files:
        target = files.server(path=peer)
        with target.connect() as connection:
            write_something(connection, random.Random(settings.seed + 51))
        theirs = everything(target)
        target.kill()
        last = sorted(name for name in os.listdir(os.path.join(files.directory, "appendonlydir")) if ".incr." in name)[-1]
        with open(os.path.join(files.directory, "appendonlydir", last), "ab") as file:
            file.write(b"*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$100\r\nabc")
        ours = files.server()
        compare(theirs, everything(ours))
        expect(ours.call("SET", "more", "1"), "OK")
        expect(ours.stop(), 0)
        again = files.server()
        expect(again.call("GET", "more"), b"1")


@test(on="martlet valkey", limit=120)
def we_load_a_directory_of_valkey(start):
    peer = valkey()
    for rewrites, lines in ((0, ()), (2, ()), (1, ("aof-use-rdb-preamble no",))):
        with Files() as files:
            theirs = write_and_stop(files.server(*lines, path=peer), rewrites)
            compare(theirs, everything(files.server()))


@test(limit=120)
def we_take_over_the_single_file_of_older_servers(start):
    """Redis 6 and before: one appendonly.aof beside the dump; it becomes the base of the new directory."""
    with Files() as files:
        with open(os.path.join(files.directory, "appendonly.aof"), "wb") as file:
            file.write(b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$3\r\nold\r\n$5\r\nvalue\r\n")
        target = files.server()
        expect(target.call("GET", "old"), b"value")
        expect(target.call("SET", "new", "1"), "OK")
        target.kill()
        again = files.server()
        expect(again.call("MGET", "old", "new"), [b"value", b"1"])


def rdb_version():
    """What Debian's redis-server reads."""
    return ("rdb-version 10",) if flavour() == "martlet" else ()
