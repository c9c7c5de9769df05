"""test_field_expiry.py: fields of hashes that end, across restarts, snapshots and the files of Valkey."""
import os
import random
import shutil
import signal

from harness.resp import wait_until
from harness.runner import expect, skip, test

FAR = 33_177_117_000_000

# Commands whose records depend on what has ended when they run.
SHAPES = ("HSET h f v", "HSET h f v f v", "HSETNX h f v", "HDEL h f f", "HINCRBY h n 1", "HINCRBYFLOAT h n 1.5",
          "HPEXPIRE h p FIELDS 2 f f", "HPEXPIRE h far NX FIELDS 1 f", "HPERSIST h FIELDS 1 f",
          "HSETEX h PX p FIELDS 2 f v f v", "HSETEX h FNX PX p FIELDS 1 f v", "HSETEX h KEEPTTL FIELDS 2 f v n 1",
          "HGETEX h PX p FIELDS 1 f", "HGETEX h PERSIST FIELDS 1 f", "HGETDEL h FIELDS 1 f", "RENAME h h", "COPY h h REPLACE",
          "RPUSH l v", "SORT l BY nosort GET h*->a STORE t", "HPEXPIRE h p FIELDS 3 a n f")


def random_command(dice):
    made = {"h": lambda: f"h{dice.randrange(4)}", "f": lambda: dice.choice("abcde"), "v": lambda: str(dice.randrange(4)),
            "p": lambda: str(dice.choice((1, 2, 5, 20, 100, 10**9))), "far": lambda: str(10**10)}
    return [made.get(word, lambda: word)() for word in dice.choice(SHAPES).split()]


def contents(client):
    """All hashes with the ends of their fields, and all lists."""
    found = {}
    for key in sorted(client.call("KEYS", "*")):
        if client.call("TYPE", key) == "list" or client.call("TYPE", key) == b"list":
            found[key] = client.call("LRANGE", key, 0, -1)
            continue
        pairs = client.call("HGETALL", key)
        fields = sorted(pairs[::2])
        ends = client.call("HPEXPIRETIME", key, "FIELDS", len(fields), *fields) if fields else []
        found[key] = (sorted(zip(pairs[::2], pairs[1::2])), ends)
    return found


@test(on="martlet", limit=180)
def what_has_ended_stays_ended_after_a_sudden_end(start):
    """With the sweep on and off, the log leads to what was seen; only what can still end differs with time."""
    for seed in range(6):
        dice = random.Random(seed)
        server = start("appendonly yes", "appendfsync always", "enable-debug-command yes")
        client = server.connect()
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", seed % 2)
        for _ in range(12):
            client.pipeline(*(random_command(dice) for _ in range(60)))
        # Everything that was to end soon has: what is left ends in days or never.
        client.call("DEBUG", "SLEEP", "0.15")
        before = contents(client)
        if seed >= 4:
            client.call("CONFIG", "SET", "aof-use-rdb-preamble", "yes" if seed == 4 else "no")
            client.call("BGREWRITEAOF")
            wait_until(lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0", 20, "the rewrite")
        server.restart(signal.SIGKILL)
        client = server.connect()
        # A key whose fields have all ended is no key, sooner or later.
        after = contents(client)
        for key in set(before) | set(after):
            expect(after.get(key, ([], [])), before.get(key, ([], [])), f"seed {seed} {key}")


@test(on="martlet")
def fields_are_taken_out_and_counted(start):
    client = start("enable-debug-command yes").connect()
    client.call("HSETEX", "h", "PX", 10, "FIELDS", 2, "a", 1, "b", 2)
    client.call("HSET", "h", "c", 3)
    client.call("HSETEX", "far", "PXAT", FAR, "FIELDS", 1, "a", 1)
    wait_until(lambda: client.call("HLEN", "h") == 1, 20, "the sweep")
    for line in ("expired_fields:2", "expired_subkeys:2", "expired_keys:0", "db0:keys=2,expires=0,avg_ttl=0,keys_with_volatile_items=1"):
        wait_until(lambda: line in client.call("INFO", "everything").decode(), 10, line)
    client.call("FLUSHALL")
    expect("keys_with_volatile_items" in client.call("INFO", "keyspace").decode(), False)


@test(on="martlet", limit=120)
def snapshots_go_to_valkey_and_back(start):
    path = os.environ.get("VALKEY_SERVER") or "/opt/valkey/bin/valkey-server"
    if not os.path.exists(path):
        skip("there is no valkey-server")
    ours = start("enable-debug-command yes")
    client = ours.connect()
    for number in range(3000):
        client.call("HSETEX", f"h{number % 7}", "PXAT", FAR + number, "FIELDS", 1, f"f{number}", "v" * (number % 100))
    client.call("HSET", "h0", "stays", "x" * 70_000, "f0", "too")
    client.call("HSET", "plain", "a", 1)
    client.call("SAVE")
    wanted, digest = contents(client), client.call("DEBUG", "DIGEST")
    with open(os.path.join(ours.directory, "dump.rdb"), "rb") as file:
        expect(file.read(9), b"VALKEY080")
    theirs = start("enable-debug-command yes", path=path, deny="")
    shutil.copy(os.path.join(ours.directory, "dump.rdb"), theirs.directory)
    theirs.restart(signal.SIGKILL)
    other = theirs.connect()
    expect(contents(other), wanted)
    expect(other.call("DEBUG", "DIGEST"), digest)
    for key in wanted:
        expect(client.call("RESTORE", "back", 0, other.call("DUMP", key), "REPLACE"), "OK")
        expect(other.call("RESTORE", "there", 0, client.call("DUMP", key), "REPLACE"), "OK")
        expect(contents(client)[b"back"], wanted[key])
        expect(contents(other)[b"there"], wanted[key])
    # Without such fields the file is what rdb-version says.
    client.call("FLUSHALL")
    client.call("HSET", "plain", "a", 1)
    client.call("SAVE")
    with open(os.path.join(ours.directory, "dump.rdb"), "rb") as file:
        expect(file.read(9), b"REDIS0011")
