"""test_held_replies.py: no client hears of a change that is not on disk yet, and nobody else waits.

The disk is stopped with `DEBUG reply-blocking-pause aof`: records gather, nothing becomes durable
until `reply-blocking-resume`. A reply is known to be held when INFO counts its client among
`held_clients`, not because it has not come for a while.
"""
import signal
import socket
import threading

from harness.resp import encode, wait_until
from harness.runner import expect, expect_error, test
from harness.server import parse_info, pause

ALWAYS = ("appendonly yes", "appendfsync always")


class Disk:
    """The lever on a server's disk, and a connection that watches."""

    def __init__(self, server):
        self.server = server
        self.observer = server.connect()

    def stop(self):
        expect(self.observer.call("DEBUG", "reply-blocking-pause", "aof"), "OK")

    def go(self):
        expect(self.observer.call("DEBUG", "reply-blocking-resume", "aof"), "OK")

    def info(self, name=None):
        fields = parse_info(self.observer.call("INFO", "everything"))
        return int(fields[name]) if name else fields

    def wait_for_held(self, clients):
        wait_until(lambda: self.info("held_clients") == clients, 20, f"{clients} clients with held replies")

    def wait_until_durable(self):
        wait_until(lambda: self.info("aof_unsynced_bytes") == 0, 20, "everything durable")

    def expect_held(self, *commands, database=0):
        """Each command on a connection of its own: all of them wait. Returns the connections."""
        before = self.info("held_clients")
        connections = []
        for command in commands:
            connection = self.server.connect()
            if database:
                expect(connection.call("SELECT", database), "OK")
            connection.send_command(*command)
            connections.append(connection)

            def counted():
                held = self.info("held_clients") - before
                if held != len(connections):
                    loud = [command for command, connection in zip(commands, connections)
                            if not connection.is_silent(0.001)]
                    assert not loud, f"answered while the disk stands: {loud}"
                return held == len(connections)

            # One after the other: connections on different threads have no order among each other.
            wait_until(counted, 20, f"{commands[:len(connections)]} held")
        for command, connection in zip(commands, connections):
            expect(connection.is_silent(0.01), True, command)
        return connections

    def expect_answered(self, *commands, database=0):
        """Each command on a connection of its own: none of them waits. Returns the replies."""
        replies = []
        for command in commands:
            with self.server.connect() as connection:
                if database:
                    expect(connection.call("SELECT", database), "OK")
                connection.send_command(*command)
                try:
                    replies.append(connection.read())
                except TimeoutError:
                    raise AssertionError(f"not answered while the disk stands: {command}") from None
        return replies


def always(start, *lines):
    server = start(*ALWAYS, *lines)
    return server, Disk(server)


def known(connection, *commands):
    """Those of the commands that this server has."""
    return [command for command in commands if connection.call("COMMAND", "INFO", command[0])[0] is not None]


# Writes


@test(on="martlet")
def a_write_is_answered_when_it_is_durable(start):
    server, disk = always(start)
    with server.connect() as writer, server.connect() as other:
        expect(writer.call("SET", "clean", "1"), "OK")
        disk.stop()
        writer.send_command("SET", "k", "v")
        disk.wait_for_held(1)
        expect(other.call("PING"), "PONG")
        expect(other.call("GET", "clean"), b"1")
        expect(writer.is_silent(), True)
        disk.go()
        expect(writer.read(), "OK")
        expect(other.call("GET", "k"), b"v")


@test(on="martlet")
def every_kind_of_write_is_held(start):
    server, disk = always(start)
    with server.connect() as writer:
        for words in (("MSET", "a", 1, "b", 2, "c", 3), ("SET", "n", 5), ("SET", "text", "abc"), ("SET", "d", 1),
                      ("SET", "p", "x", "EX", 1000), ("SET", "old", "x"), ("SET", "g", "x"), ("SET", "gx", "x")):
            expect(writer.call(*words), "OK")
        payload = writer.call("DUMP", "a")
        commands = known(
            writer, ("SET", "new", 1), ("SETNX", "nx", 1), ("MSET", "m1", 1, "m2", 2), ("MSETNX", "m3", 3),
            ("APPEND", "text", "d"), ("INCR", "n"), ("INCRBYFLOAT", "f", "1.5"), ("SETRANGE", "r", 3, "x"),
            ("SETBIT", "bit", 7, 1), ("GETSET", "gs", 1), ("GETDEL", "g"), ("GETEX", "gx", "EX", 100), ("DEL", "d"),
            ("UNLINK", "c"), ("EXPIRE", "a", 100), ("PEXPIREAT", "b", 4_102_444_800_000), ("PERSIST", "p"),
            ("RENAME", "old", "renamed"), ("RESTORE", "res", 0, payload), ("SETEX", "sx", 100, "v"),
            ("PSETEX", "psx", 100_000, "v"), ("COPY", "a", "copied"))
        expect(len(commands) > 15, True)
        disk.stop()
        waiting = disk.expect_held(*commands)
        expect(disk.info("held_replies"), len(commands))
        disk.go()
        for connection in waiting:
            connection.read()


