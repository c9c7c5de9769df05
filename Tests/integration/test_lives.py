"""test_lives.py: everything that an operator may do to the log, in a random order under load, and a sudden end.

What was answered with `always`, or waited for with WAITAOF, is there after each end.
"""
import os
import random
import signal

from harness.resp import Error, wait_until
from harness.runner import expect, test
from harness.server import parse_info
from test_log_files import digest, durable, values


def persistence(client):
    return parse_info(client.call("INFO", "persistence"))


def operate(dice, client, server, acts):
    """One act of the operator; how it ends is not looked at, only that the server answers."""
    act = dice.choice((
        ("BGREWRITEAOF",), ("BGREWRITEAOF",), ("BGSAVE",), ("BGSAVE", "SCHEDULE"), ("BGSAVE", "CANCEL"), ("SAVE",),
        ("CONFIG", "SET", "appendfsync", "always"), ("CONFIG", "SET", "appendfsync", "everysec"),
        ("CONFIG", "SET", "appendfsync", "no"), ("CONFIG", "SET", "appendonly", "no"), ("CONFIG", "SET", "appendonly", "yes"),
        ("CONFIG", "SET", "appendonly", "yes"), ("CONFIG", "SET", "aof-use-rdb-preamble", dice.choice(("yes", "no"))),
        ("CONFIG", "SET", "aof-timestamp-enabled", dice.choice(("yes", "no"))), ("DEBUG", "RELOAD"), ("DEBUG", "LOADAOF"),
        ("CONFIG", "SET", "rdbcompression", dice.choice(("yes", "no"))),
        ("CONFIG", "SET", "aof-disable-auto-gc", dice.choice(("yes", "no"))),
    ))
    try:
        return act, client.call(*act)
    except TimeoutError:
        with server.connect() as other:
            state = {name: value for name, value in persistence(other).items() if name.startswith(("aof", "rdb", "loading"))}
        raise AssertionError(f"{act} was not answered after {acts}\n{state}\n{server.log()[-1500:]}") from None


def write(dice, client, count):
    """Some pipelined changes of all kinds."""
    commands = []
    for _ in range(count):
        key = f"k{dice.randrange(300)}"
        commands.append(dice.choice((
            ("SET", key, dice.randrange(10_000)), ("SET", key, "x" * dice.randrange(3000)), ("DEL", key), ("SET", key, "v", "EX", 10_000),
            ("APPEND", key, "more"), ("SET", key, "1"), ("RENAME", key, f"k{dice.randrange(300)}"), ("COPY", key, "copy", "REPLACE"),
            ("PERSIST", key), ("EXPIRE", key, 5000), ("MOVE", key, 1), ("SETRANGE", key, 50, "y"), ("GETDEL", key), ("SWAPDB", 0, 1),
            ("INCR", f"n{dice.randrange(10)}"), ("FLUSHDB",) if dice.random() < 0.05 else ("PING",))))
    client.pipeline(*commands)


@test(on="martlet", limit=240)
def random_lives(start):
    for seed in range(int(os.environ.get("MARTLET_SEEDS", "6"))):
        dice = random.Random(seed)
        server = start("appendonly yes", "appendfsync always", "auto-aof-rewrite-min-size 200kb")
        for life in range(3):
            acts = []
            with server.connect() as writer, server.connect() as operator:
                for _ in range(25):
                    write(dice, writer, dice.randrange(100))
                    acts.append(operate(dice, operator, server, acts))
                # A last word that is kept: the log is on, and on disk.
                expect(operator.call("CONFIG", "SET", "appendonly", "yes"), "OK")
                wait_until(lambda: persistence(operator)["aof_pending_rewrite"] == "0", 30, f"a log, after {seed} {acts}")
                write(dice, writer, 50)
                writer.call("SET", "last", life)
                durable(writer)
                before, wanted = digest(writer), values(writer)
            server.restart(signal.SIGKILL)
            with server.connect() as client:
                if digest(client) != before:
                    got = values(client)
                    wrong = {key: (wanted.get(key), got.get(key)) for key in wanted.keys() | got.keys() if wanted.get(key) != got.get(key)}
                    raise AssertionError(f"seed {seed} life {life}: {str(wrong)[:500]}\nafter {acts}")
                expect(client.call("GET", "last"), str(life).encode())
