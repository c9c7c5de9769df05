"""test_long_writes.py: commands that change a large value piece by piece: others run in between, and never see a part.

The levers are those of test_long_commands.py. Whoever names the key that is being changed waits, and so does who may
touch any key; nobody else does.
"""
import signal

from harness.resp import encode, wait_until
from harness.runner import expect, test
from harness.server import parse_info

COUNT = 600


def stats(client):
    return {name: int(value) for name, value in parse_info(client.call("INFO", "stats")).items()
            if value.lstrip("-").isdigit()}


def milliseconds(client):
    seconds, microseconds = client.call("TIME")
    return int(seconds) * 1_000 + int(microseconds) // 1_000


def fill(client):
    client.call("FLUSHALL")
    for key, words in (
            ("set", ("SADD", *(f"member:{index}" for index in range(COUNT)))),
            ("numbers", ("SADD", *range(COUNT))),
            ("list", ("RPUSH", *(index % 7 for index in range(COUNT)))),
            ("hash", ("HSET", *(word for index in range(COUNT) for word in (f"field:{index}", index)))),
            ("zset", ("ZADD", *(word for index in range(COUNT) for word in (index % 97, f"member:{index:04}"))))):
        client.call(words[0], key, *words[1:])
    for index in range(COUNT):
        client.send(encode("XADD", "stream", f"{index + 1}-1", "field", index))
    for _ in range(COUNT):
        client.read()
    client.call("HSET", "volatile", *(word for index in range(COUNT) for word in (f"field:{index}", index)))
    client.call("HEXPIRE", "volatile", 100_000, "FIELDS", 2, "field:1", "field:2")


MEMBERS = [f"member:{index}" for index in range(0, COUNT, 2)]

WRITES = [
    ("LREM", "list", 0, 3), ("LREM", "list", 100, 3), ("LREM", "list", -100, 3), ("LREM", "list", 0, "none"),
    ("LINSERT", "list", "BEFORE", "none", "x"), ("LINSERT", "list", "AFTER", "6", "x"), ("LTRIM", "list", 100, -101),
    ("LTRIM", "list", 5, 1), ("LPOP", "list", 400), ("RPOP", "list", 400), ("LPOP", "list", COUNT), ("RPOP", "list", 5_000),
    ("LMPOP", 2, "none", "list", "LEFT", "COUNT", 400), ("LMPOP", 1, "list", "RIGHT", "COUNT", 60_000),
    ("RPUSH", "list", *range(COUNT)), ("LPUSH", "new", *range(COUNT)),
    ("SADD", "set", *range(COUNT)), ("SADD", "new", *MEMBERS), ("SREM", "set", *MEMBERS),
    ("SREM", "set", *(f"member:{index}" for index in range(COUNT))), ("SPOP", "set", 5_000), ("SPOP", "numbers", COUNT),
    ("ZREMRANGEBYRANK", "zset", 10, -10), ("ZREMRANGEBYRANK", "zset", 0, -1), ("ZREMRANGEBYSCORE", "zset", "(5", 90),
    ("ZREMRANGEBYLEX", "zset", "-", "[member:0500"), ("ZPOPMIN", "zset", 500), ("ZPOPMAX", "zset", 500),
    ("ZPOPMAX", "zset", 90_000), ("ZMPOP", 2, "none", "zset", "MIN", "COUNT", 500),
    ("ZADD", "zset", *(word for index in range(COUNT) for word in (index, f"member:{index:04}"))),
    ("ZADD", "zset", "GT", "CH", *(word for index in range(COUNT) for word in (50, f"member:{index:04}"))),
    ("ZADD", "new", *(word for index in range(COUNT) for word in (index, index))),
    ("ZREM", "zset", *(f"member:{index:04}" for index in range(COUNT))), ("ZREM", "zset", *MEMBERS),
    ("HSET", "hash", *(word for index in range(COUNT) for word in (f"field:{index * 3}", index))),
    ("HMSET", "new", *range(COUNT)), ("HDEL", "hash", *(f"field:{index}" for index in range(COUNT))),
    ("HDEL", "hash", *(f"field:{index * 2}" for index in range(COUNT))),
    ("HSET", "volatile", *(word for index in range(COUNT) for word in (f"field:{index * 3}", index))),
    ("HDEL", "volatile", *(f"field:{index * 2}" for index in range(COUNT))),
    ("HDEL", "volatile", *(f"field:{index}" for index in range(COUNT))),
    ("COPY", "zset", "new"), ("COPY", "hash", "list", "REPLACE"), ("COPY", "volatile", "new"), ("COPY", "set", "new", "DB", 1),
    ("XTRIM", "stream", "MAXLEN", 55), ("XTRIM", "stream", "MAXLEN", 0), ("XTRIM", "stream", "MINID", "370-1"),
    ("XTRIM", "stream", "MAXLEN", "~", 55), ("XTRIM", "stream", "MAXLEN", "~", 55, "LIMIT", 250),
    ("XTRIM", "stream", "MINID", "~", "555-0", "LIMIT", 0), ("XTRIM", "stream", "MINID", "=", "99999-0"),
]
KEYS = ("set", "numbers", "list", "hash", "zset", "stream", "volatile", "new")


