"""test_pubsub.py: messages to many, to the slow, to those in the middle of an answer, and to those who go."""
from harness.resp import Closed, Push, encode, wait_until
from harness.runner import expect, expect_error, test
from harness.server import parse_info

ALL = "martlet redis valkey"


def field(client, section, name):
    return int(parse_info(client.call("INFO", section))[name])


def described(client, filter_name, value):
    line = client.call("CLIENT", "LIST", filter_name, value).decode().strip()
    return dict(part.partition("=")[::2] for part in line.split(" "))


@test(on=ALL)
def one_message_reaches_a_thousand(start):
    server = start()
    with server.connect() as control:
        listeners = [server.connect(protocol=3 if number % 2 else 2) for number in range(1000)]
        for listener in listeners:
            listener.send_command("SUBSCRIBE", "news")
        for listener in listeners:
            expect(listener.read(), [b"subscribe", b"news", 1])
        for text in (b"short", b"long" * 5000):
            expect(control.call("PUBLISH", "news", text), 1000)
            for number, listener in enumerate(listeners):
                message = listener.read()
                expect(message, [b"message", b"news", text])
                expect(isinstance(message, Push), number % 2 == 1)
        for listener in listeners[::2]:
            listener.close()
        wait_until(lambda: control.call("PUBSUB", "NUMSUB", "news")[1] == 500, 20, "half of them gone")
        expect(control.call("PUBLISH", "news", "x"), 500)
        for listener in listeners[1::2]:
            expect(listener.read(), [b"message", b"news", b"x"])
            listener.close()
        wait_until(lambda: control.call("PUBSUB", "CHANNELS") == [], 20, "all of them gone")


@test(on=ALL)
def a_client_with_many_subscriptions_comes_and_goes(start):
    server = start()
    count = 30_000
    with server.connect() as control:
        clients = [server.connect() for _ in range(3)]
        names = [f"channel:{number}" for number in range(count)]
        for client in clients:
            client.send_command("SUBSCRIBE", *names)
        for client in clients:
            for number in range(count):
                expect(client.read(), [b"subscribe", names[number].encode(), number + 1])
        expect(len(control.call("PUBSUB", "CHANNELS")), count)
        expect(field(control, "stats", "pubsub_channels"), count)
        expect(control.call("PUBSUB", "NUMSUB", names[7]), [names[7].encode(), 3])
        clients[0].close()
        clients[1].send_command("UNSUBSCRIBE")
        for number in range(count):
            expect(clients[1].read()[2], count - number - 1)
        wait_until(lambda: control.call("PUBSUB", "NUMSUB", names[7])[1] == 1, 20, "two of them gone")
        expect(control.call("PUBLISH", names[count - 1], "x"), 1)
        expect(clients[2].read(), [b"message", names[count - 1].encode(), b"x"])
        clients[2].close()
        wait_until(lambda: field(control, "stats", "pubsub_channels") == 0, 20, "all of them gone")


@test(on="martlet redis")
def who_does_not_read_is_cut_off(start):
    server = start("client-output-buffer-limit pubsub 1mb 0 0")
    with server.connect() as control, server.connect(receive_buffer=4096) as deaf, server.connect() as keen:
        for client in (deaf, keen):
            expect(client.call("SUBSCRIBE", "c"), [b"subscribe", b"c", 1])
        text = b"x" * 100_000
        sent = 0
        while control.call("PUBLISH", "c", text) == 2:
            expect(keen.read(), [b"message", b"c", text])
            sent += 1
            assert sent < 2000, "a client that never reads was told without end"
        expect(keen.read(), [b"message", b"c", text])
        wait_until(lambda: control.call("PUBSUB", "NUMSUB", "c") == [b"c", 1], 20, "the other one left")
        # Its own limit, not that of others.
        expect(control.call("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0"), "OK")
        expect(control.call("PUBLISH", "c", b"y" * 3_000_000), 1)
        expect(len(keen.read()[2]), 3_000_000)