@test(on="martlet")
def writes_that_changed_nothing_wait_for_what_they_saw(start):
    server, disk = always(start)
    with server.connect() as writer:
        expect(writer.call("MSET", "gone", 1, "clean", 1), "OK")
        disk.stop()
        disk.expect_held(("SET", "k", "v"), ("DEL", "gone"))
        waiting = disk.expect_held(
            ("SETNX", "k", "x"), ("SET", "k", "x", "NX"), ("SET", "gone", "x", "XX"), ("DEL", "gone"), ("PERSIST", "k"),
            ("EXPIRE", "gone", 10), ("GETDEL", "gone"), ("MSETNX", "other", 1, "k", 1), ("RENAMENX", "clean", "k"))
        expect(disk.expect_answered(("SETNX", "clean", "x"), ("DEL", "missing"), ("SET", "missing", "x", "XX")), [0, 0, None])
        disk.go()
        expect([connection.read() for connection in waiting], [0, None, None, 0, 0, 0, None, 0, 0])


@test(on="martlet")
def errors_of_writes_wait_for_what_they_saw(start):
    """An error says something about the value too."""
    server, disk = always(start)
    disk.stop()
    disk.expect_held(("SET", "k", "text"))
    waiting, = disk.expect_held(("INCR", "k"))
    expect_error(disk.expect_answered(("SET", "k"))[0], "ERR wrong number of arguments for 'set' command")
    disk.go()
    expect_error(waiting.read(), "ERR value is not an integer or out of range")


# Reads


@test(on="martlet")
def a_read_waits_for_its_own_keys_only(start):
    server, disk = always(start)
    with server.connect() as writer:
        expect(writer.call("MSET", "clean", "1", "other", "2", "gone", "3"), "OK")
        reads = known(
            writer, ("GET",), ("EXISTS",), ("TYPE",), ("TTL",), ("PTTL",), ("EXPIRETIME",), ("PEXPIRETIME",), ("STRLEN",),
            ("DUMP",), ("MGET", "other"), ("TOUCH",), ("GETRANGE", None, 0, -1), ("SUBSTR", None, 0, -1), ("GETBIT", None, 1),
            ("BITCOUNT",), ("BITPOS", None, 1), ("LCS", "other"), ("GETEX",))
        reads += [("OBJECT", "ENCODING"), ("OBJECT", "REFCOUNT"), ("OBJECT", "IDLETIME"), ("MEMORY", "USAGE")]

        def reading(key):
            return [tuple(key if word is None else word for word in read) if None in read else (*read, key) for read in reads]

        disk.stop()
        writing = disk.expect_held(("SET", "k", "v"), ("DEL", "gone"))
        disk.expect_answered(*reading("clean"), *reading("missing"))
        waiting = disk.expect_held(*reading("k"), *reading("gone"))
        expect(disk.expect_answered(("MGET", "clean", "other")), [[b"1", b"2"]])
        disk.go()
        expect([connection.read() for connection in writing], ["OK", 1])
        replies = [connection.read() for connection in waiting]
        expect(replies[:2], [b"v", 1])
        expect(replies[len(reads):len(reads) + 2], [None, 0])


@test(on="martlet")
def reads_of_everything_wait_while_anything_is_dirty(start):
    server, disk = always(start)
    wholesale = (("KEYS", "*"), ("SCAN", 0), ("RANDOMKEY",), ("DBSIZE",))
    disk.stop()
    expect(disk.expect_answered(*wholesale), [[], [b"0", []], None, 0])
    disk.expect_held(("SET", "k", "v"))
    waiting = disk.expect_held(*wholesale)
    disk.go()
    expect([connection.read() for connection in waiting], [[b"k"], [b"0", [b"k"]], b"k", 1])


@test(on="martlet")
def what_says_nothing_about_data_never_waits(start):
    server, disk = always(start)
    disk.stop()
    disk.expect_held(("SET", "k", "v"), ("FLUSHALL",))
    disk.expect_answered(
        ("PING",), ("ECHO", "x"), ("INFO",), ("INFO", "keyspace"), ("CONFIG", "GET", "save"), ("CONFIG", "SET", "hz", 11),
        ("OBJECT", "HELP"), ("TIME",), ("COMMAND", "COUNT"), ("CLIENT", "LIST"), ("CLIENT", "ID"), ("SELECT", 3),
        ("HELLO", 3), ("LASTSAVE",), ("SLOWLOG", "LEN"), ("DEBUG", "SLEEP", 0), ("NOSUCH", "k"), ("GET",))
    disk.go()


