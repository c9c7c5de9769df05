"""test_client_memory.py: maxmemory-clients: who makes the server hold most has to go, and nobody else."""
from harness.resp import Closed, encode, wait_until
from harness.runner import expect, expect_error, test
from harness.server import parse_info

MIB = 1 << 20


def evicted(client):
    return int(parse_info(client.call("INFO", "stats"))["evicted_clients"])


def part_of_a_request(client, count, value=2 * MIB):
    """Begins a SET of a long value and leaves it unfinished behind `count` bytes, or when it is cut off."""
    try:
        client.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % value + b"v" * count)
    except (Closed, OSError):
        pass


def is_cut_off(client):
    try:
        client.socket.settimeout(60)
        return client.socket.recv(1) == b""
    except ConnectionResetError:
        return True


@test(on="martlet redis valkey")
def the_heaviest_go_first(start):
    server = start()
    with server.connect() as control:
        expect(control.call("CLIENT", "NO-EVICT", "ON"), "OK")
        expect(control.call("CONFIG", "SET", "maxmemory-clients", 8 * MIB), "OK")
        light = [server.connect() for _ in range(10)]
        heavy = [server.connect() for _ in range(3)]
        for client in heavy[:2]:
            part_of_a_request(client, MIB, MIB + 1)
        for client in light:
            expect(client.call("PING"), "PONG")
        part_of_a_request(heavy[2], 6 * MIB, 7 * MIB)
        assert is_cut_off(heavy[2])
        wait_until(lambda: evicted(control) >= 1, 10, "an eviction")
        for client in light:
            expect(client.call("PING"), "PONG")
            client.close()
        for client in heavy:
            client.close()


@test(on="martlet redis valkey")
def answers_that_nobody_reads_count(start):
    server = start("client-output-buffer-limit normal 0 0 0")
    with server.connect() as control, server.connect(receive_buffer=4096) as deaf:
        expect(control.call("CLIENT", "NO-EVICT", "ON"), "OK")
        expect(control.call("SET", "large", b"v" * MIB), "OK")
        expect(control.call("CONFIG", "SET", "maxmemory-clients", 16 * MIB), "OK")
        try:
            deaf.send(encode("GET", "large") * 40)
            wait_until(lambda: evicted(control) == 1, 20, "an eviction")
        except (Closed, OSError):
            pass
        expect(evicted(control), 1)
        expect(control.call("CONFIG", "RESETSTAT"), "OK")
        expect(evicted(control), 0)


@test(on="martlet redis valkey")
def who_asked_not_to_be_evicted_stays(start):
    server = start()
    with server.connect() as control, server.connect() as kept:
        expect(control.call("CLIENT", "NO-EVICT", "ON"), "OK")
        expect(kept.call("CLIENT", "NO-EVICT", "ON"), "OK")
        expect(control.call("CONFIG", "SET", "maxmemory-clients", 2 * MIB), "OK")
        part_of_a_request(kept, 3 * MIB, 4 * MIB)
        with server.connect() as other:
            # It weighs little, and is all that may go.
            try:
                other.send(encode("PING"))
                wait_until(lambda: evicted(control) >= 1, 10, "an eviction")
            except (Closed, OSError):
                pass
            other.read_until_closed()
        kept.send(b"v" * MIB + b"\r\n")
        expect(kept.read(), "OK")
        expect(control.call("STRLEN", "k"), 4 * MIB)


@test(on="martlet redis valkey")
def no_limit_again(start):
    server = start("maxmemory-clients 4mb")
    with server.connect() as control, server.connect() as client:
        expect(control.call("CLIENT", "NO-EVICT", "ON"), "OK")
        expect(control.call("CONFIG", "SET", "maxmemory-clients", 0), "OK")
        part_of_a_request(client, 8 * MIB, 9 * MIB)
        client.send(b"v" * MIB + b"\r\n")
        expect(client.read(), "OK")
        expect(evicted(control), 0)
        # What it holds now is weighed when there is a limit again.
        with server.connect() as heavy:
            part_of_a_request(heavy, 8 * MIB, 9 * MIB)
            wait_until(lambda: "qbuf" in control.call("CLIENT", "LIST").decode(), 10, "a list")
            expect(control.call("CONFIG", "SET", "maxmemory-clients", "4mb"), "OK")
            assert is_cut_off(heavy)
        expect_error(control.call("CONFIG", "SET", "maxmemory-clients", "101%"), "ERR CONFIG SET failed*")


@test(on="martlet")
def a_thousand_half_sent_requests_stay_below_the_limit(start):
    """The sum stays at the limit, whatever the threads have not told yet."""
    server = start()
    with server.connect() as control:
        expect(control.call("CLIENT", "NO-EVICT", "ON"), "OK")
        expect(control.call("CONFIG", "SET", "maxmemory-clients", 64 * MIB), "OK")
        clients = []
        for _ in range(200):
            client = server.connect()
            clients.append(client)
            part_of_a_request(client, 600_000, MIB)
        wait_until(lambda: evicted(control) >= 100, 20, "evictions")

        def total():
            lines = control.call("CLIENT", "LIST").decode().splitlines()
            return sum(int(line.split("tot-mem=")[1].split()[0]) for line in lines)
        wait_until(lambda: total() <= 64 * MIB * 1.05, 20, "a sum below the limit")
        assert total() > 32 * MIB, total()
        for client in clients:
            client.close()


@test(on="martlet redis valkey")
def what_is_queued_and_watched_counts(start):
    server = start()
    with server.connect() as control, server.connect() as queuing, server.connect() as watching:
        expect(control.call("CLIENT", "NO-EVICT", "ON"), "OK")
        expect(control.call("CONFIG", "SET", "maxmemory-clients", 4 * MIB), "OK")
        queuing.call("MULTI")
        try:
            for _ in range(100):
                queuing.send(encode("SET", "k", "v" * 100_000))
                if evicted(control) == 1:
                    break
        except (Closed, OSError):
            pass
        wait_until(lambda: evicted(control) == 1, 10, "an eviction")
        try:
            for number in range(0, 400_000, 1_000):
                watching.send(encode("WATCH", *[f"key{number + other}" for other in range(1_000)]))
                if evicted(control) == 2:
                    break
        except (Closed, OSError):
            pass
        wait_until(lambda: evicted(control) == 2, 10, "another")
        wait_until(lambda: parse_info(control.call("INFO", "clients")).get("total_watched_keys", "0") == "0", 10,
                   "nobody who watches")
