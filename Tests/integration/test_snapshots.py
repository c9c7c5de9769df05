"""test_snapshots.py: payloads that other servers take and give, and martlet-check on good and bad files."""
import os
import random
import shutil
import subprocess
import tempfile

from harness.resp import Error
from harness.runner import expect, expect_error, skip, test
from harness.server import binary, is_sanitized, plain_environment

REDIS = "/usr/bin/redis-server"


def values(seed):
    """Strings of every form that a payload has."""
    dice = random.Random(seed)
    yield from ("", "0", "-1", "127", "128", "-32769", "2147483648", "-9223372036854775808", "007", "1.5")
    yield from (b"x" * 20, b"x" * 21, b"abc" * 5000, dice.randbytes(30), dice.randbytes(70_000), b"ab" * 200_000)
    for _ in range(200):
        yield bytes(dice.choice(b"abc \x00\xff") for _ in range(dice.randrange(300)))


@test(on="martlet", limit=180)
def payloads_go_to_redis_and_back(client, start):
    if not os.path.exists(REDIS):
        skip("there is no redis-server")
    redis = start(path=REDIS, deny="").connect()
    for value in values(1):
        client.call("SET", "ours", value)
        ours = client.call("DUMP", "ours")
        expect(redis.call("RESTORE", "key", 0, ours, "REPLACE"), "OK")
        expect(redis.call("GET", "key"), client.call("GET", "ours"))
        theirs = redis.call("DUMP", "key")
        # What is longer is compressed in pieces, which are put together when it is unpacked.
        if len(value) <= 65_536:
            expect(ours[:-10], theirs[:-10], "all but version and checksum")
        expect(client.call("RESTORE", "key", 0, theirs, "REPLACE"), "OK")
        expect(client.call("GET", "key"), client.call("GET", "ours"))
        expect(client.call("OBJECT", "ENCODING", "key"), redis.call("OBJECT", "ENCODING", "key"))


@test
def restore_with_a_time_to_live(client):
    client.call("SET", "key", "value")
    payload = client.call("DUMP", "key")
    expect_error(client.call("RESTORE", "key", 0, payload), "BUSYKEY Target key name already exists.")
    expect(client.call("RESTORE", "key", 100_000, payload, "REPLACE"), "OK")
    expect(10_000 < client.call("PTTL", "key") <= 100_000, True)
    expect(client.call("RESTORE", "key", 4_102_444_800_000, payload, "REPLACE", "ABSTTL"), "OK")
    expect(client.call("PEXPIRETIME", "key"), 4_102_444_800_000)
    expect(client.call("RESTORE", "key", 1, payload, "REPLACE", "ABSTTL"), "OK")
    expect(client.call("EXISTS", "key"), 0)
    expect(client.call("RESTORE", "key", 0, payload, "IDLETIME", 1000), "OK")
    expect(1000 <= client.call("OBJECT", "IDLETIME", "key") <= 1090, True)
    expect(client.call("DUMP", "missing"), None)


@test
def restore_believes_nothing(client):
    client.call("SET", "key", "value")
    payload = client.call("DUMP", "key")
    for place in range(len(payload)):
        changed = bytearray(payload)
        changed[place] ^= 0x40
        expect_error(client.call("RESTORE", "other", 0, bytes(changed)),
                     "ERR DUMP payload version or checksum are wrong")
    expect_error(client.call("RESTORE", "other", 0, ""), "ERR DUMP payload version or checksum are wrong")
    expect(client.call("EXISTS", "other"), 0)
    for words, text in (
        ((-1, payload), "ERR Invalid TTL value, must be >= 0"),
        (("x", payload), "ERR value is not an integer or out of range"),
        ((0, payload, "NOPE"), "ERR syntax error"),
        ((0, payload, "IDLETIME"), "ERR syntax error"),
        ((0, payload, "IDLETIME", -1), "ERR Invalid IDLETIME value, must be >= 0"),
        ((0, payload, "FREQ", 256), "ERR Invalid FREQ value, must be >= 0 and <= 255"),
        ((0, payload, "FREQ", 1, "IDLETIME", 1), "ERR syntax error"),
    ):
        expect_error(client.call("RESTORE", "other", *words), text)


# martlet-check


def checker():
    """The path of martlet-check, which is built beside the server."""
    path = os.environ.get("MARTLET_CHECK") or os.path.join(os.path.dirname(binary()), "martlet-check")
    if not os.path.exists(path):
        skip("martlet-check was not built")
    return path


def check(*words):
    """Exit code and output."""
    said = subprocess.run([checker(), *words], capture_output=True, text=True, timeout=60, env=plain_environment())
    return said.returncode, said.stdout + said.stderr