@test(on="martlet", limit=300)
def changes_in_pieces_are_those_at_once(start):
    """The answer, the value, and what a log says of it."""
    server = start("appendonly yes", "aof-use-rdb-preamble no")
    with server.connect(timeout=60) as client:
        results = {}
        begun = 0
        for slice_ in (0, 13):
            for number, words in enumerate(WRITES):
                expect(client.call("DEBUG", "SET-SLICE", -1), "OK")
                fill(client)
                expect(client.call("DEBUG", "SET-SLICE", slice_ or -1), "OK")
                begun += 1 if slice_ else 0
                answer = client.call(*words)
                if words[0] == "SPOP" and slice_:
                    answer = sorted(answer)
                    left = client.call("SMEMBERS", words[1])
                    expect(len(set(answer) | set(left)), COUNT, words)
                    continue
                result = (answer, client.call("DEBUG", "DIGEST-VALUE", *KEYS))
                expect(result, results.setdefault(number, result), words)
        expect(stats(client)["long_commands_begun"] >= begun * 3 // 4, True, "most of them paused")
        expect(client.call("DEBUG", "SET-SLICE", 5), "OK")
        for number, words in enumerate(WRITES):
            if number % 5 == 0:
                fill(client)
            client.call(*words)
        expect(stats(client)["long_commands_under_way"], 0)
        values = client.call("DEBUG", "DIGEST")
    server.restart(signal.SIGKILL)
    with server.connect(timeout=60) as client:
        expect(client.call("DEBUG", "DIGEST"), values)


def halt(server, other, words):
    """A connection whose command `words` stands still in the middle."""
    expect(other.call("DEBUG", "SET-SLICE", 50), "OK")
    expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
    writer = server.connect(timeout=60)
    writer.number = writer.call("CLIENT", "ID")
    writer.send_command(*words)
    wait_until(lambda: stats(other)["long_commands_under_way"] == 1, 20, words)
    return writer


@test(on="martlet", limit=120)
def nobody_sees_a_part(start):
    server = start()
    with server.connect(timeout=60) as other:
        for words, looks in (
                (("LREM", "list", 0, 3), [("LLEN", "list"), ("RPUSH", "list", 1), ("LRANGE", "list", 0, -1), ("TYPE", "list")]),
                (("SPOP", "set", 500), [("SCARD", "set"), ("SADD", "set", "x"), ("SUNION", "numbers", "set"), ("DEL", "set")]),
                (("ZREMRANGEBYSCORE", "zset", 5, 90), [("ZCARD", "zset"), ("ZADD", "zset", 1, "x"), ("COPY", "zset", "to"),
                                                      ("RENAME", "zset", "to"), ("MOVE", "zset", 1)]),
                (("COPY", "zset", "new"), [("ZADD", "zset", 1, "x"), ("DEL", "zset"), ("ZCARD", "zset")]),
                (("XTRIM", "stream", "MAXLEN", 5), [("XLEN", "stream"), ("XADD", "stream", "*", "a", 1), ("DUMP", "stream")]),
                (("HDEL", "hash", *(f"field:{index}" for index in range(500))),
                 [("HLEN", "hash"), ("HSET", "hash", "a", 1), ("HGETALL", "hash"), ("EXPIRE", "hash", 100)]),
                (("ZPOPMIN", "zset", 500), [("FLUSHALL",), ("SWAPDB", 0, 1), ("SAVE",), ("SORT", "list", "BY", "nosort"),
                                            ("RANDOMKEY",), ("DEBUG", "DIGEST"), ("FLUSHDB", "ASYNC")])):
            for look in looks:
                expect(other.call("DEBUG", "SET-SLICE", 0), "OK")
                fill(other)
                before = stats(other)["total_parked_writers"]
                with halt(server, other, words) as writer, server.connect(timeout=60) as looking:
                    looking.send(encode(*look) + encode("PING"))
                    wait_until(lambda: stats(other)["total_parked_writers"] == before + 1, 20, look)
                    # Nobody else waits.
                    expect(other.call("SET", "unrelated", 1), "OK")
                    expect(other.call("GET", "unrelated"), b"1")
                    expect((writer.is_silent(), looking.is_silent()), (True, True), look)
                    expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
                    writer.read()
                    looking.read()
                    expect(looking.read(), "PONG", look)
                expect(stats(other)["parked_writers"], 0)
        expect(stats(other)["long_commands_under_way"], 0)


@test(on="martlet", limit=120)
def transactions_wait_for_all_they_name(start):
    server = start()
    with server.connect(timeout=60) as other, server.connect(timeout=60) as looking:
        fill(other)
        expect(looking.call("WATCH", "numbers"), "OK")
        with halt(server, other, ("LTRIM", "list", 3, 3)) as writer:
            looking.send(b"".join(encode(*words) for words in (
                ("MULTI",), ("SET", "x", 1), ("LLEN", "list"), ("EXEC",))))
            expect(looking.read_replies(3), ["OK", "QUEUED", "QUEUED"])
            wait_until(lambda: stats(other)["parked_writers"] == 1, 20, "EXEC")
            expect(other.call("EXISTS", "x"), 0)
            expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
            expect(writer.read(), "OK")
            expect(looking.read(), ["OK", 1])
        # Who watches what is being changed hears of it.
        fill(other)
        with halt(server, other, ("LPOP", "list", 500)) as writer:
            expect(looking.call("WATCH", "list"), "OK")
            expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
            expect(len(writer.read()), 500)
            expect(looking.call("MULTI"), "OK")
            expect(looking.call("PING"), "QUEUED")
            expect(looking.call("EXEC"), None)


@test(on="martlet", limit=120)
def waiting_clients_are_served_afterwards(start):
    """BLMOVE would put an element on the list that is being trimmed."""
    server = start()
    with server.connect(timeout=60) as other, server.connect(timeout=60) as moving, server.connect(timeout=60) as popping:
        fill(other)
        moving.send_command("BLMOVE", "from", "list", "LEFT", "RIGHT", 0)
        popping.send_command("BLPOP", "elsewhere", 0)
        wait_until(lambda: int(parse_info(other.call("INFO", "clients"))["blocked_clients"]) == 2, 20, "two that wait")
        with halt(server, other, ("LTRIM", "list", 0, 4)) as writer:
            expect(other.call("RPUSH", "from", "x"), 1)
            expect(other.call("RPUSH", "elsewhere", "y"), 1)
            expect(popping.read(), [b"elsewhere", b"y"])
            expect(moving.is_silent(), True)
            expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
            expect(writer.read(), "OK")
            expect(moving.read(), b"x")
        expect(other.call("LRANGE", "list", 0, -1), [b"0", b"1", b"2", b"3", b"4", b"x"])


@test(on="martlet", limit=120)
def a_client_that_goes_leaves_no_part(start):
    server = start("appendonly yes", "appendfsync always")
    with server.connect(timeout=60) as other:
        for kill in (True, False):
            for words, look, wanted in (
                    (("LREM", "list", 0, 3), ("LPOS", "list", 3), None), (("SPOP", "set", 500), ("SCARD", "set"), COUNT - 500),
                    (("ZREMRANGEBYRANK", "zset", 0, 499), ("ZCARD", "zset"), COUNT - 500),
                    (("XTRIM", "stream", "MAXLEN", 7), ("XLEN", "stream"), 7)):
                expect(other.call("DEBUG", "SET-SLICE", 0), "OK")
                fill(other)
                writer = halt(server, other, words)
                if kill:
                    expect(other.call("CLIENT", "KILL", "ID", writer.number), 1)
                else:
                    writer.reset()
                expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
                expect(other.call(*look), wanted, words)
                writer.close()
                wait_until(lambda: stats(other)["long_commands_under_way"] == 0, 20, "the end")
        # Each of them counts as a call, none as a failure.
        expect("rejected_calls=0,failed_calls=0" in server.info("commandstats")["cmdstat_lrem"], True)
        values = other.call("DEBUG", "DIGEST")
    server.restart(signal.SIGKILL)
    with server.connect(timeout=60) as client:
        expect(client.call("DEBUG", "DIGEST"), values)


@test(on="martlet", limit=120)
def the_end_of_the_server_and_of_keys_wait_too(start):
    server = start("appendonly yes", "save 3600 100000")
    with server.connect(timeout=60) as other:
        fill(other)
        ends = milliseconds(other) + 5_000
        expect(other.call("PEXPIREAT", "set", ends), 1)
        # Its time comes while it is being changed.
        writer = halt(server, other, ("SREM", "set", *(f"member:{index}" for index in range(500))))
        with server.connect(timeout=60) as looking:
            looking.send_command("PTTL", "set")
            wait_until(lambda: stats(other)["parked_writers"] == 1, 20, "who asks")
            wait_until(lambda: milliseconds(other) > ends, 20, "its end")
            # SCAN removes what it finds expired, but not this one.
            expect(b"set" in other.call("SCAN", 0, "COUNT", 1_000)[1], False)
            expect(other.call("DBSIZE"), 7)
            expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
            expect(writer.read(), 500)
            expect(looking.read(), -2)
        writer.close()
        writer = halt(server, other, ("LPOP", "list", 500))
        server.process.send_signal(signal.SIGTERM)
    server.wait_exit()
    server.restart()
    with server.connect(timeout=60) as client:
        expect(client.call("LLEN", "list"), COUNT - 500)


@test(on="martlet", limit=120)
def events_come_when_the_change_is_whole(start):
    server = start("notify-keyspace-events KEA")
    with server.connect(timeout=60) as other, server.connect(timeout=60) as listener:
        expect(other.call("CONFIG", "SET", "notify-keyspace-events", "KEAn"), "OK")
        fill(other)
        expect(listener.call("PSUBSCRIBE", "__keyevent@0__:*"), [b"psubscribe", b"__keyevent@0__:*", 1])
        with halt(server, other, ("SADD", "fresh", *range(500))) as writer:
            expect(other.call("SET", "unrelated", 1), "OK")
            expect([listener.read()[2:] for _ in range(2)],
                   [[b"__keyevent@0__:new", b"unrelated"], [b"__keyevent@0__:set", b"unrelated"]])
            expect(listener.is_silent(), True)
            expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
            expect(writer.read(), 500)
            expect([listener.read()[2:] for _ in range(2)],
                   [[b"__keyevent@0__:new", b"fresh"], [b"__keyevent@0__:sadd", b"fresh"]])
