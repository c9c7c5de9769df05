"""test_long_commands.py: commands that take long let others run in between, and answer as if they had not.

`DEBUG SET-SLICE n` ends a slice after n steps, whatever the time; `DEBUG PAUSE-LONG 1` leaves what has paused where it
is, so that a test knows what runs in between.
"""
import os
import signal
import socket

from harness.resp import Closed, encode, wait_until
from harness.runner import expect, test
from harness.server import parse_info

COUNT = 2_000


def stats(client):
    return {name: int(value) for name, value in parse_info(client.call("INFO", "stats")).items()
            if value.lstrip("-").isdigit()}


def under_way(client):
    return stats(client)["long_commands_under_way"]


def fill(client, count=COUNT):
    """Values of every type with `count` elements; those of `k…` have few."""
    requests = []
    for index in range(count):
        requests += [
            encode("SADD", "set", f"member:{index}"), encode("HSET", "hash", f"field:{index}", f"value:{index}"),
            encode("ZADD", "zset", index * 7 % count, f"member:{index}"), encode("RPUSH", "list", index * 31 % count),
            encode("XADD", "stream", f"{index + 1}-1", "field", index), encode("SET", f"weight:{index}", count - index),
            encode("SADD", "other", f"member:{index * 2}"), encode("ZADD", "zother", index, f"member:{index * 3}"),
            encode("GEOADD", "geo", index % 180 - 90 + index / 100_000, index % 80, f"place:{index}"),
            encode("SADD", "numbers", index)]
    for part in range(0, len(requests), 2_000):
        client.send(b"".join(requests[part:part + 2_000]))
        for _ in requests[part:part + 2_000]:
            client.read()
    for name, byte in (("bits", b"\x5a"), ("mask", b"\x0f")):
        client.call("SET", name, byte * 200_000)
    client.call("SET", "short", "abcdefgh" * 10)
    client.call("SET", "a", "ab" * 700)
    client.call("SET", "b", "ba" * 600)


READS = [
    ("KEYS", "*"), ("KEYS", "weight:*1"), ("SCAN", 0, "COUNT", 100_000), ("SMEMBERS", "set"), ("SMEMBERS", "numbers"),
    ("HGETALL", "hash"), ("HKEYS", "hash"), ("HVALS", "hash"), ("LRANGE", "list", 0, -1), ("LRANGE", "list", 100, 200),
    ("LPOS", "list", "5", "COUNT", 0), ("LINDEX", "list", 1500), ("ZRANGE", "zset", 0, -1, "WITHSCORES"),
    ("ZRANGE", "zset", "(10", "+inf", "BYSCORE", "LIMIT", 3, 2000), ("ZREVRANGEBYSCORE", "zset", "+inf", "-inf"),
    ("ZRANGEBYLEX", "zset", "-", "+"), ("ZREVRANGE", "zset", 0, -1), ("XRANGE", "stream", "-", "+"),
    ("XREVRANGE", "stream", "+", "-"), ("XREAD", "STREAMS", "stream", "missing", "0", "0"),
    ("SORT", "list"), ("SORT", "list", "DESC", "LIMIT", 10, 500), ("SORT", "set", "ALPHA"),
    ("SORT", "numbers", "BY", "weight:*", "GET", "#", "GET", "weight:*"), ("SORT", "numbers", "BY", "weight:*", "ALPHA"),
    ("SINTER", "set", "other"), ("SUNION", "set", "other"), ("SDIFF", "set", "other"), ("SINTERCARD", 2, "set", "other"),
    ("ZUNION", 2, "zset", "zother", "WITHSCORES"), ("ZINTER", 2, "zset", "zother"), ("ZDIFF", 2, "zset", "zother"),
    ("ZINTERCARD", 2, "zset", "zother"), ("HSCAN", "hash", 0, "COUNT", 10_000), ("SSCAN", "set", 0, "COUNT", 10_000),
    ("ZSCAN", "zset", 0, "COUNT", 10_000), ("GEOSEARCH", "geo", "FROMLONLAT", 0, 40, "BYRADIUS", 4000, "km", "ASC"),
    ("BITCOUNT", "bits"), ("BITPOS", "bits", 1, 100_000), ("GETRANGE", "bits", 5, 190_000), ("LCS", "a", "b"),
    ("LCS", "a", "b", "IDX"), ("LCS", "a", "b", "LEN"), ("SRANDMEMBER", "set", COUNT), ("HRANDFIELD", "hash", COUNT),
    ("ZRANDMEMBER", "zset", COUNT), ("DUMP", "set"), ("DUMP", "zset"), ("DUMP", "hash"), ("DUMP", "list"), ("DUMP", "stream"),
    ("DUMP", "bits"),
]

