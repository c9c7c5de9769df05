"""test_store.py: promises about many keys and large values."""
import random
import threading
import zlib

from harness.resp import Error, encode, wait_until
from harness.runner import expect, expect_error, test
from harness.server import parse_info


def fill(connection, count, prefix="key", size=10, chunk=10_000):
    """SET prefix:0 … prefix:count-1, pipelined."""
    value = "x" * size
    for first in range(0, count, chunk):
        last = min(first + chunk, count)
        connection.send(b"".join(encode("SET", f"{prefix}:{number}", value) for number in range(first, last)))
        for _ in range(first, last):
            reply = connection.read()
            if reply != "OK":
                raise AssertionError(reply)


def scan(connection, *options):
    """Every key of one complete SCAN, with repetitions."""
    cursor, keys = b"0", []
    while True:
        cursor, page = connection.call("SCAN", cursor, *options)
        keys += page
        if cursor == b"0":
            return keys


# SCAN


@test
def scan_returns_every_key(client):
    for count in (0, 1, 2, 10, 100, 1000, 20_000):
        client.call("FLUSHALL")
        fill(client, count)
        for options in ((), ("COUNT", 1), ("COUNT", 7), ("COUNT", 1000), ("COUNT", 1_000_000)):
            if count > 1000 and options in (("COUNT", 1), ("COUNT", 7)):
                continue
            keys = scan(client, *options)
            expect(len(set(keys)), count, f"{count} keys, {options}")


@test
def scan_of_an_unchanged_keyspace_repeats_nothing(client):
    fill(client, 5000)
    keys = scan(client, "COUNT", 100)
    expect((len(keys), len(set(keys))), (5000, 5000))


@test
def scan_filters(client):
    fill(client, 1000)
    fill(client, 100, prefix="other")
    expect(len(set(scan(client, "MATCH", "other:*"))), 100)
    expect(len(set(scan(client, "MATCH", "other:*", "COUNT", 5000))), 100)
    expect(len(set(scan(client, "MATCH", "*:5?"))), 20)
    expect(len(set(scan(client, "TYPE", "string"))), 1100)
    expect(len(set(scan(client, "TYPE", "list"))), 0)


@test
def scan_keeps_its_promise_while_keys_come_and_go(client):
    """Keys that were there from beginning to end are returned, however much the table grows and shrinks."""
    rng = random.Random(20_261_121)
    steady = 3000
    fill(client, steady, prefix="steady")
    for round_number in range(6):
        seen, cursor, serial = set(), b"0", 0
        pages = 0
        while True:
            cursor, page = client.call("SCAN", cursor, "COUNT", 50)
            seen.update(page)
            pages += 1
            if cursor == b"0":
                break
            if serial == 60:  # a table that always grows faster than it is scanned is never done
                continue
            if round_number % 3 == 0:  # the table grows
                fill(client, 300, prefix=f"new:{round_number}:{serial}")
            elif round_number % 3 == 1:  # the table shrinks
                doomed = [f"new:{round_number - 1}:{number}:{rng.randrange(300)}" for number in range(0, 200)]
                client.call("DEL", *doomed)
            else:  # both at once
                fill(client, 100, prefix=f"mix:{round_number}:{serial}")
                client.call("DEL", *[f"mix:{round_number}:{rng.randrange(serial + 1)}:{number}" for number in range(80)])
            serial += 1
        missing = [number for number in range(steady) if b"steady:%d" % number not in seen]
        expect(missing, [], f"round {round_number}, {pages} pages")


@test
def scan_over_a_table_that_empties(client):
    fill(client, 20_000, prefix="doomed")
    fill(client, 50, prefix="steady")
    cursor, page = client.call("SCAN", 0, "COUNT", 100)
    seen = set(page)
    for first in range(0, 20_000, 1000):
        client.call("DEL", *[f"doomed:{number}" for number in range(first, first + 1000)])
    while cursor != b"0":
        cursor, page = client.call("SCAN", cursor, "COUNT", 10)
        seen.update(page)
    expect([number for number in range(50) if b"steady:%d" % number not in seen], [])