@test(on="martlet")
def whole_databases_wait(start):
    server, disk = always(start)
    with server.connect() as writer:
        for command, closed, opened in (
            (("FLUSHDB",), (0,), (1, 2)), (("FLUSHDB", "ASYNC"), (0,), (1, 2)), (("SWAPDB", 0, 1), (0, 1), (2, 15)),
            (("FLUSHALL",), (0, 1, 15), ()), (("FLUSHALL", "ASYNC"), (0, 2), ()),
        ):
            for database in (0, 1, 2, 15):
                expect(writer.call("SELECT", database), "OK")
                expect(writer.call("SET", "k", database), "OK")
            disk.wait_until_durable()
            disk.stop()
            waiting = disk.expect_held(command)
            for database in closed:
                waiting += disk.expect_held(("GET", "k"), ("EXISTS", "never-was"), database=database)
            for database in opened:
                expect(disk.expect_answered(("GET", "k"), ("EXISTS", "never-was"), database=database),
                       [str(database).encode(), 0], command)
            disk.go()
            expect(waiting[0].read(), "OK", command)
            for connection in waiting[1:]:
                connection.read()


@test(on="martlet")
def move_and_copy_mark_both_databases(start):
    server, disk = always(start)
    with server.connect() as writer:
        expect(writer.call("MSET", "moved", 1, "copied", 2, "clean", 3), "OK")
        disk.stop()
        writing = disk.expect_held(("MOVE", "moved", 1), ("COPY", "copied", "copy", "DB", 2))
        waiting = disk.expect_held(("GET", "moved"))
        waiting += disk.expect_held(("GET", "moved"), database=1)
        waiting += disk.expect_held(("GET", "copy"), database=2)
        expect(disk.expect_answered(("GET", "clean")), [b"3"])
        expect(disk.expect_answered(("GET", "clean"), ("GET", "copied"), database=2), [None, None])
        waiting += disk.expect_held(("MOVE", "clean", 1), ("COPY", "clean", "copy", "DB", 2))
        disk.go()
        expect([connection.read() for connection in writing], [1, 1])
        expect([connection.read() for connection in waiting], [None, b"1", b"2", 1, 0])


@test
def database_numbers_that_are_none(client):
    """Also where the log looks at them, which trusts nobody."""
    client.call("SET", "k", "v")
    for number in (16, -1, 100_000, 2_147_483_648, 4_294_967_296, 9_223_372_036_854_775_807, -9_223_372_036_854_775_808):
        fits = -2_147_483_648 <= number <= 2_147_483_647
        expect_error(client.call("COPY", "k", "c", "DB", number),
                     "ERR DB index is out of range" if fits else "ERR value is*")
        expect_error(client.call("MOVE", "k", number), "ERR *")
        expect_error(client.call("SWAPDB", 0, number), "ERR *")
    expect(client.call("PING"), "PONG")


# Bytes of one connection


@test(on="martlet")
def what_precedes_a_held_reply_leaves(start):
    server, disk = always(start)
    with server.connect() as writer:
        # Around the sizes at which output goes from one piece of memory to the next.
        for size in (0, 1, 4000, 16_300, 16_384, 65_536, 100_000, 1_000_000):
            value = bytes([97 + size % 26]) * size
            expect(writer.call("SET", "clean", value), "OK")
            disk.wait_until_durable()
            disk.stop()
            writer.send(encode("PING") + encode("GET", "clean") + encode("SET", "k", size) + encode("PING"))
            expect(writer.read(), "PONG")
            expect(writer.read() == value, True, size)
            disk.wait_for_held(1)
            expect(writer.is_silent(0.01), True, size)
            disk.go()
            expect(writer.read_replies(2), ["OK", "PONG"])


@test(on="martlet")
def large_replies_are_held_to_the_byte(start):
    server, disk = always(start)
    value = bytes(range(256)) * 4096
    with server.connect() as writer, server.connect() as reader:
        disk.stop()
        writer.send_command("SET", "large", value)
        disk.wait_for_held(1)
        reader.send(encode("PING") + encode("GET", "large") * 3 + encode("STRLEN", "large"))
        expect(reader.read(), "PONG")
        disk.wait_for_held(2)
        expect(reader.is_silent(), True)
        wait_until(lambda: disk.info("held_bytes") >= 3 * len(value), 20, "three values held")
        disk.go()
        expect([reply == value for reply in reader.read_replies(3)], [True] * 3)
        expect(reader.read(), len(value))


