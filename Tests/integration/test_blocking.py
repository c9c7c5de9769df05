"""test_blocking.py: clients that wait for a key: who is served, in which order, by which write, and what is recorded."""
import os
import time

from harness.resp import encode, wait_until
from harness.runner import expect, expect_error, test
from harness.server import parse_info


def blocked(client):
    return int(parse_info(client.call("INFO", "clients"))["blocked_clients"])


def waits(client, count=1):
    wait_until(lambda: blocked(client) == count, 10, f"{count} blocked clients")


class Waiters:
    """Clients that have sent a command that waits, one after the other."""

    def __init__(self, server, control, *commands):
        self.connections = []
        for words in commands:
            connection = server.connect()
            connection.send_command(*words)
            self.connections.append(connection)
            waits(control, len(self.connections))

    def __enter__(self):
        return self.connections

    def __exit__(self, *_):
        for connection in self.connections:
            connection.close()


@test
def first_come_first_served(start):
    server = start()
    with server.connect() as client:
        with Waiters(server, client, *[("BLPOP", "list", 0)] * 3) as (one, two, three):
            expect(client.call("RPUSH", "list", "a", "b"), 2)
            expect(one.read(), [b"list", b"a"])
            expect(two.read(), [b"list", b"b"])
            expect(three.is_silent(), True)
            expect(client.call("EXISTS", "list"), 0)
            client.call("RPUSH", "list", "c")
            expect(three.read(), [b"list", b"c"])


@test
def the_first_of_several_keys(start):
    server = start()
    with server.connect() as client:
        client.call("RPUSH", "c", "there")
        expect(client.call("BLPOP", "a", "b", "c", 0), [b"c", b"there"])
        with Waiters(server, client, ("BRPOP", "a", "b", "a", 0)) as (one,):
            client.call("RPUSH", "b", 1, 2)
            expect(one.read(), [b"b", b"2"])
        client.call("DEL", "b")
        # Names that come twice, and a key that is served while another one is written with it.
        with Waiters(server, client, ("BLMPOP", 0, 2, "a", "b", "LEFT", "COUNT", 2)) as (one,):
            client.call("RPUSH", "a", 1, 2, 3)
            expect(one.read(), [b"a", [b"1", b"2"]])
            expect(client.call("LRANGE", "a", 0, -1), [b"3"])


@test
def sorted_sets_too(start):
    server = start()
    with server.connect() as client:
        expect(client.pipeline(("ZADD", "z", 1, "a", 2, "b"), ("BZPOPMAX", "x", "z", 0))[1], [b"z", b"b", b"2"])
        client.call("DEL", "z")
        commands = [("BZPOPMIN", "z", 0), ("BZPOPMAX", "z", 0), ("BZMPOP", 0, 1, "z", "MIN", "COUNT", 5)]
        with Waiters(server, client, *commands) as (lowest, highest, several):
            client.call("ZADD", "z", 1, "a", 2, "b", 3, "c", 4, "d")
            expect(lowest.read(), [b"z", b"a", b"1"])
            expect(highest.read(), [b"z", b"d", b"4"])
            expect(several.read(), [b"z", [[b"b", b"2"], [b"c", b"3"]]])
            expect(client.call("EXISTS", "z"), 0)


@test
def readers_of_streams(start):
    server = start()
    with server.connect() as client:
        client.call("XADD", "s", "1-1", "a", 1)
        client.call("XGROUP", "CREATE", "s", "g", "$")
        commands = [("XREAD", "BLOCK", 0, "STREAMS", "s", "$"), ("XREAD", "BLOCK", 0, "STREAMS", "other", "s", "0", "1-1"),
                    ("XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", "s", ">")]
        with Waiters(server, client, *commands) as readers:
            client.call("XDEL", "s", "1-1")
            expect(blocked(client), 3)
            # All that wait read the same entry; two that are added at once would be one answer.
            client.call("XADD", "s", "2-1", "b", 2)
            for reader in readers:
                expect(reader.read(), [[b"s", [[b"2-1", [b"b", b"2"]]]]])
            expect(client.call("XPENDING", "s", "g")[0], 1)
        with Waiters(server, client, ("XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", "s", ">")) as (one,):
            client.call("XGROUP", "DESTROY", "s", "g")
            expect(type(one.read()).__name__, "Error")
        expect(client.call("XREAD", "BLOCK", 10, "STREAMS", "s", "$"), None)
        expect(client.call("XREAD", "BLOCK", 10, "STREAMS", "s", "0"), [[b"s", [[b"2-1", [b"b", b"2"]]]]])


