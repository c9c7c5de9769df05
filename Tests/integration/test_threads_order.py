"""test_threads_order.py: what clients on several threads are promised beside each other: order, exact pauses, nobody kept waiting."""
import random
import re
import threading

from harness.resp import encode, wait_until
from harness.runner import expect, expect_error, test
from harness.server import parse_info, pause
from test_threads import Load, reactors
from test_threads_storms import SECONDS, counting, storm

THREADS = ("io-threads 3", "io-threads-always-active yes")


@test(on="martlet")
def who_reads_little_is_served_beside_who_reads_much(start):
    """Two hundred clients are answered by the thread that has megabytes to send to another one, who is slow."""
    server = start("io-threads 2", "io-threads-always-active yes")
    large = bytes(range(256)) * 4096
    with server.connect(timeout=60.0) as heavy, server.connect() as control:
        expect(control.call("SET", "large", large), "OK")
        heavy.send(encode("GET", "large") * 60)
        light = [server.connect(timeout=60.0) for _ in range(200)]
        expect({re.search(r" io-thread=(\d+)", line).group(1) for line in control.call("CLIENT", "LIST").decode().splitlines()},
               {"1"})
        for turn in range(10):
            for client in light:
                client.send(encode("INCR", "n"))
            expect({client.read() for client in light}, set(range(turn * 200 + 1, turn * 200 + 201)))
            # The heavy one goes on too: some of what it asked for comes each time.
            expect(heavy.read() == large, True)
        for _ in range(50):
            expect(heavy.read() == large, True)
        for client in light:
            client.close()


@test(on="martlet")
def what_is_paused_does_not_run(start):
    """After CLIENT PAUSE WRITE has been answered no write takes effect, though pipelines of them are under way on all threads."""
    server = start(*THREADS)
    with server.connect() as control, Load(server, clients=9, depth=50) as load:
        keys = [f"count{number}" for number in range(9)]
        for _ in range(10):
            before = sum(load.counts)
            wait_until(lambda: sum(load.counts) > before + 500, 30, "writes under way")
            expect(control.call("CLIENT", "PAUSE", 60000, "WRITE"), "OK")
            seen = control.call("MGET", *keys)
            for _ in range(20):
                expect(control.call("MGET", *keys), seen)
            pause(0.02)
            expect(control.call("MGET", *keys), seen)
            expect(control.call("CLIENT", "UNPAUSE"), "OK")


@test(on="martlet")
def waiting_consumers_hear_each_message_once(start):
    """Consumers of a group wait, with more requests behind, on threads that come and go: no reply is another's or torn."""
    server = start("io-threads 4", "io-threads-always-active yes", "appendonly no")
    consumers, producers, per_producer = 8, 4, 1500
    total = producers * per_producer
    control = server.connect(timeout=60.0)
    expect(control.call("XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"), "OK")
    heard, complaints, lock = [], [], threading.Lock()

    def consume(name):
        try:
            with server.connect(timeout=90.0) as client:
                while True:
                    mark = f"{name}:{len(heard)}"
                    client.send(encode("XREADGROUP", "GROUP", "g", name, "COUNT", 7, "BLOCK", 0, "STREAMS", "s", ">")
                                + encode("ECHO", mark) + encode("PING"))
                    reply = client.read()
                    expect(client.read_replies(2), [mark.encode(), "PONG"])
                    [[stream, entries]] = reply
                    expect(stream, b"s")
                    ended = False
                    for _, fields in entries:
                        if fields[0] == b"end":
                            ended = True
                        else:
                            expect(fields[1], b"v" * (int(fields[0]) % 700))
                            with lock:
                                heard.append(int(fields[0]))
                    # As many ends as consumers: who was given several hands the others on.
                    ends = sum(fields[0] == b"end" for _, fields in entries)
                    for _ in range(ends - 1):
                        client.call("XADD", "s", "*", "end", "")
                    if ended:
                        return
        except Exception as complaint:
            complaints.append(f"{name}: {complaint!r}")

    def produce(number):
        try:
            with server.connect(timeout=90.0) as client:
                for begin in range(0, per_producer, 50):
                    numbers = [number * per_producer + begin + each for each in range(50)]
                    client.send(b"".join(encode("XADD", "s", "*", each, b"v" * (each % 700)) for each in numbers))
                    client.read_replies(50)
        except Exception as complaint:
            complaints.append(f"producer {number}: {complaint!r}")

    readers = [threading.Thread(target=consume, args=(f"c{number}",)) for number in range(consumers)]
    writers = [threading.Thread(target=produce, args=(number,)) for number in range(producers)]
    for worker in readers + writers:
        worker.start()
    dice = random.Random(9)
    while any(writer.is_alive() for writer in writers):
        expect(control.call("CONFIG", "SET", "io-threads", dice.choice([1, 2, 4, 6])), "OK")
        pause(0.02)
    for _ in range(consumers):
        control.call("XADD", "s", "*", "end", "")
    for worker in readers + writers:
        worker.join(90)
    expect(complaints, [])
    expect(sorted(heard), list(range(total)))


