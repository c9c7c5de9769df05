#!/usr/bin/env python3
"""soak.py: a minute of everything at once, and nothing is left over.

    soak.py --server PATH [--seconds N] [--seed N]

Writers, readers, pipelines, large values, expiries, SCANs, FLUSHDBs, clients that vanish,
that never read, that send nonsense, and CONFIG SET run side by side. At the end the
server must be alive and answer, clients and descriptors must be back where they
were, memory must come back after FLUSHALL, and the log must hold no alarm.
"""
import argparse
import os
import random
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from harness import server as servers  # noqa: E402
from harness.commands import Generator  # noqa: E402
from harness.resp import Closed, encode, wait_until  # noqa: E402
from harness.server import parse_info  # noqa: E402


class Soak:
    def __init__(self, server, seed, seconds):
        self.server, self.seed = server, seed
        self.deadline = time.monotonic() + seconds
        self.problems, self.done = [], {}

    def run(self):
        jobs = [self.pipelines] * 3 + [self.random_commands] * 3 + [
            self.counter, self.large_values, self.expiries, self.scans, self.flushes, self.vanishing, self.deaf,
            self.nonsense, self.settings]
        threads = [threading.Thread(target=self.guarded, args=(job, number), daemon=True)
                   for number, job in enumerate(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
            if thread.is_alive():
                self.problems.append("a client still waits for an answer")

    def guarded(self, job, number):
        rng = random.Random(self.seed * 1000 + number)
        rounds = 0
        try:
            while time.monotonic() < self.deadline and self.server.is_alive():
                job(rng, number)
                rounds += 1
        except Exception as error:
            self.problems.append(f"{job.__name__}: {type(error).__name__}: {error}")
        self.done[f"{job.__name__}/{number}"] = rounds

    # What the clients do; each call is one short visit

    def pipelines(self, rng, number):
        with self.server.connect() as connection:
            names = [f"p{number}:{rng.randrange(2000)}" for _ in range(500)]
            values = [rng.randbytes(rng.choice((1, 16, 64, 500))) for _ in names]
            connection.send(b"".join(encode("SET", name, value) for name, value in zip(names, values)))
            for _ in names:
                self.check(connection.read() == "OK", "SET in a pipeline")

    def random_commands(self, rng, number):
        generator = Generator(rng.randrange(1 << 30), without="FLUSHDB|SWAPDB|SELECT|MOVE|DB db")
        with self.server.connect(protocol=rng.choice((2, 3))) as connection:
            commands = [generator.command() for _ in range(300)]
            data = b"".join(encode(*command) for command in commands)
            position = 0
            while position < len(data):
                step = rng.choice((1, 10, 1000, 100_000))
                connection.send(data[position:position + step])
                position += step
            for _ in commands:
                connection.read()

    def counter(self, rng, number):
        """In a database of its own, so that the sum can be known."""
        with self.server.connect() as connection:
            connection.call("SELECT", 9)
            before = int(connection.call("GET", "n") or 0)
            replies = connection.pipeline(*[("INCR", "n")] * 100)
            self.check(replies == list(range(before + 1, before + 101)), "INCR is exact")

    def large_values(self, rng, number):
        with self.server.connect() as connection:
            value = rng.randbytes(rng.randrange(1 << 22))
            self.check(connection.call("SET", "large", value) == "OK", "SET of a large value")
            got = connection.call("GET", "large")
            self.check(got is None or got == value, "a large value comes back as it went")

    def expiries(self, rng, number):
        with self.server.connect() as connection:
            connection.pipeline(*[("SET", f"e{rng.randrange(10_000)}", "v", "PX", rng.randrange(1, 2000))
                                  for _ in range(300)])

    def scans(self, rng, number):
        with self.server.connect() as connection:
            cursor = b"0"
            while True:
                cursor, _ = connection.call("SCAN", cursor, "COUNT", rng.choice((1, 10, 500)))
                if cursor == b"0" or rng.random() < 0.01:
                    return

    def flushes(self, rng, number):
        time.sleep(rng.uniform(0.5, 2))
        with self.server.connect() as connection:
            connection.call("FLUSHDB", rng.choice(("SYNC", "ASYNC")))

    def vanishing(self, rng, number):
        connection = self.server.connect()
        connection.send(encode("GET", "large") * 3 + encode("SET", "half", "x" * 100_000)[:rng.randrange(100_000)])
        connection.reset() if rng.random() < 0.5 else connection.close()

    def deaf(self, rng, number):
        with self.server.connect(receive_buffer=4096) as connection:
            connection.socket.settimeout(0.5)
            try:
                connection.send(encode("GET", "large") * 50)
                time.sleep(0.2)
            except (TimeoutError, Closed):
                pass

    def nonsense(self, rng, number):
        with self.server.connect() as connection:
            connection.socket.settimeout(0.5)  # what looks like the beginning of something long is waited for
            try:
                connection.send(rng.randbytes(rng.randrange(1, 3000)) + b"\r\n*1\r\n$-5\r\n")
                connection.read_until_closed()
            except (TimeoutError, Closed):
                pass

    def settings(self, rng, number):
        time.sleep(0.1)
        with self.server.connect() as connection:
            connection.call("CONFIG", "SET", "timeout", rng.choice((0, 1000)), "tcp-keepalive", rng.choice((0, 300)))
            connection.call("CLIENT", "LIST")
            connection.call("INFO", "everything")
            connection.call("CONFIG", "GET", "*")

    def check(self, truth, what):
        if not truth:
            raise AssertionError(what)


def finish(server, descriptors):
    """What must hold when everybody has gone."""
    with server.connect() as connection:
        wait_until(lambda: int(parse_info(connection.call("INFO", "clients"))["connected_clients"]) == 1, 30,
                   "all clients to be gone")
        wait_until(lambda: server.open_descriptors() <= descriptors, 10, f"no more than {descriptors} descriptors")
        if connection.call("FLUSHALL") != "OK" or connection.call("DBSIZE") != 0:
            raise AssertionError("FLUSHALL leaves something")
        wait_until(lambda: int(parse_info(connection.call("INFO", "memory"))["used_memory"]) < 32 << 20, 30,
                   "the memory to be given back")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", default=os.environ.get("MARTLET_SERVER"))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    passed = failed = 0
    for engine in ("io_uring", "epoll"):
        server = servers.Server(path=options.server, chosen_engine=engine)
        with server.connect() as connection:
            connection.call("PING")
            descriptors = server.open_descriptors()
        soak = Soak(server, options.seed, options.seconds)
        soak.run()
        try:
            finish(server, descriptors)
        except Exception as error:
            soak.problems.append(f"at the end: {type(error).__name__}: {error}")
        complaint = server.destroy()
        soak.problems += [complaint] if complaint else []
        print(f"soak on {engine}: {sum(soak.done.values())} visits of {len(soak.done)} clients")
        for problem in soak.problems:
            print(f"  {problem}")
        passed, failed = (passed, failed + 1) if soak.problems else (passed + 1, failed)
    print(f"RESULT soak: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