@test
def whoever_makes_the_key_serves(start):
    """Not only pushes: whatever puts a list there."""
    server = start()
    with server.connect() as client:
        client.call("RPUSH", "other", "x")
        payload = client.call("DUMP", "other")
        makers = {
            "RENAME": [("RENAME", "other", "list")],
            "COPY": [("COPY", "other", "list")],
            "LMOVE": [("LMOVE", "other", "list", "LEFT", "RIGHT")],
            "RESTORE": [("RESTORE", "list", 0, payload)],
            "SORT": [("SORT", "other", "ALPHA", "STORE", "list")],
            "MOVE": [("SELECT", 1), ("RPUSH", "list", "x"), ("MOVE", "list", 0), ("SELECT", 0)],
            "SWAPDB": [("SELECT", 1), ("RPUSH", "list", "x"), ("SELECT", 0), ("SWAPDB", 0, 1), ("FLUSHDB",)],
            "COPY DB": [("SELECT", 1), ("RPUSH", "far", "x"), ("COPY", "far", "list", "DB", 0), ("SELECT", 0)],
        }
        for name, commands in makers.items():
            client.call("FLUSHALL")
            client.call("RPUSH", "other", "x")
            with Waiters(server, client, ("BLPOP", "list", 0)) as (one,):
                client.pipeline(*commands)
                expect(one.read(), [b"list", b"x"], name)


@test
def a_chain_of_moves(start):
    server = start()
    with server.connect() as client:
        commands = [("BLMOVE", f"k{number}", f"k{number + 1}", "LEFT", "RIGHT", 0) for number in range(20)]
        with Waiters(server, client, *commands) as movers:
            client.call("RPUSH", "k0", "x")
            for mover in movers:
                expect(mover.read(), b"x")
            expect(client.call("LRANGE", "k20", 0, -1), [b"x"])
        # A list that is moved onto itself.
        with Waiters(server, client, ("BRPOPLPUSH", "self", "self", 0)) as (one,):
            client.call("RPUSH", "self", "a", "b")
            expect(one.read(), b"b")
            expect(client.call("LRANGE", "self", 0, -1), [b"b", b"a"])


@test
def another_type_is_not_what_it_waits_for(start):
    server = start()
    with server.connect() as client:
        with Waiters(server, client, ("BLPOP", "key", 0), ("BLMOVE", "from", "key", "LEFT", "LEFT", 0)) as (one, mover):
            client.call("SET", "key", "string")
            client.call("DEL", "key")
            client.call("ZADD", "key", 1, "a")
            expect(one.is_silent(), True)
            # Nobody waits for the target of a move to be a list.
            client.call("RPUSH", "from", "x")
            expect_error(mover.read(), "WRONGTYPE Operation against a key holding the wrong kind of value")
            expect(client.call("LRANGE", "from", 0, -1), [b"x"])
            client.call("DEL", "key")
            client.call("RPUSH", "key", "y")
            expect(one.read(), [b"key", b"y"])
        client.call("SET", "string", 1)
        expect_error(client.call("BLPOP", "string", 0), "WRONGTYPE Operation against a key holding the wrong kind of value")


@test
def time_is_up(start):
    server = start()
    with server.connect() as client:
        expect(client.call("BLPOP", "list", 0.01), None)
        expect(client.call("BZPOPMIN", "z", 0.01), None)
        client.send(encode("BLPOP", "list", "0.01") + encode("BLMOVE", "a", "b", "LEFT", "LEFT", "0.01")
                    + encode("BLMPOP", "0.01", "1", "a", "LEFT") + encode("PING"))
        expect([client.read_raw() for _ in range(4)], [b"*-1\r\n"] * 3 + [b"+PONG\r\n"])
        expect_error(client.call("BLMPOP", "x", 0, "a", "LEFT"), "ERR numkeys should be greater than 0")
        for timeout, error in (("x", "ERR timeout is not a float or out of range"), (-1, "ERR timeout is negative"),
                               ("nan", "ERR timeout is not a float or out of range")):
            expect_error(client.call("BLPOP", "list", timeout), error)
        # Many deadlines, in no order: each is kept.
        others = [server.connect() for _ in range(20)]
        for number, other in enumerate(others):
            other.send_command("BLPOP", "list", (number * 7 % 20 + 1) / 100)
        for other in others:
            expect(other.read(), None)
            other.close()
        expect(blocked(client), 0)


