"""test_transactions.py: nothing comes between the requests of a transaction, and a watched key that changes stops it."""
import os
import threading

from harness.resp import Error, encode, wait_until
from harness.runner import expect, expect_error, skip, test
from harness.server import flavour, parse_info
from test_held_replies import always

THREADS = ("io-threads 3", "io-threads-always-active yes")


def ran(client, *commands):
    """MULTI, the commands, EXEC: what EXEC answers."""
    replies = client.pipeline(("MULTI",), *commands, ("EXEC",))
    expect(replies[:-1], ["OK"] + ["QUEUED"] * len(commands))
    return replies[-1]


def everyone(server, work, clients):
    """`work(number, client)` on so many connections at once; complaints are raised here."""
    complaints = []

    def body(number):
        try:
            with server.connect(timeout=60.0) as client:
                work(number, client)
        except Exception as complaint:
            complaints.append(complaint)

    workers = [threading.Thread(target=body, args=(number,)) for number in range(clients)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if complaints:
        raise complaints[0]


def number_of(client, field, section="clients"):
    return int(parse_info(client.call("INFO", section))[field])


# Nothing comes between


def transfers(start, *lines):
    """Clients move sums between accounts; whoever looks sees all of each move or nothing."""
    server = start(*lines)
    accounts = [f"account{number}" for number in range(8)]
    with server.connect() as client:
        client.call("MSET", *[word for name in accounts for word in (name, 100)])
        rounds = 150

        def work(number, client):
            for turn in range(rounds):
                if number % 2:
                    expect(sum(map(int, ran(client, *[("GET", name) for name in accounts]))), 800)
                    continue
                source, target = accounts[(number + turn) % 8], accounts[(number * 3 + turn * 5 + 1) % 8]
                reply = ran(client, ("DECRBY", source, turn % 9), ("GET", "nothing"), ("INCRBY", target, turn % 9))
                expect([len(reply), reply[1]], [3, None])

        everyone(server, work, 8)
        expect(sum(map(int, client.call("MGET", *accounts))), 800)
        stats = server.info("commandstats")
        expect(stats["cmdstat_exec"].split(",")[0], f"calls={8 * rounds}")
        expect(stats["cmdstat_multi"].split(",")[0], f"calls={8 * rounds}")


@test
def transfers_are_seen_whole(start):
    transfers(start)


@test(on="martlet")
def transfers_are_seen_whole_with_threads(start):
    transfers(start, *THREADS)


@test(on="martlet")
def transfers_are_seen_whole_with_a_log(start):
    transfers(start, "appendonly yes", "appendfsync always", *THREADS)


@test
def a_pipeline_of_transactions_is_answered_in_order(start):
    server = start()
    with server.connect() as client:
        one = encode("MULTI") + encode("INCR", "n") + encode("GET", "n") + encode("EXEC") + encode("PING")
        data = one * 500
        for at in range(0, len(data), 977):
            client.send(data[at:at + 977])
        for number in range(1, 501):
            expect(client.read_replies(3), ["OK", "QUEUED", "QUEUED"])
            expect(client.read(), [number, str(number).encode()])
            expect(client.read(), "PONG")


@test(on="martlet")
def clients_move_between_threads_with_an_open_transaction(start):
    server = start("io-threads 1")
    clients = [server.connect() for _ in range(12)]
    with server.connect() as control:
        for client in clients:
            expect(client.pipeline(("WATCH", "untouched"), ("MULTI",), ("INCR", "n"), ("SELECT", 3)),
                   ["OK", "OK", "QUEUED", "QUEUED"])
        for threads in (4, 2, 3):
            expect(control.call("CONFIG", "SET", "io-threads", threads), "OK")
            for client in clients:
                expect(client.call("INCR", "n"), "QUEUED")
        expect(number_of(control, "watching_clients"), 12)
        for number, client in enumerate(clients):
            expect(client.call("EXEC"), [number + 1, "OK", *range(3 * number + 1, 3 * number + 4)])
            client.close()
        expect(number_of(control, "watching_clients"), 0)


@test
def large_words_are_kept(start):
    """Queued in memory of their own, taken over by SET, and let go of with a transaction that does not run."""
    server = start()
    with server.connect() as client:
        big = os.urandom(3 << 20)
        reply = ran(client, ("SET", "a", big), ("APPEND", "a", "x"), ("SET", "b", big), ("RPUSH", "l", big, "y"),
                    ("STRLEN", "a"), ("GETRANGE", "b", 0, 9))
        expect(reply, ["OK", len(big) + 1, "OK", 2, len(big) + 1, big[:10]])
        expect(client.call("GET", "a") == big + b"x" and client.call("GET", "b") == big, True)
        client.call("FLUSHALL", "SYNC")
        for end in (("DISCARD",), ("RESET",), ("NOSUCH",)):
            expect(client.pipeline(("MULTI",), ("SET", "a", big), end)[:2], ["OK", "QUEUED"])
            client.call("EXEC")
        with server.connect() as other:
            other.pipeline(("MULTI",), ("SET", "a", big))
        expect(client.call("EXISTS", "a"), 0)


@test
def what_is_queued_counts_as_input(start):
    """client-query-buffer-limit: a transaction cannot grow beyond what a client may make the server hold."""
    if flavour() == "redis":
        skip("Redis 7.0 does not count it")
    server = start("client-query-buffer-limit 1mb")
    with server.connect() as client, server.connect() as other:
        client.call("MULTI")
        try:
            for _ in range(40):
                client.send(encode("SET", "k", "x" * 60_000))
            data = client.read_until_closed()
        except (BrokenPipeError, ConnectionResetError, EOFError):
            data = b""
        expect(data.count(b"+QUEUED") < 30, True)
        wait_until(lambda: number_of(other, "connected_clients") == 1, 10, "the end of the client")
        expect(number_of(other, "client_query_buffer_limit_disconnections", "stats"), 1)
        expect(other.call("EXISTS", "k"), 0)


# WATCH


def counted_up(start, *lines):
    server = start(*lines)

    def work(number, client):
        mine = 0
        while mine < 40:
            expect(client.call("WATCH", "n"), "OK")
            now = int(client.call("GET", "n") or 0)
            reply = ran(client, ("SET", "n", now + 1), ("INCR", "tries"))
            if reply is not None:
                mine += 1

    everyone(server, work, 10)
    with server.connect() as client:
        expect(client.call("MGET", "n", "tries"), [b"400", b"400"])


@test
def nobody_is_lost_who_counts_by_watching(start):
    counted_up(start)


@test(on="martlet")
def nobody_is_lost_who_counts_by_watching_with_threads(start):
    counted_up(start, *THREADS)


@test
def all_who_watch_a_key_are_told(start):
    server = start()
    watchers = [server.connect() for _ in range(200)]
    with server.connect() as client:
        for number, watcher in enumerate(watchers):
            watcher.call("WATCH", "k", *[f"k{number}:{other}" for other in range(20)], "k")
        if flavour() != "redis":
            expect(number_of(client, "watching_clients"), 200)
            expect(number_of(client, "total_watched_keys"), 4001)
        for watcher in watchers[:50]:
            expect(watcher.call("UNWATCH"), "OK")
        for watcher in watchers[50:60]:
            watcher.close()
        server.wait_for_clients(191)
        client.call("SET", "k", 1)
        for number, watcher in enumerate(watchers[:50] + watchers[60:]):
            expect(ran(watcher, ("PING",)), ["PONG"] if number < 50 else None)
        if flavour() != "redis":
            expect([number_of(client, "watching_clients"), number_of(client, "total_watched_keys")], [0, 0])
    for watcher in watchers:
        watcher.close()


@test
def what_is_served_to_waiters_counts_as_changed(start):
    """The push that a waiting client takes away changes its list, and so does what BLMOVE puts elsewhere."""
    server = start()
    with server.connect() as client, server.connect() as waiter, server.connect() as one, server.connect() as two:
        waiter.send_command("BLMOVE", "from", "to", "LEFT", "RIGHT", 0)
        wait_until(lambda: number_of(client, "blocked_clients") == 1, 10, "a client that waits")
        one.call("WATCH", "from")
        two.call("WATCH", "to")
        expect(ran(client, ("SET", "x", 1)), ["OK"])
        expect(client.call("RPUSH", "from", "a"), 1)
        expect(waiter.read(), b"a")
        expect([ran(one, ("PING",)), ran(two, ("PING",))], [None, None])


# Pauses and refusals


@test
def a_pause_of_writers_holds_exec_that_writes(start):
    server = start()
    with server.connect() as client, server.connect() as writer, server.connect() as reader:
        writer.pipeline(("MULTI",), ("SET", "k", 1))
        reader.pipeline(("MULTI",), ("GET", "k"))
        client.call("CLIENT", "PAUSE", 100_000, "WRITE")
        writer.send_command("EXEC")
        expect(reader.call("EXEC"), [None])
        wait_until(lambda: number_of(client, "blocked_clients") == 1, 10, "a client that waits")
        expect(writer.is_silent(), True)
        expect(client.call("GET", "k"), None)
        client.call("CLIENT", "UNPAUSE")
        expect(writer.read(), ["OK"])


@test(on="martlet")
def exec_is_refused_as_its_writes_are(start):
    """What was queued while the server took writes is refused as a whole when it does not any more."""
    server, disk = always(start, "aof-unsynced-high-mark 0", "aof-unsynced-hard-limit 64kb")
    with server.connect() as writer, server.connect() as reader, server.connect() as client:
        writer.pipeline(("MULTI",), ("SET", "k", 1))
        reader.pipeline(("MULTI",), ("GET", "k"))
        disk.stop()
        client.send_command("SET", "big", "x" * 100_000)
        disk.wait_for_held(1)
        wait_until(lambda: isinstance(server.call("SET", "other", 1), Error), 10, "refused writes")
        expect_error(writer.call("EXEC"), "EXECABORT Transaction discarded because of: MISCONF The log waits*")
        expect_error(writer.call("EXEC"), "ERR EXEC without MULTI")
        expect(reader.call("EXEC"), [None])
        expect(writer.call("MULTI"), "OK")
        expect_error(writer.call("SET", "k", 1), "MISCONF*")
        disk.go()
        expect(client.read(), "OK")
        expect_error(writer.call("EXEC"), "EXECABORT Transaction discarded because of previous errors.")


@test(on="martlet")
def exec_waits_for_the_image_of_what_it_changes(start):
    """One of the large values is still to be written: who queues a change of both waits with EXEC, not before."""
    server = start()
    with server.connect() as client, server.connect() as writer:
        client.call("SELECT", 2)
        for name in ("one", "two"):
            client.call("SADD", name, *range(5_000))
        for number in range(20):
            client.call("SET", f"small{number}", number)
        client.call("CONFIG", "SET", "rdb-key-save-delay", 60_000_000)
        expect(client.call("BGSAVE"), "Background saving started")
        queued = [("SELECT", 2), ("SADD", "one", "new"), ("SADD", "two", "new")]
        expect(writer.pipeline(("MULTI",), *queued), ["OK"] + ["QUEUED"] * 3)
        writer.send_command("EXEC")
        wait_until(lambda: number_of(client, "writers_parked", "persistence") == 1, 10, "a writer that waits")
        expect(writer.is_silent(), True)
        expect(ran(client, ("SCARD", "one"), ("SCARD", "two"), ("SET", "small1", "x")), [5_000, 5_000, "OK"])
        client.call("CONFIG", "SET", "rdb-key-save-delay", 0)
        expect(writer.read(), ["OK", 1, 1])
        expect(client.call("SCARD", "one"), 5_001)


# Answers that wait for the disk


@test(on="martlet")
def exec_is_answered_as_a_whole_when_it_is_durable(start):
    server, disk = always(start)
    with server.connect() as writer, server.connect() as reader, server.connect() as third:
        writer.call("SET", "clean", 1)
        disk.stop()
        expect(writer.pipeline(("MULTI",), ("GET", "clean"), ("SET", "k", 1), ("SELECT", 2), ("SET", "j", 1)),
               ["OK"] + ["QUEUED"] * 4)
        writer.send_command("EXEC")
        disk.wait_for_held(1)
        expect(writer.is_silent(), True)
        # Reads of clean keys and of none do not wait, and neither does what runs nothing.
        expect(ran(reader, ("GET", "clean"), ("PING",)), [b"1", "PONG"])
        expect(reader.pipeline(("MULTI",), ("GET", "k"), ("DISCARD",)), ["OK", "QUEUED", "OK"])
        disk.expect_answered(("GET", "clean"), ("GET", "j"))
        # Both databases are dirty, and EXEC waits for what it reads.
        waiting = disk.expect_held(("GET", "k")) + disk.expect_held(("GET", "j"), database=2)
        third.pipeline(("MULTI",), ("PING",), ("GET", "k"))
        third.send_command("EXEC")
        disk.wait_for_held(4)
        disk.go()
        expect(writer.read(), [b"1", "OK", "OK", "OK"])
        expect(third.read(), ["PONG", b"1"])
        expect([connection.read() for connection in waiting], [b"1", b"1"])


@test(on="martlet")
def that_a_watched_key_changed_is_told_when_the_change_is_durable(start):
    server, disk = always(start)
    with server.connect() as watcher, server.connect() as writer:
        watcher.pipeline(("WATCH", "k"), ("MULTI",), ("GET", "other"))
        disk.stop()
        writer.send_command("SET", "k", 1)
        disk.wait_for_held(1)
        watcher.send_command("EXEC")
        disk.wait_for_held(2)
        expect(watcher.is_silent(), True)
        disk.go()
        expect([writer.read(), watcher.read()], ["OK", None])


@test(on="martlet")
def flushall_within_a_transaction_leaves_nobody_waiting(start):
    server, disk = always(start)
    with server.connect() as writer:
        disk.stop()
        writer.pipeline(("MULTI",), ("SET", "a", 1), ("FLUSHALL",), ("SET", "b", 1))
        writer.send_command("EXEC")
        disk.wait_for_held(1)
        waiting = disk.expect_held(("GET", "a"), ("GET", "b"), ("GET", "c"))
        disk.go()
        expect(writer.read(), ["OK", "OK", "OK"])
        expect([connection.read() for connection in waiting], [None, b"1", None])
        disk.wait_until_durable()
        disk.stop()
        disk.expect_answered(("GET", "a"), ("GET", "b"), ("GET", "c"))
        disk.go()
