"""test_tracking.py: who hears that a copy is no good any more: redirected, by the table of changes, when durable."""
from harness.resp import Push, wait_until
from harness.runner import expect, test
from harness.server import parse_info
from test_watching import TABLE
ALL = "martlet redis valkey"
CHANNEL = b"__redis__:invalidate"


def figure(client, section, name):
    return int(parse_info(client.call("INFO", section))[name])


@test(on=ALL)
def messages_are_redirected(start):
    server = start()
    with server.connect() as client, server.connect() as other, server.connect() as ear:
        ear_id = ear.call("CLIENT", "ID")
        expect(ear.call("SUBSCRIBE", CHANNEL), [b"subscribe", CHANNEL, 1])
        expect(client.call("CLIENT", "TRACKING", "ON", "REDIRECT", ear_id), "OK")
        expect(client.call("CLIENT", "GETREDIR"), ear_id)
        client.call("MGET", "a", "b")
        other.call("SET", "a", "1")
        expect(ear.read(), [b"message", CHANNEL, [b"a"]])
        other.call("FLUSHALL")
        expect(ear.read(), [b"message", CHANNEL, None])
        expect(client.call("CLIENT", "TRACKING", "OFF"), "OK")
        expect(client.call("CLIENT", "TRACKING", "ON", "BCAST", "REDIRECT", ear_id, "PREFIX", "x"), "OK")
        other.call("MSET", "x2", "1", "x1", "1", "y", "1")
        expect(ear.read(), [b"message", CHANNEL, [b"x1", b"x2"]])


@test(on=ALL)
def a_redirection_to_somebody_in_resp3_is_a_push(start):
    server = start()
    with server.connect() as client, server.connect() as other, server.connect(protocol=3) as ear:
        ear_id = ear.call("CLIENT", "ID")
        expect(client.call("CLIENT", "TRACKING", "ON", "REDIRECT", ear_id), "OK")
        client.call("GET", "a")
        other.call("SET", "a", "1")
        message = ear.read()
        expect((message, isinstance(message, Push)), ([b"invalidate", [b"a"]], True))


@test(on=ALL)
def a_redirection_to_nobody_is_told(start):
    server = start()
    with server.connect(protocol=3) as client, server.connect() as other:
        ear = server.connect()
        ear_id = ear.call("CLIENT", "ID")
        expect(client.call("CLIENT", "TRACKING", "ON", "REDIRECT", ear_id), "OK")
        client.call("GET", "a")
        ear.close()
        wait_until(lambda: b"id=%d " % ear_id not in other.call("CLIENT", "LIST"), 20, "the ear is gone")
        other.call("SET", "a", "1")
        expect(client.read(), [b"tracking-redir-broken", ear_id])
        info = client.call("CLIENT", "TRACKINGINFO")
        expect(sorted(info["flags"]), [b"broken_redirect", b"on"])
        line = client.call("CLIENT", "INFO")
        assert b" flags=tR " in line and b" redir=%d " % ear_id in line, line


@test(on="martlet")
def whatever_changes_a_key_is_told_as_to_those_who_watch(start):
    """The table of test_watching, asked by copies instead of WATCH, in both modes."""
    server = start()
    with server.connect() as client, server.connect(protocol=3) as copies, server.connect(protocol=3) as prefixes:
        for line in TABLE.strip("\n").splitlines():
            before, commands, changed = (part.strip() for part in line.split("=>"))
            # Copies are of keys in any database, and of databases as a whole nobody hears a key's name.
            if any(word in commands for word in ("DB 1", "MOVE", "SWAPDB", "FLUSH", "SELECT")):
                continue
            client.pipeline(("FLUSHALL",), ("SELECT", 0))
            for command in filter(None, before.split(" ; ")):
                client.call(*command.split())
            expect(copies.call("CLIENT", "TRACKING", "ON"), "OK")
            expect(prefixes.call("CLIENT", "TRACKING", "ON", "BCAST"), "OK")
            copies.call("EXISTS", "a", "b", "c", "d")
            for command in commands.split(" ; "):
                client.call(*command.split())
            for listener in (copies, prefixes):
                told = set()
                listener.send_command("CLIENT", "TRACKING", "OFF")
                while isinstance(reply := listener.read(), Push):
                    told |= {key.decode() for key in reply[1]}
                expect(told, set(changed.split()), line)