@test
def the_rest_of_its_pipeline_waits(start):
    server = start()
    with server.connect() as client, server.connect() as other:
        other.send(encode("BLPOP", "list", 0) + encode("SET", "key", "later") + encode("GET", "key"))
        waits(client)
        expect(client.call("EXISTS", "key"), 0)
        client.call("RPUSH", "list", "x")
        expect(other.read_replies(3), [[b"list", b"x"], "OK", b"later"])


@test
def who_has_gone_takes_nothing(start):
    server = start()
    with server.connect() as client:
        for leave in ("close", "reset"):
            with Waiters(server, client, ("BLPOP", "list", 0)) as (one,):
                getattr(one, leave)()
                waits(client, 0)
            expect(client.call("RPUSH", "list", leave), 1)
            expect(client.call("LPOP", "list"), leave.encode())
        with Waiters(server, client, ("BLPOP", "list", 0)) as (one,):
            number = [line for line in client.call("CLIENT", "LIST").decode().splitlines() if "cmd=blpop" in line]
            expect(len(number), 1)
            expect("flags=b" in number[0], True)
            client.call("CLIENT", "KILL", "ID", int(number[0].split("id=")[1].split()[0]))
            waits(client, 0)
            expect(client.call("RPUSH", "list", "x"), 1)


@test
def somebody_ends_the_waiting(start):
    server = start()
    with server.connect() as client:
        with Waiters(server, client, ("BLPOP", "a", 0), ("BLMOVE", "a", "b", "LEFT", "LEFT", 0)) as (one, two):
            expect(client.call("CLIENT", "UNBLOCK", client.call("CLIENT", "ID")), 0)
            ids = [int(line.split("id=")[1].split()[0]) for line in client.call("CLIENT", "LIST").decode().splitlines()
                   if "flags=b" in line]
            expect(client.call("CLIENT", "UNBLOCK", ids[0], "ERROR"), 1)
            expect_error(one.read(), "UNBLOCKED client unblocked via CLIENT UNBLOCK")
            expect(client.call("CLIENT", "UNBLOCK", ids[1]), 1)
            expect(two.read(), None)
            expect(client.call("CLIENT", "UNBLOCK", ids[1]), 0)
            expect(two.call("PING"), "PONG")


@test
def what_was_done_is_recorded(start):
    server = start("appendonly yes", "appendfsync always", "aof-use-rdb-preamble no")
    with server.connect() as client:
        commands = [("BLPOP", "a", 0), ("BLMOVE", "b", "c", "RIGHT", "LEFT", 0), ("BZPOPMIN", "z", 0),
                    ("BLMPOP", 0, 1, "m", "RIGHT", "COUNT", 2)]
        with Waiters(server, client, *commands) as (one, two, three, four):
            client.pipeline(("RPUSH", "a", 1, 2), ("RPUSH", "b", 1, 2), ("ZADD", "z", 1, "x", 2, "y"), ("RPUSH", "m", 1, 2, 3))
            expect(one.read(), [b"a", b"1"])
            expect(two.read(), b"2")
            expect(three.read(), [b"z", b"x", b"1"])
            expect(four.read(), [b"m", [b"3", b"2"]])
        before = client.call("DEBUG", "DIGEST")
    directory = os.path.join(server.directory, "appendonlydir")
    log = b"".join(open(os.path.join(directory, name), "rb").read() for name in os.listdir(directory))
    for words in (("LPOP", "a"), ("LMOVE", "b", "c", "RIGHT", "LEFT"), ("ZPOPMIN", "z"), ("RPOP", "m", "2")):
        expect(encode(*words).lower() in log.lower(), True, words)
    server.restart()
    expect(server.call("DEBUG", "DIGEST"), before)


@test(on="martlet")
def an_answer_after_waiting_is_held_like_any_other(start):
    server = start("appendonly yes", "appendfsync always")
    with server.connect() as client:
        with Waiters(server, client, ("BLPOP", "list", 0)) as (one,):
            client.call("DEBUG", "REPLY-BLOCKING-PAUSE", "AOF")
            client.send_command("RPUSH", "list", "x")
            expect(one.is_silent(0.2), True)
            with server.connect() as other:
                other.call("DEBUG", "REPLY-BLOCKING-RESUME", "AOF")
            expect(one.read(), [b"list", b"x"])
            expect(client.read(), 1)


@test
def thousands_wait(start):
    server = start()
    with server.connect() as client:
        others = [server.connect() for _ in range(500)]
        for number, other in enumerate(others):
            other.send_command("BLPOP", f"k{number % 5}", 0)
        waits(client, len(others))
        for key in range(5):
            client.call("RPUSH", f"k{key}", *range(100))
        for other in others:
            expect(len(other.read()), 2)
            other.close()
        expect(client.call("DBSIZE"), 0)