def record(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


@test(on="martlet")
def checks_logs_and_cuts_torn_ends():
    checker()
    log = record(b"SELECT", b"0") + b"#TS:1700000000\r\n" + record(b"SET", b"k", b"v")
    transaction = record(b"MULTI") + record(b"INCR", b"n") + record(b"EXEC")
    directory = tempfile.mkdtemp(prefix="martlet-check-")
    try:
        path = os.path.join(directory, "appendonly.aof.1.incr.aof")
        with open(os.path.join(directory, "appendonly.aof.manifest"), "w") as file:
            file.write("file appendonly.aof.1.incr.aof seq 1 type i\n")

        def write(data):
            with open(path, "wb") as file:
                file.write(data)

        write(log + transaction)
        expect(check(directory)[0], 0)
        for torn in (transaction[:-3], transaction[: len(record(b"MULTI"))], b"*1\r\n$9\r\nFLUSH\0\0\0\0\0\0\0\0", b"junk"):
            write(log + torn)
            code, text = check(directory)
            expect((code, f"ends at byte {len(log)}," in text), (1, True), text)
            code, text = check("--fix", directory)
            expect(code, 0, text)
            with open(path, "rb") as file:
                expect(file.read(), log)
            with open(path + ".backup", "rb") as file:
                expect(file.read(), log + torn)
            os.remove(path + ".backup")
            expect(check(directory)[0], 0)
        # Room that was reserved and not used is no damage.
        write(log + bytes(5000))
        code, text = check(directory)
        expect((code, "5000 zero bytes" in text), (0, True), text)
        expect(check("--fix", directory)[0], 0)
        expect(os.path.getsize(path), len(log))
    finally:
        shutil.rmtree(directory)


@test(on="martlet")
def checks_only_cuts_the_last_file():
    checker()
    directory = tempfile.mkdtemp(prefix="martlet-check-")
    try:
        with open(os.path.join(directory, "a.manifest"), "w") as file:
            file.write('file "a.1.incr.aof" seq 1 type i\nfile a.2.incr.aof seq 2 type i\n')
        torn = record(b"PING")[:-1]
        for name, data in (("a.1.incr.aof", torn), ("a.2.incr.aof", record(b"PING"))):
            with open(os.path.join(directory, name), "wb") as file:
                file.write(data)
        code, text = check("--fix", directory)
        expect((code, "so it is not cut" in text), (1, True), text)
        expect(os.path.getsize(os.path.join(directory, "a.1.incr.aof")), len(torn))
        os.remove(os.path.join(directory, "a.1.incr.aof"))
        code, text = check(directory)
        expect((code, "does not exist" in text), (1, True), text)
    finally:
        shutil.rmtree(directory)


@test(on="martlet", limit=180)
def checks_snapshots_of_redis(start):
    if not os.path.exists(REDIS):
        skip("there is no redis-server")
    checker()
    server = start(path=REDIS, deny="")
    redis = server.connect()
    for words in (
        ("RPUSH", "list", *range(500)), ("SADD", "set", "a", 1, 2), ("SADD", "numbers", *range(100)),
        ("ZADD", "sorted", 1.5, "a", "inf", "b"), ("HSET", "hash", "f", "v" * 100), ("SET", "string", "x" * 1000),
        ("XADD", "stream", "*", "f", "v"), ("XGROUP", "CREATE", "stream", "g", "0"),
        ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">"), ("SAVE",),
    ):
        expect(isinstance(redis.call(*words), Error), False, words[0])
    directory = redis.call("CONFIG", "GET", "dir")[1].decode()
    path = os.path.join(directory, redis.call("CONFIG", "GET", "dbfilename")[1].decode())
    code, text = check(path)
    expect((code, "7 keys" in text and "the checksum is right" in text), (0, True), text)
    with open(path, "rb") as file:
        data = file.read()
    dice = random.Random(3)
    with tempfile.NamedTemporaryFile(suffix=".rdb") as file:
        for _ in range(30 if is_sanitized() else 200):
            damaged = bytearray(data)
            if dice.random() < 0.3:
                del damaged[dice.randrange(len(damaged)):]
            else:
                damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
            file.seek(0)
            file.truncate()
            file.write(damaged)
            file.flush()
            code, text = check(file.name)
            if damaged:
                expect((code, "DAMAGED" in text), (1, True), text)


@test(on="martlet")
def check_says_how_it_is_used():
    expect(check()[0], 2)
    expect(check("--nonsense", "/tmp")[0], 2)
    expect(check("--help")[0], 0)
    code, text = check("/nonexistent/file")
    expect((code, "No such file or directory" in text), (1, True), text)


@test(on="martlet")
def elements_of_every_length_go_to_redis_and_back(start):
    """Where the length of an element's length changes, and where it changes a byte sooner than it must."""
    if not os.path.exists(REDIS):
        skip("there is no redis-server")
    lines = ("list-max-listpack-size -5", "hash-max-listpack-value 65536")
    ours = start(*lines, "rdb-version 10").connect()
    redis = start(*lines, path=REDIS, deny="").connect()
    dice = random.Random(1)
    for length in (0, 1, 62, 63, 64, 120, 121, 122, 123, 4090, 4091, 4092, 4095, 4096, *range(16_370, 16_390)):
        value = dice.randbytes(length)
        for client in (ours, redis):
            client.call("DEL", "list", "hash")
            client.call("RPUSH", "list", value, "tail")
            client.call("HSET", "hash", "field", value, "tail", "x")
        for key in ("list", "hash"):
            expect(ours.call("DUMP", key)[:-10], redis.call("DUMP", key)[:-10], f"{key} of {length} bytes")
            expect(ours.call("RESTORE", key, 0, redis.call("DUMP", key), "REPLACE"), "OK")
        expect(ours.call("LRANGE", "list", -2, -1), [value, b"tail"])
        expect(ours.call("HGET", "hash", "field"), value)