@test(on=ALL)
def the_table_is_bounded(start):
    server = start("tracking-table-max-keys 100")
    with server.connect(protocol=3) as client, server.connect() as other:
        expect(client.call("CLIENT", "TRACKING", "ON"), "OK")
        client.send_command("MGET", *[f"key:{number}" for number in range(1000)])
        answer, forgotten = None, 0
        while answer is None or forgotten < 900:
            reply = client.read()
            if isinstance(reply, Push):
                forgotten += len(reply[1])
            else:
                answer = reply
        expect(len(answer), 1000)
        expect(figure(other, "stats", "tracking_total_keys"), 100)
        expect(client.call("CLIENT", "TRACKING", "OFF"), "OK")
        expect(figure(other, "clients", "tracking_clients"), 0)


@test(on="martlet")
def who_goes_is_forgotten(start):
    server = start()
    with server.connect() as control:
        clients = [server.connect(protocol=3) for _ in range(20)]
        for client in clients:
            expect(client.call("CLIENT", "TRACKING", "ON"), "OK")
            client.call("MGET", *[f"key:{number}" for number in range(500)])
        expect(figure(control, "stats", "tracking_total_keys"), 500)
        expect(figure(control, "stats", "tracking_total_items"), 10_000)
        for client in clients:
            client.close()
        wait_until(lambda: figure(control, "clients", "tracking_clients") == 0, 20, "all gone")
        expect(figure(control, "stats", "tracking_total_items"), 0)


@test(on="martlet")
def a_copy_made_by_a_long_command_is_known_from_its_beginning(start):
    server = start("enable-debug-command yes")
    with server.connect() as control, server.connect(protocol=3) as client:
        fields = [item for number in range(1000) for item in (f"field:{number}", "v")]
        expect(control.call("HSET", "h", *fields), 1000)
        expect(control.call("DEBUG", "SET-SLICE", 5), "OK")
        expect(control.call("DEBUG", "PAUSE-LONG", 1), "OK")
        expect(client.call("CLIENT", "TRACKING", "ON"), "OK")
        client.send_command("HGETALL", "h")
        wait_until(lambda: figure(control, "stats", "long_commands_under_way") == 1, 20, "a paused command")
        expect(control.call("DEL", "h"), 1)
        expect(control.call("DEBUG", "PAUSE-LONG", 0), "OK")
        expect(len(client.read()), 1000)
        expect(client.read(), [b"invalidate", [b"h"]])


@test(on="martlet")
def with_always_invalidations_wait_for_the_disk(start):
    server = start("appendonly yes", "appendfsync always", "enable-debug-command yes")
    with server.connect() as control, server.connect(protocol=3) as copies, server.connect(protocol=3) as prefixes, \
            server.connect() as writer:
        expect(copies.call("CLIENT", "TRACKING", "ON"), "OK")
        expect(prefixes.call("CLIENT", "TRACKING", "ON", "BCAST"), "OK")
        copies.call("MGET", "a", "b")
        expect(control.call("DEBUG", "reply-blocking-pause", "aof"), "OK")
        writer.send_command("SET", "a", "v")
        held = lambda: figure(control, "everything", "held_clients")
        wait_until(lambda: held() == 3, 20, "the writer and both listeners held")
        expect((copies.is_silent(), prefixes.is_silent(), writer.is_silent()), (True, True, True))
        expect(control.call("DEBUG", "reply-blocking-resume", "aof"), "OK")
        expect(writer.read(), "OK")
        expect(copies.read(), [b"invalidate", [b"a"]])
        expect(prefixes.read(), [b"invalidate", [b"a"]])
        # A SET and a FLUSHALL keep their order.
        expect(control.call("DEBUG", "reply-blocking-pause", "aof"), "OK")
        writer.send_command("SET", "b", "v")
        wait_until(lambda: held() == 3, 20, "held again")
        writer.send_command("FLUSHALL")
        expect(control.call("DEBUG", "reply-blocking-resume", "aof"), "OK")
        expect(writer.read_replies(2), ["OK", "OK"])
        expect([copies.read(), copies.read()], [[b"invalidate", [b"b"]], [b"invalidate", None]])