@test(on="martlet valkey")
def who_tells_itself_too_much_is_cut_off(start):
    server = start("client-output-buffer-limit pubsub 1mb 0 0")
    with server.connect() as control, server.connect(protocol=3, receive_buffer=4096) as client:
        expect(client.call("SUBSCRIBE", "c"), [b"subscribe", b"c", 1])
        try:
            client.send(encode("MULTI") + encode("PUBLISH", "c", b"x" * 100_000) * 80 + encode("EXEC"))
        except (Closed, OSError):
            pass
        wait_until(lambda: control.call("PUBSUB", "NUMSUB", "c") == [b"c", 0], 20, "gone")
        expect(control.call("PING"), "PONG")


@test(on="martlet")
def a_message_does_not_come_between_the_parts_of_a_long_answer(start):
    server = start("enable-debug-command yes")
    with server.connect() as control, server.connect(protocol=3) as client:
        expect(control.call("DEBUG", "SET-SLICE", 1), "OK")
        fields = [item for number in range(3000) for item in (f"field:{number}", "v")]
        expect(control.call("HSET", "h", *fields), 3000)
        expect(client.call("SUBSCRIBE", "c"), [b"subscribe", b"c", 1])
        heard = 0
        for round_number in range(20):
            client.send_command("HGETALL", "h")
            told = sum(control.call("PUBLISH", "c", "x" * 100) for _ in range(20))
            expect(told, 20)
            answer = None
            while answer is None or heard < 20 * (round_number + 1):
                reply = client.read()
                if isinstance(reply, Push):
                    expect(reply, [b"message", b"c", b"x" * 100])
                    heard += 1
                else:
                    expect(len(reply), 3000)
                    answer = reply
        client.send_command("UNSUBSCRIBE", "c")
        expect(client.read(), [b"unsubscribe", b"c", 0])


@test(on=ALL)
def subscriptions_are_the_clients_memory(start):
    server = start()
    with server.connect() as control, server.connect() as client:
        own = client.call("CLIENT", "ID")
        before = int(described(control, "ID", own)["tot-mem"])
        names = [f"channel:{number}" for number in range(2000)]
        client.send_command("SUBSCRIBE", *names)
        for _ in names:
            client.read()
        wait_until(lambda: int(described(control, "ID", own)["omem"]) == 0, 10, "all of it sent")
        after = described(control, "ID", own)
        expect((after["sub"], after["flags"]), ("2000", "P"))
        assert int(after["tot-mem"]) >= before + 2000 * 8, (before, after["tot-mem"])


@test(on=ALL)
def the_timeout_is_not_for_those_who_listen(start):
    server = start("timeout 1")
    with server.connect() as client, server.connect() as idle:
        expect(client.call("SUBSCRIBE", "c"), [b"subscribe", b"c", 1])
        expect(idle.call("PING"), "PONG")
        # Whoever only waits is cut off; by then the other would have been, too.
        expect(idle.is_closed(20), True)
        with server.connect() as control:
            expect(control.call("PUBLISH", "c", "x"), 1)
        expect(client.read(), [b"message", b"c", b"x"])


@test(on=ALL)
def a_pause_of_writers_holds_messages(start):
    server = start()
    with server.connect() as control, server.connect() as client, server.connect() as teller:
        expect(client.call("SUBSCRIBE", "c"), [b"subscribe", b"c", 1])
        expect(control.call("CLIENT", "PAUSE", 100_000, "WRITE"), "OK")
        teller.send(encode("PUBLISH", "c", "x") + encode("SPUBLISH", "s", "x"))
        expect(control.call("GET", "k"), None)
        expect(client.is_silent(), True)
        expect(control.call("CLIENT", "UNPAUSE"), "OK")
        expect(teller.read_replies(2), [1, 0])
        expect(client.read(), [b"message", b"c", b"x"])