STORES = [
    ("SUNIONSTORE", "to", "set", "other"), ("SINTERSTORE", "to", "set", "other"), ("SDIFFSTORE", "to", "set", "other"),
    ("ZUNIONSTORE", "to", 2, "zset", "zother"), ("ZINTERSTORE", "to", 2, "zset", "zother"),
    ("ZDIFFSTORE", "to", 2, "zset", "zother"), ("ZRANGESTORE", "to", "zset", 5, 1500), ("SORT", "list", "STORE", "to"),
    ("SORT", "numbers", "BY", "weight:*", "GET", "weight:*", "STORE", "to"),
    ("GEOSEARCHSTORE", "to", "geo", "FROMLONLAT", 0, 40, "BYRADIUS", 4000, "km"),
    ("BITOP", "AND", "to", "bits", "mask", "short"), ("BITOP", "NOT", "to", "bits"),
]


@test(on="martlet", limit=240)
def answers_in_pieces_are_those_at_once(start):
    server = start()
    with server.connect(timeout=60) as client:
        fill(client)
        for protocol in (2, 3):
            client.call("HELLO", protocol)
            expect(client.call("DEBUG", "SET-SLICE", 0), "OK")
            whole = [client.call(*words) for words in READS]
            expect(client.call("DEBUG", "SET-SLICE", 7), "OK")
            before = stats(client)["long_commands_begun"]
            for words, answer in zip(READS, whole):
                again = client.call(*words)
                if words[0] in ("SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER"):
                    again, answer = sorted(again), sorted(answer)
                expect(again, answer, words)
            expect(stats(client)["long_commands_begun"] - before >= len(READS) - 4, True, "nearly all of them paused")
            digests = []
            for slice_ in (0, 7):
                expect(client.call("DEBUG", "SET-SLICE", slice_), "OK")
                for words in STORES:
                    answer = client.call(*words)
                    digests.append((words, answer, client.call("DEBUG", "DIGEST-VALUE", "to")))
            half = len(digests) // 2
            expect(digests[half:], digests[:half])
        figures = stats(client)
        expect((figures["long_commands_under_way"], figures["long_command_pins"]), (0, 0))


CHANGES = [
    ("SADD", "set", "new"), ("HSET", "hash", "new", 1), ("ZADD", "zset", 5, "new"), ("RPUSH", "list", "new"),
    ("XADD", "stream", "*", "f", "v"), ("SETRANGE", "bits", 0, "xxxx"), ("SREM", "set", "member:1"),
    ("HDEL", "hash", "field:1"), ("ZREM", "zset", "member:1"), ("LPOP", "list"), ("APPEND", "bits", "x"),
    ("SADD", "other", "new"), ("ZADD", "zother", 1, "new"), ("SADD", "numbers", 123456),
]