@test
def scan_cursors_are_only_numbers(client):
    """Any cursor is answered, also those that were never handed out."""
    fill(client, 1000)
    for cursor in (1, 12345, 2**31, 2**53, 2**63, 2**64 - 1):
        reply = client.call("SCAN", cursor)
        assert isinstance(reply, list) and len(reply) == 2, reply


@test
def two_scans_at_once(client, server):
    fill(client, 2000)
    with server.connect() as other:
        one = [b"0", set()]
        two = [b"0", set()]
        for connection, state in ((client, one), (other, two)):
            state[0], page = connection.call("SCAN", state[0], "COUNT", 10)
            state[1].update(page)
        while one[0] != b"0" or two[0] != b"0":
            for connection, state in ((client, one), (other, two)):
                if state[0] != b"0":
                    state[0], page = connection.call("SCAN", state[0], "COUNT", 13)
                    state[1].update(page)
        expect((len(one[1]), len(two[1])), (2000, 2000))


# KEYS, RANDOMKEY, the table's growth


@test
def keys_returns_all_and_only_matches(client):
    fill(client, 10_000)
    expect(len(client.call("KEYS", "*")), 10_000)
    expect(sorted(client.call("KEYS", "key:99?")), [b"key:%d" % number for number in range(990, 1000)])


@test
def patterns_that_explode_do_not(client):
    """P33: nested stars over a long key are bounded work."""
    client.call("SET", "a" * 60, "v")
    client.call("SET", "a" * 100_000, "v")
    for pattern in ("a*" * 12 + "b", "*?" * 5_000, "[" * 1000, "\\" * 999, "*" * 50_000, "a*a*a*a*a*a*a*a*a*a*b"):
        reply = client.call("KEYS", pattern)
        assert isinstance(reply, (list, Error)), reply
    expect(client.call("PING"), "PONG")


@test
def random_keys_reach_every_key(client):
    fill(client, 20)
    seen = set()
    for _ in range(2000):
        seen.add(client.call("RANDOMKEY"))
    expect(len(seen), 20)


@test
def table_grows_and_shrinks_under_use(client):
    """Contents against a model, through several resizes in both directions."""
    rng = random.Random(7)
    model = {}
    for phase, weight in enumerate((0.9, 0.2, 0.8, 0.05)):
        commands = []
        for _ in range(20_000):
            key = f"k{rng.randrange(15_000)}"
            if rng.random() < weight:
                value = f"{rng.randrange(10**9)}"
                model[key] = value
                commands.append(encode("SET", key, value))
            else:
                model.pop(key, None)
                commands.append(encode("DEL", key))
        client.send(b"".join(commands))
        client.read_replies(len(commands))
        expect(client.call("DBSIZE"), len(model), f"phase {phase}")
        names = sorted(model)
        for first in range(0, len(names), 1000):
            chunk = names[first:first + 1000]
            expect(client.call("MGET", *chunk), [model[name].encode() for name in chunk])


# Expiry


@test
def active_expiry_removes_what_nobody_asks_for(client):
    """10,000 keys vanish without being touched, and are counted."""
    before = int(parse_info(client.call("INFO", "stats"))["expired_keys"])
    client.send(b"".join(encode("SET", f"e{number}", "v", "PX", 50 + number % 200) for number in range(10_000)))
    client.read_replies(10_000)
    client.call("SET", "stays", "v")
    wait_until(lambda: client.call("DBSIZE") == 1, 60, "the keys to expire")
    expect(int(parse_info(client.call("INFO", "stats"))["expired_keys"]) - before, 10_000)
    expect(client.call("GET", "stays"), b"v")