@test(on="martlet")
def the_order_of_replies_is_kept(start):
    server, disk = always(start)
    with server.connect() as writer:
        writer.call("SET", "clean", "c")
        disk.stop()
        writer.send(encode("SET", "k", "v") + encode("GET", "k") + encode("PING") + encode("GET", "clean")
                    + encode("SET", "k", "w") + encode("NOSUCH") + encode("GET", "k"))
        disk.wait_for_held(1)
        expect(writer.is_silent(), True)
        disk.go()
        expect(writer.read_replies(5), ["OK", b"v", "PONG", b"c", "OK"])
        expect_error(writer.read(), "ERR unknown command*")
        expect(writer.read(), b"w")


@test(on="martlet")
def deep_pipelines_come_back_in_order(start):
    server, disk = always(start)
    count = 20_000
    with server.connect(protocol=3) as writer:
        writer.send(encode("INCR", "n") * count)
        expect(writer.read_replies(count), list(range(1, count + 1)))
        disk.stop()
        writer.send((encode("INCR", "n") + encode("PING")) * 500)
        disk.wait_for_held(1)
        expect(writer.is_silent(), True)
        disk.go()
        expect(writer.read_replies(1000)[-2:], [count + 500, "PONG"])
    expect(disk.info("held_replies"), 0)


@test(on="martlet")
def stopping_and_going_loses_and_leaks_nothing(start):
    """Each round some replies are held, each round all of them come."""
    server, disk = always(start)
    with server.connect() as writer, server.connect() as reader:
        for turn in range(50):
            disk.stop()
            writer.send_command("SET", "k", turn)
            disk.wait_for_held(1)
            reader.send_command("GET", "k")
            disk.wait_for_held(2)
            disk.go()
            expect((writer.read(), reader.read()), ("OK", str(turn).encode()))
    expect((disk.info("held_replies"), disk.info("held_clients"), disk.info("held_bytes")), (0, 0, 0))


@test(on="martlet")
def silent_writers_dirty_their_keys(start):
    server, disk = always(start)
    with server.connect() as silent, server.connect() as skipping:
        disk.stop()
        silent.send(encode("CLIENT", "REPLY", "OFF") + encode("SET", "a", 1))
        skipping.send(encode("CLIENT", "REPLY", "SKIP") + encode("SET", "b", 2) + encode("PING"))
        expect(skipping.read(), "PONG")
        wait_until(lambda: disk.info("aof_records") >= 2, 20, "both records")
        waiting = disk.expect_held(("GET", "a"), ("GET", "b"))
        disk.go()
        expect([connection.read() for connection in waiting], [b"1", b"2"])


@test(on="martlet")
def quit_and_reset_behind_a_held_reply(start):
    server, disk = always(start)
    with server.connect() as leaving, server.connect() as resetting:
        disk.stop()
        leaving.send(encode("SET", "k", "v") + encode("QUIT"))
        resetting.send(encode("SET", "k", "w") + encode("RESET") + encode("PING"))
        disk.wait_for_held(2)
        expect((leaving.is_silent(), resetting.is_silent()), (True, True))
        disk.go()
        expect(leaving.read_until_closed(), b"+OK\r\n+OK\r\n")
        expect(resetting.read_replies(3), ["OK", "RESET", "PONG"])


# Many clients


@test(on="martlet")
def many_writers_share_a_sync(start):
    server, disk = always(start)
    count = 1000
    writers = [server.connect() for _ in range(count)]
    disk.wait_until_durable()
    before = disk.info("aof_fsyncs")
    disk.stop()
    for number, writer in enumerate(writers):
        writer.send_command("SET", f"k{number}", number)
    disk.wait_for_held(count)
    expect(disk.info("held_replies"), count)
    disk.go()
    expect({writer.read() for writer in writers}, {"OK"})
    syncs = disk.info("aof_fsyncs") - before
    expect(1 <= syncs <= 10, True, f"{syncs} syncs")
    for writer in writers:
        writer.close()


@test(on="martlet")
def who_leaves_is_forgotten(start):
    server, disk = always(start)
    connections = [server.connect() for _ in range(30)]
    disk.stop()
    for number, connection in enumerate(connections):
        connection.send_command("SET", f"k{number}", number)
    disk.wait_for_held(30)
    for connection in connections[:10]:
        connection.reset()
    disk.wait_for_held(20)
    for connection in connections[10:20]:
        expect(disk.observer.call("CLIENT", "KILL", "ADDR", "%s:%d" % connection.socket.getsockname()), 1)
        expect(connection.read_until_closed(), b"", "a held reply does not leave because its client is killed")
    disk.wait_for_held(10)
    # A client that has closed its half may still listen: it is held until the disk has answered.
    for connection in connections[20:]:
        connection.close()
    disk.go()
    disk.wait_for_held(0)
    expect((disk.info("held_replies"), disk.info("held_bytes")), (0, 0))
    expect(server.call("EXISTS", *(f"k{number}" for number in range(30))), 30)