@test(on="martlet")
def keys_expire_under_load(start):
    """Timers run while everybody is kept busy: keys that nobody asks for are removed, and the clock of the server goes on."""
    server = start(*THREADS)
    clients = [server.connect(timeout=60.0) for _ in range(6)]
    with server.connect(timeout=60.0) as control:
        control.pipeline(*[("SET", f"e{number}", "v", "PX", 50 + number % 100) for number in range(2000)])
        ran = [0]

        def are_gone():
            ran[0] = int(parse_info(control.call("INFO", "stats"))["expired_keys"])
            pause(0.01)

        jobs = [counting(client, f"k{number}", 200, b"v" * 100) for number, client in enumerate(clients)]
        for _ in range(30):
            expect(storm(are_gone, *jobs, seconds=min(2, SECONDS)), [])
            if ran[0] == 2000:
                break
            # Each storm counts from where the one before has left off.
        expect(ran[0], 2000)
        expect(control.call("DBSIZE"), 12)
    for client in clients:
        client.close()


@test(on="martlet")
def what_is_fetched_ahead_is_counted(start):
    """Keys of requests that wait together are fetched ahead of them; `prefetch-batch-max-size` says of how many, 0 of none."""
    server = start(*THREADS)
    clients = [server.connect(timeout=60.0) for _ in range(12)]
    with server.connect() as control:
        expect(control.call("MSET", *[word for number in range(1000) for word in (f"k{number}", number)]), "OK")

        def ask():
            # All of it is sent before anything is read, so that several clients' requests are there at once.
            for client in clients:
                client.send(b"".join(encode("GET", f"k{number}") for number in range(50)))
            for client in clients:
                expect(client.read_replies(50), [str(number).encode() for number in range(50)])

        def figures():
            info = parse_info(control.call("INFO", "stats"))
            return int(info["io_threaded_total_prefetch_batches"]), int(info["io_threaded_total_prefetch_entries"])

        def grows():
            before = figures()
            ask()
            after = figures()
            return after[0] > before[0] and after[1] - before[1] >= 2 * (after[0] - before[0])

        wait_until(grows, 30, "fetched keys")
        expect(control.call("CONFIG", "SET", "prefetch-batch-max-size", 0), "OK")
        before = figures()
        for _ in range(5):
            ask()
        expect(figures(), before)
        expect_error(control.call("CONFIG", "SET", "prefetch-batch-max-size", 129), "ERR CONFIG SET failed*")
        dice = random.Random(4)

        def change():
            expect(control.call("CONFIG", "SET", "prefetch-batch-max-size", dice.choice([0, 1, 2, 16, 128])), "OK")

        expect(storm(change, ask), [])
    for client in clients:
        client.close()


@test(on="martlet")
def how_long_requests_queue_is_told(start):
    """INFO threads has percentiles of how long requests of other threads waited for the executor; CONFIG RESETSTAT forgets them."""
    server = start(*THREADS)
    with server.connect() as client:
        def age():
            text = parse_info(client.call("INFO", "threads"))["io_threads_queue_age_usec"]
            return {name: int(value) for name, value in (part.split("=") for part in text.split(","))}

        for _ in range(500):
            expect(client.call("PING"), "PONG")
        figures = age()
        expect(list(figures), ["p50", "p99", "p99.9", "samples"])
        assert 10 <= figures["samples"] <= 500, figures
        assert figures["p50"] <= figures["p99"] <= figures["p99.9"], figures
        expect(client.call("CONFIG", "RESETSTAT"), "OK")
        assert age()["samples"] <= 1, age()