@test
def lazy_expiry_hides_before_the_timer_comes(client):
    expect(client.call("DEBUG", "SET-ACTIVE-EXPIRE", "0"), "OK")
    try:
        client.call("MSET", "a", "1", "b", "2")
        client.call("PEXPIRE", "a", 1)
        wait_until(lambda: client.call("GET", "a") is None, 10, "the expiry")
        expect(client.call("EXISTS", "a", "b"), 1)
        expect(client.call("RENAME", "a", "c"), Error("ERR no such key"))
        client.call("PEXPIRE", "b", 1)
        wait_until(lambda: client.call("TTL", "b") == -2, 10, "the expiry")
        expect(client.call("SETNX", "b", "new"), 1)
    finally:
        client.call("DEBUG", "SET-ACTIVE-EXPIRE", "1")


@test
def keys_with_far_expiries_stay(client):
    for number in range(1000):
        client.send_command("SET", f"far{number}", "v", "EX", 1000 + number)
    client.read_replies(1000)
    expect(client.call("DBSIZE"), 1000)
    expect(parse_info(client.call("INFO", "keyspace"))["db0"].split(",")[1], "expires=1000")
    for number in range(0, 1000, 2):
        client.send_command("PERSIST", f"far{number}")
    client.read_replies(500)
    expect(parse_info(client.call("INFO", "keyspace"))["db0"].split(",")[1], "expires=500")


# Emptying


@test
def flushall_of_many_keys(client, server):
    """Many keys go, however it is asked for, and the memory comes back."""
    empty = int(server.info("memory")["used_memory"])
    for mode in ((), ("ASYNC",), ("SYNC",)):
        fill(client, 150_000, size=20)
        client.call("SELECT", 3)
        fill(client, 1000)
        client.call("SELECT", 0)
        full = int(server.info("memory")["used_memory"])
        expect(client.call("FLUSHALL", *mode), "OK")
        expect(client.call("DBSIZE"), 0)
        expect(client.call("SET", "k", "v"), "OK")
        expect(client.call("KEYS", "*"), [b"k"])
        wait_until(lambda: int(server.info("memory")["used_memory"]) < empty + (full - empty) // 5, 30, "the memory to be given back")
        client.call("FLUSHALL")


@test
def swapdb_of_full_databases(client, server):
    fill(client, 10_000)
    client.call("SELECT", 5)
    client.call("SET", "five", "v")
    with server.connect() as other:
        expect(other.call("SWAPDB", 0, 5), "OK")
        expect(other.call("DBSIZE"), 1)
        expect(client.call("DBSIZE"), 10_000)
        expect(client.call("GET", "key:77"), b"x" * 10)


# Large values


def noise(size, seed):
    """That many bytes that do not compress, cheaply, from a seed."""
    return random.Random(seed).randbytes(size)


@test
def large_values_come_back_as_they_went(client):
    for size in (1 << 20, (1 << 20) + 1, 16 << 20, 64 << 20):
        value = noise(size, size)
        expect(client.call("SET", "big", value), "OK")
        expect(client.call("STRLEN", "big"), size)
        got = client.call("GET", "big")
        expect((len(got), zlib.crc32(got)), (size, zlib.crc32(value)))
    expect(client.call("APPEND", "big", "tail"), (64 << 20) + 4)
    expect(client.call("GETRANGE", "big", -4, -1), b"tail")
    expect(client.call("DEL", "big"), 1)


@test
def sizes_around_every_boundary(client):
    """Values and keys of every size near those at which buffers, classes and encodings change."""
    sizes = sorted({max(0, base + step) for base in (0, 16, 20, 24, 32, 44, 64, 100, 128, 250, 256, 512, 1000, 1024, 4096,
                                                      8192, 16384, 32768, 65536, 131072, 262144, 1 << 20)
                    for step in range(-3, 4)})
    for size in sizes:
        value = noise(size, size)
        client.send(encode("SET", "k", value) + encode("GET", "k") + encode("STRLEN", "k"))
        expect(client.read_replies(3), ["OK", value, size])
    for size in [size for size in sizes if size <= 70_000]:
        key = noise(size, size + 1)
        client.send(encode("SET", key, size) + encode("GET", key) + encode("TYPE", key) + encode("DEL", key))
        expect(client.read_replies(4), ["OK", str(size).encode(), "string", 1], f"key of {size} bytes")


@test
def bulk_up_to_the_limit(start):
    """proto-max-bulk-len bytes go; one more does not."""
    server = start("proto-max-bulk-len 1mb")
    with server.connect() as connection:
        value = noise(1 << 20, 3)
        expect(connection.call("SET", "k", value), "OK")
        expect(connection.call("GET", "k"), value)
        expect_error(connection.call("APPEND", "k", "x"),
                     "ERR string exceeds maximum allowed size (proto-max-bulk-len)")
        expect_error(connection.call("SETRANGE", "k", 1 << 20, "x"),
                     "ERR string exceeds maximum allowed size (proto-max-bulk-len)")
        expect(connection.call("SETRANGE", "k", (1 << 20) - 1, "x"), 1 << 20)
        connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n")
        expect(connection.read_until_closed(), b"-ERR Protocol error: invalid bulk length\r\n")


@test
def half_a_gigabyte(start):
    """The default limit of a bulk is 512 MiB: exactly that much fits."""
    server = start()
    size = 512 << 20
    with server.connect(timeout=100) as connection:
        block = noise(1 << 20, 9)
        connection.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % size)
        for _ in range(size >> 20):
            connection.send(block)
        connection.send(b"\r\n")
        expect(connection.read(), "OK")
        expect(connection.call("STRLEN", "k"), size)
        expect(connection.call("GETRANGE", "k", size - 16, -1), block[-16:])
        expect_error(connection.call("APPEND", "k", "x"),
                     "ERR string exceeds maximum allowed size (proto-max-bulk-len)")
        expect(connection.call("DEL", "k"), 1)
        # The memory that one value of this size may cost while it is on its way in and out. With its header it is
        # just over a power of two, and the allocator's classes are a quarter of one apart.
        if server.flavour == "martlet":
            peak = int(server.info("memory")["used_memory_peak"])
            assert peak < size * 5 // 4 + (32 << 20), f"{peak >> 20} MiB for a value of {size >> 20} MiB"


