"""test_transaction_log.py: what EXEC leaves in the log, and that no file brings back a part of it.

The records are compared with those of redis-server; the directories are handed over in both directions; a log is cut
at every byte of a transaction.
"""
import os
import re
import shutil
import signal

from harness.resp import wait_until
from harness.runner import expect, skip, test
from test_log_files import REDIS, digest, directory, durable, increments, manifest, parse_records, records

UNSEALED = ("appendonly yes", "aof-checksum no", "appendfsync always", "aof-preallocate 0")

TRANSACTIONS = [
    [("SET", "a", 1)],
    [("SET", "a", 2), ("SET", "b", 2)],
    [("GET", "a"), ("PING",)],
    [("GET", "a"), ("INCR", "a"), ("GET", "b")],
    [("SETNX", "a", 1), ("DEL", "missing")],
    [("SET", "word", "x"), ("INCR", "word"), ("LPUSH", "word", 1), ("APPEND", "word", "y")],
    [("SELECT", 3), ("SET", "c", 1)],
    [("SET", "d", 1), ("SELECT", 5), ("SET", "e", 1), ("SELECT", 0), ("SET", "f", 1)],
    [("EXPIRE", "f", 1000), ("INCRBYFLOAT", "g", "1.5")],
    [("SADD", "s", 1, 2, 3), ("SMOVE", "s", "t", 1), ("SUNIONSTORE", "u", "s", "t")],
    [("RPUSH", "l", 1, 2, 3), ("BLPOP", "l", 0), ("BLMOVE", "l", "m", "LEFT", "LEFT", 0), ("BLPOP", "none", 0)],
    [("RPUSH", "l", 1, 2, 3), ("LMPOP", 2, "none", "l", "LEFT")],
    [("ZADD", "z", 1, "a"), ("ZMPOP", 1, "z", "MIN")],
    [("FLUSHALL",), ("SET", "last", 1)],
]


def plain(records):
    """Names in capitals, times left out, SELECT too: it goes where a server needs it."""
    found = [[words[0].upper(), *[re.sub(rb"^1[5-9]\d{11}$", b"<now>", word) for word in words[1:]]]
             for words in records]
    return [words for words in found if words[0] != b"SELECT"]


@test(on="martlet")
def records_are_those_of_redis(start):
    """MULTI and EXEC around two records or more, and one alone by itself."""
    if not os.path.exists(REDIS):
        skip("there is no redis-server")
    servers = [start(*UNSEALED), start("appendonly yes", "appendfsync always", path=REDIS, deny="")]
    logged = []
    for server in servers:
        with server.connect() as client:
            found = []
            for commands in TRANSACTIONS:
                before = len(increments(server))
                client.pipeline(("SELECT", 0), ("MULTI",), *commands, ("EXEC",))
                if server is servers[0]:
                    durable(client)
                found.append(plain(parse_records(increments(server)[before:])))
            logged.append(found)
    differences = [f"{commands}: {ours}, redis {theirs}"
                   for commands, ours, theirs in zip(TRANSACTIONS, *logged) if ours != theirs]
    expect("\n".join(differences), "")


@test(on="martlet")
def several_records_of_one_command_belong_together(start):
    server = start(*UNSEALED)
    with server.connect() as client:
        client.pipeline(("XADD", "s", "1-1", "f", "v"), ("XADD", "s", "1-2", "f", "v"), ("XGROUP", "CREATE", "s", "g", 0))
        durable(client)
        before = len(increments(server))
        client.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">")
        durable(client)
        names = [words[0].upper() for words in parse_records(increments(server)[before:])]
        expect([names[0], names[-1], len(names) > 3], [b"MULTI", b"EXEC", True], names)
        before = digest(client)
    server.restart(signal.SIGKILL)
    expect(server.call("DEBUG", "DIGEST"), before)


@test(on="martlet")
def each_server_reads_the_log_of_the_other(start):
    if not os.path.exists(REDIS):
        skip("there is no redis-server")
    lines = ("appendonly yes", "appendfsync always", "enable-debug-command yes")
    for first, second in ((None, REDIS), (REDIS, None)):
        for checksum in ("yes", "no") if first is None else ("yes",):
            extra = [f"aof-checksum {checksum}", "rdb-version 10"] if first is None else []
            options = [{"path": path, "deny": ""} if path else {} for path in (first, second)]
            server = start(*lines, *extra, **options[0])
            with server.connect() as client:
                for commands in TRANSACTIONS[:-1]:
                    client.pipeline(("SELECT", 0), ("MULTI",), *commands, ("EXEC",))
                client.pipeline(("SELECT", 0), ("PERSIST", "f"))
                kept = digest(client)
            server.stop()
            other = start(*lines, start=False, **options[1])
            shutil.copytree(directory(server), directory(other))
            other.start()
            expect(other.call("DEBUG", "DIGEST"), kept, (first, second))