@test(on="martlet", limit=240)
def one_instant_of_each_value(start):
    """Others write to what is being read: the answer is that of the beginning, and nothing of what they wrote is lost."""
    server = start()
    with server.connect(timeout=60) as reader, server.connect(timeout=60) as other:
        fill(other)
        kinds = [words for words in READS if words[0] not in ("KEYS", "DUMP", "SCAN", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER")
                 and "weight:*" not in words]
        for turn, words in enumerate(kinds):
            expect(other.call("DEBUG", "SET-SLICE", 0), "OK")
            whole = other.call(*words)
            expect(other.call("DEBUG", "SET-SLICE", 5), "OK")
            expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
            begun = stats(other)["long_commands_begun"]
            reader.send_command(*words)
            expect(other.call("PING"), "PONG")
            wait_until(lambda: stats(other)["long_commands_begun"] > begun or not reader.is_silent(0.01), 10, words)
            keys = [b"set", b"hash", b"zset", b"list", b"stream", b"bits", b"geo", b"other", b"zother", b"numbers", b"a", b"b"]
            # Everything goes at once, and is put back as it was.
            with server.connect() as writer:
                for key in keys:
                    # In a transaction, which does not pause: everything stands still here.
                    writer.send(encode("MULTI") + encode("COPY", key, b"kept:" + key) + encode("EXEC"))
                    expect(writer.read_replies(3), ["OK", "QUEUED", [1]])
                    writer.call("UNLINK" if turn % 2 else "DEL", key)
                if turn % 3 == 0:
                    writer.call("SET", keys[turn % len(keys)], "something else")
                for key in keys:
                    writer.call("RENAME", b"kept:" + key, key)
            expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
            expect(reader.read(), whole, words)
        expect(stats(other)["long_command_pins"], 0)


@test(on="martlet", limit=120)
def a_writer_parks_and_others_do_not(start):
    server = start()
    with server.connect() as reader, server.connect() as writer, server.connect() as other:
        fill(other)
        for words, change, check in (
                (("SMEMBERS", "set"), ("SADD", "set", "new"), ("SISMEMBER", "set", "new")),
                (("HGETALL", "hash"), ("HSET", "hash", "new", 1), ("HEXISTS", "hash", "new")),
                (("ZRANGE", "zset", 0, -1), ("ZADD", "zset", 1, "new"), ("ZCOUNT", "zset", "-inf", "+inf")),
                (("XRANGE", "stream", "-", "+"), ("XADD", "stream", "999999-1", "f", "v"), ("XLEN", "stream"))):
            whole = other.call(*words)
            before = other.call(*check)
            expect(other.call("DEBUG", "SET-SLICE", 20), "OK")
            expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
            reader.send_command(*words)
            wait_until(lambda: under_way(other) == 1, 10, "a paused command")
            expect(stats(other)["long_command_pins"], 1)
            writer.send(encode(*change) + encode("PING"))
            wait_until(lambda: stats(other)["parked_writers"] == 1, 10, "a parked writer")
            expect(other.call("PING"), "PONG")
            # Who only reads does not wait, and neither does who changes something else.
            expect(other.call(*check), before)
            expect(other.call("SET", "unrelated", 1), "OK")
            expect(writer.is_silent(), True)
            expect(reader.is_silent(), True)
            expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
            expect(reader.read(), whole)
            writer.read()
            expect(writer.read(), "PONG")
            expect(other.call(*check) != before, True)
            expect(stats(other)["parked_writers"], 0)
            expect(other.call("DEBUG", "SET-SLICE", 0), "OK")


@test(on="martlet", limit=120)
def others_are_answered_between_slices(start):
    """Without the lever that stops it: another client's requests run while the command goes on."""
    server = start()
    with server.connect(timeout=60) as reader, server.connect() as other:
        fill(other)
        expect(other.call("DEBUG", "SET-SLICE", 1), "OK")
        for words in (("KEYS", "*"), ("HGETALL", "hash"), ("SORT", "list"), ("SUNIONSTORE", "to", "set", "other")):
            # A test that is not given the processor comes too late: it tries again.
            for _ in range(50):
                begun = stats(other)["long_command_slices"]
                reader.send_command(*words)
                answered = 0
                while reader.is_silent(0):
                    expect(other.call("PING"), "PONG")
                    answered += 1
                reader.read()
                expect(stats(other)["long_command_slices"] - begun > 100, True, words)
                if answered > 0:
                    break
            expect(answered > 0, True, words)


@test(on="martlet", limit=120)
def a_transaction_is_never_paused(start):
    """What would pause by itself runs through inside EXEC; who watches what a paused command stores hears of it."""
    server = start()
    with server.connect(timeout=60) as reader, server.connect() as other:
        fill(other, 300)
        whole = other.call("SMEMBERS", "set")
        expect(other.call("DEBUG", "SET-SLICE", 5), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
        reader.send(b"".join(encode(*words) for words in (
            ("MULTI",), ("SMEMBERS", "set"), ("SUNIONSTORE", "to", "set", "other"), ("SADD", "set", "new"), ("EXEC",))))
        expect(reader.read_replies(4), ["OK"] + ["QUEUED"] * 3)
        replies = reader.read()
        expect((replies[0], replies[2]), (whole, 1))
        expect(under_way(other), 0)
        # A store that is paused, and somebody who watches its destination.
        expect(other.call("WATCH", "to"), "OK")
        reader.send_command("SINTERSTORE", "to", "set", "other")
        wait_until(lambda: under_way(other) == 1, 10, "a paused command")
        expect(other.call("MULTI"), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 0), "QUEUED")
        expect(other.call("EXEC"), ["OK"])
        reader.read()
        expect(other.call("WATCH", "to"), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
        reader.send_command("SUNIONSTORE", "to", "set", "other")
        wait_until(lambda: under_way(other) == 1, 10, "a paused command")
        expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
        reader.read()
        expect(other.call("MULTI"), "OK")
        expect(other.call("PING"), "QUEUED")
        expect(other.call("EXEC"), None)


@test(on="martlet", limit=120)
def followers_keep_their_order(start):
    server = start()
    with server.connect(timeout=60) as client:
        fill(client, 500)
        expect(client.call("DEBUG", "SET-SLICE", 3), "OK")
        for _ in range(20):
            client.send(b"".join(encode(*words) for words in (
                ("ECHO", "1"), ("SMEMBERS", "set"), ("ECHO", "2"), ("SET", "x", "y"), ("KEYS", "x"), ("DEL", "x"),
                ("SUNIONSTORE", "to", "set", "other"), ("SCARD", "to"), ("SORT", "list", "LIMIT", 0, 1), ("ECHO", "3"),
                ("LRANGE", "list", 0, -1), ("ECHO", "4"))))
            replies = [client.read() for _ in range(12)]
            expect(replies[0], b"1")
            expect(len(replies[1]), 500)
            expect(replies[2:6], [b"2", "OK", [b"x"], 1])
            expect(replies[6], replies[7])
            expect(replies[8:10], [[b"0"], b"3"])
            expect((len(replies[10]), replies[11]), (500, b"4"))
        # A client that asks for silence, and then does not.
        client.send(b"".join(encode(*words) for words in (
            ("CLIENT", "REPLY", "SKIP"), ("SMEMBERS", "set"), ("ECHO", "5"), ("CLIENT", "REPLY", "OFF"), ("KEYS", "*"),
            ("SORT", "list"), ("CLIENT", "REPLY", "ON"), ("ECHO", "6"))))
        expect([client.read() for _ in range(3)], [b"5", "OK", b"6"])


@test(on="martlet", limit=120)
def clients_that_go_in_the_middle(start):
    server = start()
    with server.connect() as other:
        fill(other)
        expect(other.call("DEBUG", "SET-SLICE", 10), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
        commands = [("KEYS", "*"), ("SMEMBERS", "set"), ("SORT", "list"), ("SUNIONSTORE", "to", "set", "other"),
                    ("ZUNION", 2, "zset", "zother"), ("BITOP", "NOT", "to", "bits"), ("LCS", "a", "b"),
                    ("GEOSEARCH", "geo", "FROMLONLAT", 0, 40, "BYRADIUS", 4000, "km", "ASC"), ("HSCAN", "hash", 0, "COUNT", 9999)]
        connections = [server.connect() for _ in commands]
        for connection, words in zip(connections, commands):
            connection.send_command(*words)
        wait_until(lambda: under_way(other) == len(commands), 10, "all of them")
        for index, connection in enumerate(connections):
            connection.reset() if index % 2 else connection.close()
        # Who has only said that he sends no more may still want the answer; killing them leaves nobody.
        wait_until(lambda: under_way(other) == (len(commands) + 1) // 2, 10, "the others")
        expect(other.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 0, True)
        wait_until(lambda: under_way(other) == 0, 10, "none of them")
        expect(stats(other)["long_command_pins"], 0)
        expect(other.call("EXISTS", "to"), 0)
        expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
        expect(other.call("SADD", "set", "new"), 1)
        expect(other.call("SCARD", "set"), COUNT + 1)


@test(on="martlet", limit=120)
def a_client_that_sends_no_more_is_answered(start):
    server = start()
    with server.connect() as other, server.connect() as reader:
        fill(other, 300)
        expect(other.call("DEBUG", "SET-SLICE", 5), "OK")
        reader.send_command("SMEMBERS", "set")
        reader.socket.shutdown(socket.SHUT_WR)
        expect(len(reader.read()), 300)


@test(on="martlet", limit=120)
def emptied_exchanged_and_paused(start):
    server = start()
    with server.connect() as reader, server.connect() as other:
        fill(other)
        for between in (("FLUSHALL",), ("SWAPDB", 0, 1), ("FLUSHDB", "ASYNC")):
            other.call("FLUSHALL")
            fill(other, 400)
            whole = other.call("HGETALL", "hash")
            expect(other.call("DEBUG", "SET-SLICE", 5), "OK")
            expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
            with server.connect() as second, server.connect() as third:
                reader.send_command("HGETALL", "hash")
                second.send_command("KEYS", "*")
                third.send_command("SORT", "numbers", "BY", "weight:*", "GET", "weight:*", "ALPHA")
                wait_until(lambda: under_way(other) == 3, 10, "paused commands")
                other.call(*between)
                expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
                expect(reader.read(), whole)
                expect(len(second.read()) <= 411, True)
                expect(len(third.read()), 400)
            expect(other.call("DEBUG", "SET-SLICE", 0), "OK")
        # What writes does not go on during a pause.
        other.call("FLUSHALL")
        fill(other, 400)
        expect(other.call("DEBUG", "SET-SLICE", 5), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
        reader.send_command("SUNIONSTORE", "to", "set", "other")
        wait_until(lambda: under_way(other) == 1, 10, "a paused command")
        expect(other.call("CLIENT", "PAUSE", 100_000, "WRITE"), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
        expect(other.call("PING"), "PONG")
        expect(reader.is_silent(0.05), True)
        expect(other.call("EXISTS", "to"), 0)
        expect(other.call("CLIENT", "UNPAUSE"), "OK")
        expect(reader.read(), 600)


@test(on="martlet", limit=120)
def the_log_has_what_was_stored(start):
    """Sources that change between the beginning and the end: run again, the command would store something else."""
    server = start("appendonly yes", "appendfsync always")
    with server.connect() as reader, server.connect() as other:
        fill(other, 400)
        changes = [("SADD", "other", "new"), ("DEL", "set"), ("ZADD", "zset", 3, "new"), ("SET", "weight:5", 1),
                   ("DEL", "list"), ("SET", "short", "ABC")]
        for number, words in enumerate(STORES):
            to = f"to:{number}"
            expect(other.call("DEBUG", "SET-SLICE", 5), "OK")
            expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
            reader.send_command(*[to if word == "to" else word for word in words])
            wait_until(lambda: under_way(other) == 1 or not reader.is_silent(0.01), 10, words)
            if number % 2:
                for change in changes:
                    other.call(*change)
            expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
            expect(isinstance(reader.read(), int), True, words)
            expect(other.call("DEBUG", "SET-SLICE", 0), "OK")
            if number % 2:
                fill(other, 400)
        before = other.call("DEBUG", "DIGEST")
        values = other.call("DEBUG", "DIGEST-VALUE", *[f"to:{number}" for number in range(len(STORES))])
    server.restart(signal.SIGKILL)
    with server.connect() as client:
        expect(client.call("DEBUG", "DIGEST-VALUE", *[f"to:{number}" for number in range(len(STORES))]), values)
        expect(client.call("DEBUG", "DIGEST"), before)


@test(on="martlet", limit=120)
def answers_wait_for_the_log(start):
    server = start("appendonly yes", "appendfsync always")
    with server.connect() as reader, server.connect() as writer, server.connect() as other:
        fill(other, 400)
        expect(other.call("DEBUG", "SET-SLICE", 5), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
        reader.send(encode("ECHO", 1) + encode("SMEMBERS", "set") + encode("ECHO", 2))
        expect(reader.read(), b"1")
        wait_until(lambda: under_way(other) == 1, 10, "a paused command")
        expect(other.call("DEBUG", "reply-blocking-pause", "aof"), "OK")
        writer.send_command("DEL", "set")
        wait_until(lambda: int(parse_info(other.call("INFO", "everything"))["held_clients"]) == 1, 10, "a held reply")
        expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
        wait_until(lambda: under_way(other) == 0, 10, "the end")
        expect(reader.is_silent(), True)
        expect(other.call("DEBUG", "reply-blocking-resume", "aof"), "OK")
        expect((len(reader.read()), reader.read()), (400, b"2"))
        expect(writer.read(), 1)


@test(on="martlet", limit=120)
def waiting_readers_of_streams_pause_too(start):
    server = start()
    with server.connect() as reader, server.connect() as other:
        fill(other, 300)
        expect(other.call("DEBUG", "SET-SLICE", 1), "OK")
        reader.send(encode("XREAD", "BLOCK", 0, "STREAMS", "new", "stream", "0", "$") + encode("ECHO", 1))
        wait_until(lambda: int(parse_info(other.call("INFO", "clients"))["blocked_clients"]) == 1, 10, "a waiting client")
        expect(other.call("XADD", "new", "1-1", "a", 1), b"1-1")
        expect(reader.read(), [[b"new", [[b"1-1", [b"a", b"1"]]]]])
        expect(reader.read(), b"1")


@test(on="martlet", limit=120)
def figures_and_limits(start):
    server = start()
    with server.connect() as reader, server.connect() as other:
        fill(other)
        expect(other.call("CONFIG", "RESETSTAT"), "OK")
        expect(other.call("DEBUG", "SET-SLICE", 10), "OK")
        reader.call("SMEMBERS", "set")
        figures = stats(other)
        expect(figures["long_commands_begun"], 1)
        expect(figures["long_command_slices"] > 100, True)
        expect(figures["longest_long_command_usec"] > 0, True)
        commands = parse_info(other.call("INFO", "commandstats"))
        expect("calls=1," in str(commands["cmdstat_smembers"]), True)
        expect(other.call("CONFIG", "SET", "slowlog-log-slower-than", 0), "OK")
        other.call("SLOWLOG", "RESET")
        reader.call("SMEMBERS", "set")
        slow = [entry[3] for entry in other.call("SLOWLOG", "GET", 10)]
        expect([b"SMEMBERS", b"set"] in slow, True)
        # Output beyond the limit ends the client, and its command.
        expect(other.call("CONFIG", "SET", "client-output-buffer-limit", "normal 20000 0 0"), "OK")
        reader.send_command("SMEMBERS", "set")
        try:
            reader.read()
            raise AssertionError("the client was answered")
        except Closed:
            pass
        wait_until(lambda: under_way(other) == 0, 10, "none under way")


@test(on="martlet", limit=120)
def many_at_once_wait_their_turn(start):
    server = start()
    with server.connect() as other:
        fill(other, 200)
        whole = other.call("SMEMBERS", "set")
        expect(other.call("DEBUG", "SET-SLICE", 10), "OK")
        expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
        connections = [server.connect() for _ in range(300)]
        for connection in connections:
            connection.send_command("SMEMBERS", "set")
        wait_until(lambda: under_way(other) == 256, 10, "as many as may begin")
        expect(other.call("PING"), "PONG")
        expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
        for connection in connections:
            expect(connection.read(), whole)
            connection.close()


@test(on="martlet", limit=120)
def the_server_stops_in_the_middle(start):
    for words in (("SHUTDOWN", "NOSAVE"), ("SHUTDOWN", "SAVE")):
        server = start()
        with server.connect() as reader, server.connect() as writer, server.connect() as other:
            fill(other, 400)
            expect(other.call("DEBUG", "SET-SLICE", 5), "OK")
            expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
            reader.send_command("KEYS", "*")
            writer.send_command("SUNIONSTORE", "to", "set", "other")
            wait_until(lambda: under_way(other) == 2, 10, "paused commands")
            server.expected_exit = True
            other.send_command(*words)
            wait_until(lambda: server.process.poll() is not None, 20, "the end of the process")
            expect(server.process.returncode, 0)


@test(on="martlet", limit=120)
def threads_change_in_the_middle(start):
    server = start("io-threads 3", "io-threads-always-active yes")
    with server.connect() as other:
        fill(other, 400)
        whole = other.call("SMEMBERS", "set")
        expect(other.call("DEBUG", "SET-SLICE", 5), "OK")
        readers = [server.connect() for _ in range(8)]
        for count in (1, 4, 2, 3):
            expect(other.call("DEBUG", "PAUSE-LONG", 1), "OK")
            for reader in readers:
                reader.send(encode("SMEMBERS", "set") + encode("ECHO", count))
            wait_until(lambda: under_way(other) == 8, 10, "paused commands")
            expect(other.call("CONFIG", "SET", "io-threads", count), "OK")
            expect(other.call("DEBUG", "PAUSE-LONG", 0), "OK")
            for reader in readers:
                expect((reader.read(), reader.read()), (whole, b"%d" % count))
