"""test_threads_storms.py: much at once on several threads: nothing is lost, nothing stands still, no answer is another's.

How long each storm lasts is MARTLET_STORM_SECONDS: 2 in the usual run, 60 in the long one.
"""
import os
import random
import signal
import socket
import threading
import time

from harness.resp import Closed, encode, wait_until
from harness.runner import expect, test
from harness.server import parse_info

SECONDS = float(os.environ.get("MARTLET_STORM_SECONDS", "2"))


def storm(*jobs, seconds=SECONDS):
    """Runs the jobs side by side, each again and again, and returns what went wrong."""
    complaints, end = [], time.monotonic() + seconds

    def repeat(job):
        try:
            while time.monotonic() < end:
                job()
        except Exception as complaint:
            complaints.append(f"{job.__name__}: {complaint!r}")
    workers = [threading.Thread(target=repeat, args=(job,)) for job in jobs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(seconds + 120)
        if worker.is_alive():
            complaints.append("a client still waits for an answer")
    return complaints


def counting(client, key, depth, value=b""):
    """One pipeline of INCRs, whose answers follow the last one's, with SETs and GETs of a value in between."""
    count = [0]

    def pipeline():
        request = encode("INCR", key) + (encode("SET", key + ":v", value) + encode("GET", key + ":v") if value else b"")
        client.send(request * depth)
        for _ in range(depth):
            count[0] += 1
            expect(client.read(), count[0])
            if value:
                expect(client.read(), "OK")
                expect(client.read(), value)
    return pipeline


@test(on="martlet")
def long_pipelines_from_everybody_lose_nothing(start):
    """More is under way than the queues between the threads hold."""
    server = start("io-threads 4", "io-threads-always-active yes")
    clients = [server.connect(timeout=60.0) for _ in range(12)]
    value = b"v" * 1024
    expect(storm(*[counting(client, f"k{number}", 100, value) for number, client in enumerate(clients)]), [])
    for client in clients:
        expect(client.call("PING"), "PONG")
        client.close()


@test(on="martlet")
def a_storm_of_kills_ends_only_those_it_names(start):
    server = start("io-threads 4", "io-threads-always-active yes")
    control, steady = server.connect(), server.connect()
    killed = [0]

    def victims():
        doomed = [server.connect() for _ in range(8)]
        for number, client in enumerate(doomed):
            client.send(encode("CLIENT", "SETNAME", "doomed") + encode("SET", f"d{number}", "x" * 5000) * 3)
        for client in doomed:
            try:
                client.read_replies(4)
                for _ in range(100):
                    client.send(encode("GET", "d1") * 4)
                    client.read_replies(4)
            except (Closed, OSError):
                killed[0] += 1
            client.close()

    def killer():
        control.call("CLIENT", "KILL", "NAME", "doomed")

    expect(storm(victims, killer, counting(steady, "steady", 20)), [])
    assert killed[0] > 0, "the killer met nobody"
    # Those of the last round that the killer did not meet end with their owner.
    wait_until(lambda: int(parse_info(control.call("INFO", "clients"))["connected_clients"]) == 2, 30, "two clients")


@test(on="martlet")
def a_list_of_thousands_ten_times_a_second(start):
    """CLIENT LIST asks nobody to stand still: others are served between two of them, in order."""
    count = 2_000 if SECONDS < 30 else 10_000
    server = start("io-threads 3", "io-threads-always-active yes", "maxclients 12000")
    crowd = []
    for _ in range(count):
        crowd.append(socket.create_connection((server.host, server.port)))
    try:
        control, steady = server.connect(timeout=60.0), server.connect(timeout=60.0)
        # Connected is not yet accepted, and whoever asked how many there are has to be gone.
        wait_until(lambda: parse_info(control.call("INFO", "clients"))["connected_clients"] == str(count + 2), 60, "everybody")
        lists = [0]

        def list_all():
            lines = control.call("CLIENT", "LIST").decode().splitlines()
            expect(len(lines), count + 2)
            expect({int(line.split("io-thread=")[1].split()[0]) for line in lines}, {1, 2})
            lists[0] += 1
            time.sleep(0.1)

        expect(storm(list_all, counting(steady, "steady", 10)), [])
        assert lists[0] > 0, lists
    finally:
        for client in crowd:
            client.close()


@test(on="martlet")
def threads_come_and_go_all_the_time(start):
    server = start("io-threads 1", "io-threads-always-active yes")
    clients = [server.connect(timeout=60.0) for _ in range(6)]
    control = server.connect(timeout=60.0)
    dice = random.Random(11)

    def resize():
        expect(control.call("CONFIG", "SET", "io-threads", dice.choice([1, 2, 3, 5, 8])), "OK")
        time.sleep(0.02)

    def crowd():
        # Connections that come and go while threads do.
        several = [server.connect() for _ in range(5)]
        for client in several:
            expect(client.call("ECHO", "x"), b"x")
            client.close()

    expect(storm(resize, crowd, *[counting(client, f"k{number}", 16, b"v" * 300) for number, client in enumerate(clients)]), [])
    for client in clients:
        expect(client.call("PING"), "PONG")
        client.close()


@test(on="martlet")
def maxclients_goes_up_and_down_under_load(start):
    server = start("io-threads 3", "io-threads-always-active yes", "maxclients 500")
    control, steady = server.connect(), server.connect()
    dice = random.Random(5)

    def change():
        expect(control.call("CONFIG", "SET", "maxclients", dice.choice([10, 100, 500])), "OK")

    def knock():
        for _ in range(20):
            client = server.connect()
            try:
                reply = client.call("PING")
                assert reply == "PONG" or "max number of clients" in str(reply), reply
            except (Closed, OSError):
                pass  # turned away before it could say anything
            client.close()

    expect(storm(change, knock, counting(steady, "steady", 20)), [])


@test(on="martlet")
def stops_under_load_are_quick_and_lose_nothing(start):
    """SIGTERM and SHUTDOWN by turns, with pipelines under way; what was answered is there afterwards."""
    rounds = 3 if SECONDS < 30 else 100
    server = start("io-threads 4", "io-threads-always-active yes", "appendonly yes", "appendfsync always")
    answered = {}
    for number in range(rounds):
        loads = [Answered(server, f"r{number}c{client}") for client in range(6)]
        for load in loads:
            load.start()
        wait_until(lambda: sum(load.count for load in loads) > 100, 30, "some load")
        if number % 2:
            with server.connect() as control:
                try:
                    control.call("SHUTDOWN", "NOW")
                except (Closed, OSError):
                    pass
            expect(server.wait_exit(), 0)
            server.restart(signal.SIGKILL)
        else:
            server.restart(signal.SIGTERM)
        for load in loads:
            load.join(120)
            expect(load.complaint, None)
            answered[load.key] = load.count
    with server.connect(timeout=60.0) as client:
        for key, count in answered.items():
            kept = int(client.call("GET", key) or 0)
            # What was under way may have been carried out and not answered.
            assert count <= kept <= count + Answered.DEPTH, f"{key}: answered {count}, kept {kept}"


class Answered(threading.Thread):
    """Pipelines of INCR until the server goes; counts the answers."""
    DEPTH = 8

    def __init__(self, server, key):
        super().__init__()
        self.server, self.key, self.count, self.complaint = server, key, 0, None

    def run(self):
        try:
            with self.server.connect(timeout=30.0) as client:
                while True:
                    client.send(encode("INCR", self.key) * self.DEPTH)
                    for _ in range(self.DEPTH):
                        expect(client.read(), self.count + 1)
                        self.count += 1
        except (Closed, OSError):
            pass
        except AssertionError as complaint:
            self.complaint = str(complaint)


@test(on="martlet")
def half_sent_requests_of_many_are_finished_elsewhere(start):
    """Bytes trickle in on connections that are moved from thread to thread all the while."""
    server = start("io-threads 2", "io-threads-always-active yes")
    control = server.connect()
    dice = random.Random(3)
    clients = [server.connect(timeout=60.0) for _ in range(10)]
    value = bytes(dice.randrange(256) for _ in range(20_000))
    request = encode("SET", "k", value) + encode("GET", "k") + encode("PING")
    for _ in range(6):
        cuts = sorted(dice.randrange(len(request)) for _ in range(4)) + [len(request)]
        begin = 0
        for cut in cuts:
            for client in clients:
                client.send(request[begin:cut])
            begin = cut
            expect(control.call("CONFIG", "SET", "io-threads", dice.choice([1, 2, 3, 4])), "OK")
        for client in clients:
            expect(client.read_replies(3), ["OK", value, "PONG"])
    for client in clients:
        client.close()
