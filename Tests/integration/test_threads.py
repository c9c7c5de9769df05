"""test_threads.py: reactors with threads: they serve everybody, come and go under load, and change no answer."""
import os
import re
import signal
import threading
import time

from harness.resp import encode, wait_until
from harness.runner import expect, expect_error, skip, test
from harness.server import parse_info


def threads(client):
    return parse_info(client.call("INFO", "threads"))


def thread_names(server):
    names = []
    for task in os.listdir(f"/proc/{server.process.pid}/task"):
        try:
            with open(f"/proc/{server.process.pid}/task/{task}/comm") as file:
                names.append(file.read().strip())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return names


def reactors(server):
    return sum(name.startswith("io_thd_") for name in thread_names(server))


class Load:
    """Clients that count up, each on a key of its own, with several requests under way, until told to stop."""

    def __init__(self, server, clients=8, depth=4):
        self.server, self.depth = server, depth
        self.counts = [0] * clients
        self.complaints = []
        self.stopping = False
        self.workers = [threading.Thread(target=self._work, args=(number,)) for number in range(clients)]

    def _work(self, number):
        try:
            with self.server.connect(timeout=30.0) as client:
                request = encode("INCR", f"count{number}")
                while not self.stopping:
                    # Cut somewhere, so that moves meet unfinished requests.
                    several = request * self.depth
                    cut = (self.counts[number] * 7) % len(several)
                    client.send(several[:cut])
                    client.send(several[cut:])
                    for _ in range(self.depth):
                        self.counts[number] += 1
                        expect(client.read(), self.counts[number])
        except Exception as complaint:  # whatever it is, the test is to show it
            self.complaints.append(f"client {number}: {complaint!r}")

    def __enter__(self):
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        for worker in self.workers:
            worker.join(60)
        expect(self.complaints, [])


@test(on="martlet")
def every_client_has_a_thread(start):
    server = start("io-threads 4", "io-threads-always-active yes")
    wait_until(lambda: reactors(server) == 3, 10, "three threads")
    clients = []
    for number in range(9):
        # One after the other: each goes where the fewest are, also when it is not accepted at once.
        clients.append(server.connect())
        expect(clients[-1].call("PING"), "PONG")
    for number, client in enumerate(clients):
        expect(client.call("SET", f"key{number}", "x" * number), "OK")
        expect(client.call("GET", f"key{number}"), b"x" * number)
    lines = clients[0].call("CLIENT", "LIST").decode().splitlines()
    served = sorted(int(re.search(r" io-thread=(\d+)", line).group(1)) for line in lines)
    expect(served, [1, 1, 1, 2, 2, 2, 3, 3, 3])
    info = threads(clients[0])
    for number in (1, 2, 3):
        assert info[f"io_thread_{number}"].startswith("clients=3,reads="), info
    expect(info["io_threads_serving_because"], "always_active")

    def counted():
        # Each thread tells of its reads and writes when it comes to it.
        stats = parse_info(clients[0].call("INFO", "stats"))
        return int(stats["io_threaded_reads_processed"]) >= 27 and int(stats["io_threaded_writes_processed"]) >= 26
    wait_until(counted, 20, "reads and writes of threads")
    for client in clients:
        client.close()


@test(on="martlet")
def threads_come_and_go_under_load(start):
    server = start("io-threads 1", "io-threads-always-active yes")
    with server.connect() as control, Load(server) as load:
        for wanted in (4, 1, 2, 8, 3, 1, 5, 2, 16, 1, 2):
            before = sum(load.counts)
            expect(control.call("CONFIG", "SET", "io-threads", wanted), "OK")
            wait_until(lambda: reactors(server) == wanted - 1, 20, f"{wanted - 1} reactors, not {thread_names(server)}")
            wait_until(lambda: sum(load.counts) > before + 200, 20, "requests after the change")
        info = threads(control)
        assert int(info["io_thread_moves"]) > 20, info
    with server.connect() as client:
        for number, count in enumerate(load.counts):
            expect(int(client.call("GET", f"count{number}")), count)


@test(on="martlet")
def clients_that_wait_move_too(start):
    server = start("io-threads 1", "io-threads-always-active yes")
    with server.connect() as control, server.connect() as waiting, server.connect() as half:
        waiting.send_command("BLPOP", "list", 0)
        half.send(b"*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$20000\r\n" + b"h" * 9000)
        wait_until(lambda: parse_info(control.call("INFO", "clients"))["blocked_clients"] == "1", 10, "a client that waits")
        for wanted in (3, 1, 4, 2):
            expect(control.call("CONFIG", "SET", "io-threads", wanted), "OK")
            wait_until(lambda: reactors(server) == wanted - 1, 20, "the threads")
        half.send(b"h" * 11000 + b"\r\n")
        expect(half.read(), "OK")
        expect(control.call("STRLEN", "half"), 20000)
        expect(control.call("RPUSH", "list", "a"), 1)
        expect(waiting.read(), [b"list", b"a"])


@test(on="martlet")
def a_reader_that_does_not_read_moves_too(start):
    server = start("io-threads 3", "io-threads-always-active yes")
    with server.connect() as control, server.connect(timeout=60.0) as lazy:
        expect(control.call("SET", "large", b"v" * (8 << 20)), "OK")
        for _ in range(3):
            lazy.send_command("GET", "large")
        lazy.send_command("PING")
        time.sleep(0.2)
        for wanted in (1, 2, 5, 1):
            expect(control.call("CONFIG", "SET", "io-threads", wanted), "OK")
            wait_until(lambda: reactors(server) == wanted - 1, 20, f"{wanted - 1} threads, not {thread_names(server)}")
        for _ in range(3):
            value = lazy.read()
            expect(len(value), 8 << 20)
            expect(value.count(b"v"), 8 << 20)
        expect(lazy.read(), "PONG")