def revive(server):
    """Starts a server that was stopped, with a log of its own."""
    os.unlink(server.log_path)
    server.expected_exit = False
    server.start()


def cut_everywhere(start, *lines, step=1, zeros=0):
    """A log of two transactions, cut at each byte of the second: the first is there, the second whole or not at all."""
    server = start("appendonly yes", "appendfsync always", *lines)
    with server.connect() as client:
        client.pipeline(("MULTI",), ("SET", "a", 1), ("SET", "b", 1), ("EXEC",))
        durable(client)
        before = len(increments(server).rstrip(b"\0"))
        client.pipeline(("MULTI",), ("SET", "a", 2), ("INCR", "n"), ("SET", "b", 2), ("EXEC",))
        durable(client)
        whole = increments(server).rstrip(b"\0")
    server.stop(signal.SIGKILL)
    name = next(name for name, _, kind in manifest(server) if kind == "i")
    path = os.path.join(directory(server), name)
    for end in [*range(before, len(whole), step), len(whole)]:
        with open(path, "wb") as file:
            file.write(whole[:end] + b"\0" * zeros)
        revive(server)
        wanted = [b"2", b"2", b"1"] if end == len(whole) else [b"1", b"1", None]
        expect(server.call("MGET", "a", "b", "n"), wanted, f"cut at {end} of {len(whole)}, after {before}")
        server.stop(signal.SIGKILL)


@test(on="martlet", limit=300)
def a_log_torn_within_a_transaction_ends_before_it(start):
    cut_everywhere(start, "aof-preallocate 0", "aof-checksum no", step=5)


@test(on="martlet", limit=300)
def a_sealed_log_torn_within_a_transaction_ends_before_it(start):
    cut_everywhere(start, "aof-preallocate 0", step=11)


@test(on="martlet", limit=300)
def zeros_that_were_kept_ready_do_not_matter(start):
    cut_everywhere(start, step=23, zeros=5_000)


@test(on="martlet")
def zeros_behind_a_whole_record_of_a_transaction(start):
    """Without seals: the kernel wrote the first blocks of a transaction, and room was kept behind them."""
    server = start(*UNSEALED)
    with server.connect() as client:
        client.pipeline(("SET", "a", 1), ("MULTI",), ("SET", "a", 2), ("SET", "b", 2), ("EXEC",))
        durable(client)
        whole = increments(server)
    server.stop(signal.SIGKILL)
    name = next(name for name, _, kind in manifest(server) if kind == "i")
    end = whole.index(b"*3", whole.index(b"MULTI") + 30)
    with open(os.path.join(directory(server), name), "wb") as file:
        file.write(whole[:end] + b"\0" * 9_000)
    revive(server)
    expect(server.call("MGET", "a", "b"), [b"1", None])
    expect(os.path.getsize(os.path.join(directory(server), name)) <= end, True, "the tail was cut off")


@test(on="martlet")
def a_transaction_larger_than_a_batch(start):
    """20 MB in one unit: in one batch, whose seal vouches for all of it."""
    server = start("appendonly yes", "appendfsync everysec")
    with server.connect() as client:
        commands = [("SET", f"k{number}", bytes([65 + number % 26]) * 500_000) for number in range(40)]
        replies = client.pipeline(("MULTI",), *commands, ("EXEC",))
        expect(replies[-1], ["OK"] * 40)
        durable(client)
        expect(increments(server).count(b"#MARTLET:"), 1)
        expect([words[0] for words in records(server)][1:], [b"MULTI", *[b"SET"] * 40, b"EXEC"])
        kept = digest(client)
    server.restart(signal.SIGKILL)
    expect(server.call("DEBUG", "DIGEST"), kept)


@test(on="martlet")
def a_log_is_turned_on_and_rewritten_between_transactions(start):
    server = start("appendonly no")
    with server.connect() as client:
        replies = client.pipeline(("MULTI",), ("SET", "a", 1), ("CONFIG", "SET", "appendonly", "yes"), ("SET", "b", 1), ("EXEC",))
        expect(replies[-1], ["OK", "OK", "OK"])
        path = os.path.join(directory(server), "appendonly.aof.manifest")
        wait_until(lambda: os.path.exists(path), 20, "the log")
        wait_until(lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0", 20, "its base")
        expect(client.call("CONFIG", "REWRITE"), "OK")
        replies = client.pipeline(("MULTI",), ("SET", "a", 2), ("BGREWRITEAOF",), ("SET", "b", 2), ("EXEC",))
        expect(str(replies[-1][1]).startswith("Background append only file rewriting"), True)
        durable(client)
        wait_until(lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0"
                   and server.info("persistence")["aof_rewrite_scheduled"] == "0", 20, "the rewrite")
        client.pipeline(("MULTI",), ("SET", "a", 3), ("SET", "b", 3), ("EXEC",))
        durable(client)
    server.restart(signal.SIGKILL)
    expect(server.call("MGET", "a", "b"), [b"3", b"3"])