@test(on="martlet")
def half_closed_clients_get_what_was_held(start):
    server, disk = always(start)
    with server.connect() as writer:
        disk.stop()
        writer.send_command("SET", "k", "v")
        disk.wait_for_held(1)
        writer.socket.shutdown(socket.SHUT_WR)
        expect(writer.is_silent(), True)
        disk.go()
        expect(writer.read_until_closed(), b"+OK\r\n")


@test(on="martlet")
def very_many_dirty_keys(start):
    server, disk = always(start)
    count = 200_000
    with server.connect() as writer:
        disk.stop()
        for begin in range(0, count, 1000):
            words = [word for number in range(begin, begin + 1000) for word in (f"key:{number}", number)]
            writer.send_command("MSET", *words)
        wait_until(lambda: disk.info("aof_records") == count // 1000, 60, "all records")
        waiting = disk.expect_held(("GET", "key:0"), ("GET", f"key:{count - 1}"), ("DBSIZE",))
        expect(disk.expect_answered(("GET", "clean")), [None])
        disk.go()
        expect(set(writer.read_replies(count // 1000)), {"OK"})
        expect([connection.read() for connection in waiting], [b"0", str(count - 1).encode(), count])
        disk.wait_until_durable()
        disk.stop()
        expect(disk.expect_answered(("GET", "key:5")), [b"5"], "what was dirty is clean again")


# Keys that expire


@test(on="martlet")
def expired_keys_are_dirty(start):
    """Who finds a key expired hears so at once; who comes later waits for the deletion."""
    server, disk = always(start)
    with server.connect() as writer:
        expect(writer.call("DEBUG", "SET-ACTIVE-EXPIRE", 0), "OK")
        expect(writer.call("SET", "k", "v", "PX", 1), "OK")
        pause(0.01)
        disk.stop()
        expect(disk.expect_answered(("GET", "k")), [None])
        waiting = disk.expect_held(("EXISTS", "k"), ("DBSIZE",))
        disk.go()
        expect([connection.read() for connection in waiting], [0, 0])


@test(on="martlet")
def keys_that_the_sweep_removes_are_dirty(start):
    server, disk = always(start)
    with server.connect() as writer:
        expect(writer.call("DEBUG", "SET-ACTIVE-EXPIRE", 0), "OK")
        for number in range(10):
            expect(writer.call("SET", f"k{number}", "v", "PX", 1), "OK")
        disk.wait_until_durable()
        disk.stop()
        expect(disk.observer.call("DEBUG", "SET-ACTIVE-EXPIRE", 1), "OK")
        wait_until(lambda: disk.info("expired_keys") == 10, 20, "the sweep")
        waiting = disk.expect_held(*(("EXISTS", f"k{number}") for number in range(10)))
        disk.go()
        expect([connection.read() for connection in waiting], [0] * 10)


# WAITAOF


@test(on="martlet valkey")
def waitaof_refuses_nonsense(start):
    server = start()
    with server.connect() as client:
        for words, text in (
            ((2, 0, 0), "ERR value is out of range, value must between 0 and 1"),
            ((-1, 0, 0), "ERR value is out of range, value must between 0 and 1"),
            (("x", 0, 0), "ERR value is not an integer or out of range"),
            ((0, -1, 0), "ERR value is out of range, must be positive"),
            ((0, "x", 0), "ERR value is out of range, must be positive"),
            ((0, 0, -1), "ERR timeout is negative"),
            ((0, 0, "x"), "ERR timeout is not an integer or out of range"),
            ((1, 0, 0), "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."),
            ((0, 0), "ERR wrong number of arguments for 'waitaof' command"),
        ):
            expect_error(client.call("WAITAOF", *words), text)
        expect(client.call("WAITAOF", 0, 0, 0), [0, 0])


@test(on="martlet valkey")
def waitaof_tells_what_is_durable(start):
    for policy in ("everysec", "always"):
        server = start("appendonly yes", f"appendfsync {policy}")
        with server.connect() as client:
            expect(client.call("WAITAOF", 1, 0, 0), [1, 0])
            for number in range(3):
                expect(client.call("SET", "k", number), "OK")
                expect(client.call("WAITAOF", 1, 0, 0), [1, 0])
            expect(client.call("WAITAOF", 1, 1, 1), [1, 0], "no replica, so the timeout ends it")
            expect(client.call("WAITAOF", 0, 1, 1), [1, 0])


@test(on="martlet")
def waitaof_waits_for_the_disk(start):
    server = start("appendonly yes", "appendfsync everysec")
    disk = Disk(server)
    with server.connect() as client, server.connect() as other, server.connect() as leaving:
        disk.stop()
        expect(client.call("SET", "k", "v"), "OK")
        expect(client.call("WAITAOF", 1, 0, 1), [0, 0], "its time is over")
        expect(other.call("WAITAOF", 1, 0, 0), [1, 0], "it has written nothing")
        client.send(encode("WAITAOF", 1, 0, 0) + encode("PING"))
        expect(leaving.call("SET", "l", "v"), "OK")
        leaving.send_command("WAITAOF", 1, 0, 0)
        expect(disk.info("aof_durable_batch") < disk.info("aof_appended_batch"), True)
        expect(client.is_silent(), True)
        leaving.close()
        disk.go()
        expect(client.read_replies(2), [[1, 0], "PONG"])


@test(on="martlet")
def waitaof_behind_a_held_reply(start):
    server, disk = always(start)
    with server.connect() as client:
        disk.stop()
        client.send(encode("SET", "k", "v") + encode("WAITAOF", 1, 0, 0) + encode("GET", "k"))
        disk.wait_for_held(1)
        expect(client.is_silent(), True)
        disk.go()
        expect(client.read_replies(3), ["OK", [1, 0], b"v"])


@test(on="martlet")
def waitaof_ends_with_the_log(start):
    server = start("appendonly yes", "appendfsync everysec")
    disk = Disk(server)
    with server.connect() as client:
        disk.stop()
        expect(client.call("SET", "k", "v"), "OK")
        client.send_command("WAITAOF", 1, 0, 0)
        expect(client.is_silent(), True)
        with server.connect() as operator:
            expect(operator.call("CONFIG", "SET", "appendonly", "no"), "OK")
        disk.go()
        reply = client.read()
        # Either the last sync was awaited or the log is off: both are true answers.
        if reply != [1, 0]:
            expect_error(reply, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")


# The policy changes


def weaken(start, name, value):
    """The disk stands, a writer waits, the policy changes."""
    server, disk = always(start)
    with server.connect() as writer, server.connect() as operator:
        disk.stop()
        writer.send_command("SET", "k", "v")
        disk.wait_for_held(1)
        operator.send_command("CONFIG", "SET", name, value)
        expect(disk.observer.call("PING"), "PONG")
        expect((writer.is_silent(), operator.is_silent()), (True, True), (name, value))
        disk.go()
        expect((writer.read(), operator.read()), ("OK", "OK"), (name, value))
        disk.stop()
        expect(writer.call("SET", "k", "w"), "OK", "from now on nobody waits")
        expect(operator.call("GET", "k"), b"w")
        disk.go()
    fields = disk.info()
    expect(fields.get("held_clients", "0"), "0")
    expect(fields["aof_enabled"], "0" if name == "appendonly" else "1")


@test(on="martlet")
def weakening_the_policy_is_a_barrier(start):
    """`always` is left with one last sync: no promise is broken, neither by the command nor by those who waited."""
    weaken(start, "appendfsync", "everysec")
    weaken(start, "appendfsync", "no")


@test(on="martlet")
def turning_the_log_off_is_a_barrier(start):
    weaken(start, "appendonly", "no")


@test(on="martlet")
def strengthening_the_policy_is_a_barrier(start):
    """What was answered without waiting is made durable before anyone reads it again."""
    for old in ("everysec", "no"):
        server = start("appendonly yes", f"appendfsync {old}")
        disk = Disk(server)
        with server.connect() as writer:
            disk.stop()
            expect(writer.call("SET", "k", "v"), "OK")
            expect(writer.call("GET", "k"), b"v")
            expect(disk.observer.call("CONFIG", "SET", "appendfsync", "always"), "OK")
            waiting = disk.expect_held(("GET", "k"), ("DBSIZE",), ("SET", "k", "w"))
            expect(disk.expect_answered(("PING",)), ["PONG"])
            disk.go()
            expect([connection.read() for connection in waiting], [b"v", 1, "OK"])


@test(on="martlet")
def the_log_is_turned_on_with_always(start):
    server = start("appendfsync always")
    disk = Disk(server)
    with server.connect() as writer:
        expect(writer.call("MSET", "a", 1, "b", 2), "OK")
        expect(writer.call("CONFIG", "SET", "appendonly", "yes"), "OK")
        expect(writer.call("CONFIG", "REWRITE"), "OK")
        wait_until(lambda: disk.info("aof_rewrites") == 1, 20, "the first base")
        disk.wait_until_durable()
        disk.stop()
        expect(disk.expect_answered(("GET", "a")), [b"1"])
        waiting = disk.expect_held(("SET", "a", 3), ("GET", "a"))
        disk.go()
        expect([connection.read() for connection in waiting], ["OK", b"3"])
    server.restart(signal.SIGKILL)
    expect(server.call("MGET", "a", "b"), [b"3", b"2"])


@test(on="martlet")
def without_a_log_the_lever_holds_nothing(start):
    for lines in (("appendonly no", "appendfsync always"), ("appendonly yes", "appendfsync everysec"),
                  ("appendonly yes", "appendfsync no")):
        server = start(*lines)
        disk = Disk(server)
        disk.stop()
        expect(disk.expect_answered(("SET", "k", "v"), ("GET", "k"), ("FLUSHALL",), ("DBSIZE",)), ["OK", b"v", "OK", 0])
        disk.go()


# The lever and the figures


@test(on="martlet")
def the_lever(start):
    server, disk = always(start)
    client = disk.observer
    disk.stop()
    disk.stop()
    waiting, = disk.expect_held(("SET", "k", "v"))
    disk.go()
    expect(waiting.read(), "OK")
    disk.go()
    for name in ("reply-blocking-pause", "reply-blocking-resume", "REPLY-BLOCKING-PAUSE"):
        expect_error(client.call("DEBUG", name, "nosuch"), "ERR No such reply-blocking provider")
        expect_error(client.call("DEBUG", name), "ERR *")
        expect_error(client.call("DEBUG", name, "aof", "aof"), "ERR *")
    expect(client.call("SET", "k", "w"), "OK")


@test(on="martlet")
def the_figures_follow(start):
    server, disk = always(start)
    with server.connect() as writer, server.connect() as reader:
        expect(writer.call("SET", "k", "v"), "OK")
        disk.wait_until_durable()
        before = disk.info()
        expect((before["held_replies"], before["held_clients"], before["held_bytes"]), ("0", "0", "0"))
        expect(before["aof_appended_batch"], before["aof_durable_batch"])
        disk.stop()
        writer.send(encode("SET", "k", "w") * 3)
        disk.wait_for_held(1)
        reader.send(encode("GET", "k") * 2)
        disk.wait_for_held(2)
        during = disk.info()
        expect(during["held_bytes"], str(3 * len(b"+OK\r\n") + 2 * len(b"$1\r\nw\r\n")))
        expect(int(during["aof_appended_batch"]) > int(during["aof_durable_batch"]), True)
        expect(during["aof_durable_batch"], before["aof_durable_batch"])
        expect(int(during["aof_unsynced_bytes"]) >= 3 * len(encode("SET", "k", "w")), True)
        expect(int(during["held_by_write_total"]) - int(before["held_by_write_total"]), 3)
        expect(int(during["held_by_read_total"]) - int(before["held_by_read_total"]), 2)
        expect(int(during["aof_oldest_unsynced_usec"]) > 0, True)
        disk.go()
        writer.read_replies(3), reader.read_replies(2)
        disk.wait_until_durable()
        after = disk.info()
        expect((after["held_replies"], after["held_clients"], after["held_bytes"]), ("0", "0", "0"))
        expect(after["aof_appended_batch"], after["aof_durable_batch"])
        expect(int(after["aof_fsyncs"]) > int(before["aof_fsyncs"]), True)
        expect(after["aof_oldest_unsynced_usec"], "0")


@test(on="martlet")
def slow_syncs_are_latency_events(start):
    server, disk = always(start, "latency-monitor-threshold 1")
    with server.connect() as writer:
        for _ in range(50):
            expect(writer.call("SET", "k", b"v" * (4 << 20)), "OK")
            events = {event[0] for event in writer.call("LATENCY", "LATEST")}
            if b"aof-fsync-always" in events:
                break
        else:
            raise AssertionError(f"no event for any of 50 syncs of 4 MiB: {events}")
        expect(len(writer.call("LATENCY", "HISTORY", "aof-fsync-always")) > 0, True)


# Back-pressure


@test(on="martlet")
def writers_wait_above_the_high_mark(start):
    server, disk = always(start, "aof-unsynced-high-mark 64kb", "aof-unsynced-hard-limit 16mb")
    value = b"v" * 4096
    with server.connect() as writer:
        expect(writer.call("SET", "clean", "1"), "OK")
        disk.stop()
        # It is read no further, so that sending waits as well.
        sending = threading.Thread(target=writer.send, args=(b"".join(encode("SET", f"k{number}", value) for number in range(1000)),))
        sending.start()
        wait_until(lambda: disk.info("writers_throttled") == 1, 20, "throttled writers")
        unsynced = disk.info("aof_unsynced_bytes")
        expect(unsynced < 3 << 20, True, f"{unsynced} bytes of 4 MB were taken")
        expect(disk.expect_answered(("GET", "clean"), ("PING",)), [b"1", "PONG"])
        late = server.connect()
        late.send_command("SET", "late", "1")
        expect(disk.expect_answered(("GET", "late")), [None], "the write waits, it has not run")
        expect(late.is_silent(), True)
        expect(disk.info("aof_unsynced_bytes"), unsynced, "what a turn had begun was taken, and nothing since")
        disk.go()
        sending.join()
        expect(set(writer.read_replies(1000)), {"OK"})
        expect(late.read(), "OK")
        wait_until(lambda: disk.info("writers_throttled") == 0, 20, "the end of throttling")
        expect(disk.info("writers_throttled_total") >= 1, True)
        expect(writer.call("DBSIZE"), 1002)


@test(on="martlet")
def writes_are_refused_above_the_hard_limit(start):
    server, disk = always(start, "aof-unsynced-high-mark 0", "aof-unsynced-hard-limit 64kb")
    refusal = "MISCONF The log waits for the disk*"
    with server.connect() as writer:
        expect(writer.call("SET", "clean", "1"), "OK")
        disk.stop()
        waiting, = disk.expect_held(("SET", "large", b"v" * 100_000))
        replies = disk.expect_answered(("SET", "k", "v"), ("DEL", "clean"), ("FLUSHALL",), ("GET", "clean"), ("ECHO", "x"), ("PING",))
        # PING is refused too, as in Redis: who asks whether the server is well shall hear that it is not.
        for reply in replies[:3] + replies[5:]:
            expect_error(reply, refusal)
        expect(replies[3:5], [b"1", b"x"])
        disk.go()
        expect(waiting.read(), "OK")
        disk.wait_until_durable()
        expect(writer.call("SET", "k", "v"), "OK")
        expect(writer.call("MGET", "k", "clean"), [b"v", b"1"], "what was refused has not run")


# The end


@test(on="martlet")
def a_polite_end_delivers_what_is_held(start):
    for end in ("signal", "SHUTDOWN", "SHUTDOWN NOSAVE"):
        server, disk = always(start)
        writer, reader, shutter = server.connect(), server.connect(), server.connect()
        disk.stop()
        writer.send_command("SET", "k", "v")
        disk.wait_for_held(1)
        reader.send_command("GET", "k")
        disk.wait_for_held(2)
        if end == "signal":
            expect(server.stop(signal.SIGTERM), 0)
        else:
            shutter.send_command(*end.split())
            expect(server.wait_exit(), 0)
        expect(writer.read_until_closed(), b"+OK\r\n", end)
        expect(reader.read_until_closed(), b"$1\r\nv\r\n", end)
        server.restart()
        expect(server.call("GET", "k"), b"v", end)


@test(on="martlet")
def a_violent_end_delivers_nothing(start):
    server, disk = always(start)
    writer = server.connect()
    expect(writer.call("SET", "safe", "1"), "OK")
    disk.stop()
    writer.send_command("SET", "k", "v")
    disk.wait_for_held(1)
    server.restart(signal.SIGKILL)
    expect(writer.read_until_closed(), b"")
    expect(server.call("MGET", "safe", "k"), [b"1", None])


@test(on="martlet")
def a_rewrite_while_replies_are_held(start):
    server, disk = always(start)
    with server.connect() as writer:
        expect(writer.call("SET", "before", "1"), "OK")
        disk.stop()
        held, = disk.expect_held(("SET", "k", "v"))
        expect(disk.observer.call("BGREWRITEAOF"), "Background append only file rewriting started")
        later, = disk.expect_held(("SET", "l", "w"))
        expect(disk.info("aof_rewrite_in_progress"), 1, "it needs the old file to be durable")
        reading, = disk.expect_held(("MGET", "k", "l"))
        disk.go()
        expect((held.read(), later.read(), reading.read()), ("OK", "OK", [b"v", b"w"]))
        wait_until(lambda: disk.info("aof_rewrites") == 1 and disk.info("aof_rewrite_in_progress") == 0, 20, "the rewrite")
        for number in range(20):
            # Scheduled while the files that the one before has replaced are still being removed.
            expect(writer.call("BGREWRITEAOF").startswith("Background append only file rewriting "), True)
            expect(writer.call("SET", "n", number), "OK")
            wait_until(lambda: disk.info("aof_rewrites") == number + 2, 20, "the rewrite")
    server.restart(signal.SIGKILL)
    expect(server.call("MGET", "before", "k", "l", "n"), [b"1", b"v", b"w", b"19"])


@test(on="martlet")
def what_a_group_was_given_is_dirty(start):
    """XREADGROUP reads a stream, says COMMAND, but changes its group: who asks for that waits."""
    server, disk = always(start)
    with server.connect() as client:
        client.call("XADD", "s", "1-1", "f", "v")
        client.call("XGROUP", "CREATE", "s", "g", "0")
        disk.stop()
        waiting = disk.expect_held(("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"), ("XPENDING", "s", "g"))
        disk.go()
        expect(waiting[1].read() and len(waiting[0].read()), 1)