@test(on="martlet")
def kills_and_ends_reach_other_threads(start):
    server = start("io-threads 4", "io-threads-always-active yes")
    with server.connect() as control:
        doomed = [server.connect() for _ in range(12)]
        for client in doomed:
            expect(client.call("CLIENT", "SETNAME", "doomed"), "OK")
        expect(control.call("CLIENT", "KILL", "NAME", "doomed"), 12)
        for client in doomed:
            expect(client.is_closed(), True)
        with server.connect() as quitting:
            expect(quitting.call("QUIT"), "OK")
            expect(quitting.is_closed(), True)
        wait_until(lambda: parse_info(control.call("INFO", "clients"))["connected_clients"] == "1", 10, "one client")


@test(on="martlet")
def pauses_hold_clients_of_all_threads(start):
    server = start("io-threads 3", "io-threads-always-active yes")
    with server.connect() as control:
        writers = [server.connect() for _ in range(6)]
        expect(control.call("CLIENT", "PAUSE", 60000, "WRITE"), "OK")
        for number, writer in enumerate(writers):
            writer.send(encode("GET", "k") + encode("SET", f"k{number}", number) + encode("GET", f"k{number}"))
            expect(writer.read(), None)
        for writer in writers:
            expect(writer.is_silent(), True)
        expect(control.call("CLIENT", "UNPAUSE"), "OK")
        for number, writer in enumerate(writers):
            expect(writer.read(), "OK")
            expect(writer.read(), str(number).encode())
            writer.close()


@test(on="martlet")
def a_stop_under_load_keeps_what_was_answered(start):
    server = start("io-threads 4", "io-threads-always-active yes", "appendonly yes", "appendfsync always")
    load = Load(server, clients=6)
    for worker in load.workers:
        worker.start()
    wait_until(lambda: sum(load.counts) > 500, 30, "some load")
    server.restart(signal.SIGTERM)
    for worker in load.workers:
        worker.join(60)
    with server.connect() as client:
        for number, count in enumerate(load.counts):
            # The last ones may have been carried out and not answered.
            kept = int(client.call("GET", f"count{number}") or 0)
            assert count - 1 <= kept <= count + load.depth, f"client {number} was answered {count}, kept are {kept}"


@test(on="martlet")
def one_processor_needs_no_reactors(start):
    """Bound to one processor the executor serves everybody, unless it is told otherwise."""
    server = start("io-threads 3", prefix=("taskset", "-c", str(min(os.sched_getaffinity(0)))))
    with server.connect() as client, server.connect() as other:
        expect(other.call("PING"), "PONG")
        info = threads(client)
        assert info["io_thread_0"].startswith("clients=2,"), info
        expect(info["io_threads_serving_because"], "one_processor")
        expect(client.call("CONFIG", "SET", "io-threads-always-active", "yes"), "OK")
        wait_until(lambda: threads(client)["io_thread_0"].startswith("clients=0,"), 10, "clients on reactors")
        expect(client.call("CONFIG", "SET", "io-threads-always-active", "no"), "OK")
        wait_until(lambda: threads(client)["io_thread_0"].startswith("clients=2,"), 10, "clients with the executor")
        expect(other.call("PING"), "PONG")


@test(on="martlet")
def threads_serve_when_there_is_more_than_one_can_do(start):
    """Long turns of a busy executor bring in the other threads; when there is little to do it serves everybody again."""
    if len(os.sched_getaffinity(0)) < 2:
        skip("a single processor")
    server = start("io-threads 2", "loglevel debug")
    with server.connect() as control:
        expect(threads(control)["io_threads_serving"], "0")
        expect(threads(control)["io_threads_serving_because"], "one_is_enough")
        # Thirty clients whose requests are large: each turn of the executor takes far more than 100 us.
        load = [server.connect(timeout=60.0) for _ in range(30)]
        request = encode("SET", "k", b"v" * 1000) * 100

        def is_serving():
            for client in load:
                client.send(request)
            for client in load:
                client.read_replies(100)
            # Asked at once: without load it is sent away after two seconds.
            info = parse_info(control.call("INFO", "threads", "server"))
            return (info["io_threads_serving"], info["io_threads_active"]) == ("1", "1")

        wait_until(is_serving, 60, "another thread")
        server.wait_for_log("1 of 1 I/O threads serve clients now, after 0")
        wait_until(lambda: threads(control)["io_threads_serving"] == "0", 30, "the executor alone again")
        wait_until(lambda: threads(control)["io_thread_0"].startswith("clients=31,"), 30, "everybody back")
        for client in load:
            expect(client.call("GET", "k"), b"v" * 1000)
            client.close()


@test(on="martlet")
def more_threads_than_can_be_had_is_the_commands_error(start):
    server = start("io-threads 2", "io-threads-always-active yes")
    with server.connect() as client:
        expect_error(client.call("CONFIG", "SET", "io-threads", 129), "ERR CONFIG SET failed*")
        expect_error(client.call("CONFIG", "SET", "io-threads", 0), "ERR CONFIG SET failed*")
        expect(client.call("CONFIG", "GET", "io-threads"), [b"io-threads", b"2"])
        wait_until(lambda: reactors(server) == 1, 10, "one thread")
