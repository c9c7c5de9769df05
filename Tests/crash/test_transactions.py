"""test_transactions.py: after a crash a transaction is there whole or not at all, and if it was acknowledged, it is there.

Writers give several keys the same number, one transaction after the other, and readers look at all of them at once.
Then kill -9: the page cache survives, so what is tested is the order of the log and its loader.
"""
import os
import random
import signal
import threading

from harness.resp import Closed, encode
from harness.runner import expect, test

import settings

WRITERS = 6
KEYS = 5


class Writer(threading.Thread):
    """Counts up on keys of its own, several transactions under way; `seen` is the last one that was acknowledged."""

    def __init__(self, server, number, first):
        super().__init__()
        self.server, self.number, self.sent, self.seen, self.complaint = server, number, first, first, None

    def keys(self):
        return [f"writer{self.number}:{key}" for key in range(KEYS)]

    def run(self):
        try:
            with self.server.connect(timeout=30.0) as client:
                client.call("SELECT", self.number % 3)
                while True:
                    batch = b""
                    for _ in range(4):
                        self.sent += 1
                        batch += encode("MULTI") + b"".join(encode("SET", key, self.sent) for key in self.keys())
                        batch += encode("RPUSH", f"list{self.number}", self.sent) + encode("EXEC")
                    client.send(batch)
                    for _ in range(4):
                        client.read_replies(2 + KEYS)
                        expect(client.read()[:KEYS], ["OK"] * KEYS)
                        self.seen += 1
                    # Others see all of it or nothing.
                    found = client.call("MGET", *self.keys())
                    expect(len(set(found)), 1, found)
        except (OSError, Closed):
            pass  # killed
        except Exception as complaint:
            self.complaint = complaint


def cycles(start, *lines):
    rng = random.Random(settings.seed)
    server = start("appendonly yes", "appendfsync always", *lines)
    numbers = [0] * WRITERS
    for cycle in range(max(4, settings.kills // 10)):
        writers = [Writer(server, number, numbers[number]) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        threading.Event().wait(rng.uniform(0.02, 0.5))
        server.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
            if writer.complaint:
                raise writer.complaint
        os.unlink(server.log_path)
        server.expected_exit = False
        server.start()
        with server.connect() as client:
            for number, writer in enumerate(writers):
                client.call("SELECT", number % 3)
                found = client.call("MGET", *writer.keys())
                expect(len(set(found)), 1, f"cycle {cycle}, writer {number}: {found}")
                there = int(found[0] or 0)
                expect(writer.seen <= there <= writer.sent, True, f"cycle {cycle}: {writer.seen} {there} {writer.sent}")
                expect(client.call("LLEN", f"list{number}"), there)
                numbers[number] = there


@test(limit=600)
def kill_9_leaves_transactions_whole(start):
    cycles(start)


@test(on="martlet", limit=600)
def kill_9_leaves_transactions_whole_without_checksums(start):
    cycles(start, "aof-checksum no")


@test(on="martlet", limit=600)
def kill_9_leaves_transactions_whole_with_threads(start):
    cycles(start, "io-threads 3", "io-threads-always-active yes", "auto-aof-rewrite-percentage 10",
           "auto-aof-rewrite-min-size 16kb")