@test
def many_large_values_from_many_clients(server):
    """Large bulks that arrive in pieces, interleaved on several connections."""
    clients = [server.connect() for _ in range(8)]
    try:
        values = [noise(3_000_000 + number * 1000, number) for number in range(8)]
        requests = [encode("SET", f"big{number}", value) + encode("GET", f"big{number}")
                    for number, value in enumerate(values)]
        positions = [0] * 8
        rng = random.Random(11)
        while any(positions[number] < len(requests[number]) for number in range(8)):
            number = rng.randrange(8)
            step = rng.choice((1, 100, 4096, 65_537, 300_000))
            clients[number].send(requests[number][positions[number]:positions[number] + step])
            positions[number] += step
        for number, connection in enumerate(clients):
            expect(connection.read(), "OK")
            expect(connection.read() == values[number], True, f"value {number}")
    finally:
        for connection in clients:
            connection.close()


@test
def slow_reader_of_a_large_value_holds_nobody_up(server, client):
    """A reply of 64 MB that is read slowly, while the key is overwritten and deleted."""
    value = noise(64 << 20, 21)
    client.call("SET", "big", value)
    with server.connect(receive_buffer=8192, timeout=60) as slow:
        slow.send(encode("GET", "big"))
        slow.buffer += slow.socket.recv(10)
        expect(client.call("SET", "big", "small"), "OK")
        expect(client.call("GET", "big"), b"small")
        expect(client.call("DEL", "big"), 1)
        expect(zlib.crc32(slow.read()), zlib.crc32(value))


# Several writers


@test
def increments_of_many_clients_add_up(server):
    def work():
        with server.connect() as connection:
            for _ in range(50):
                connection.pipeline(*[("INCR", "n")] * 100)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(server.call("GET", "n"), b"40000")
