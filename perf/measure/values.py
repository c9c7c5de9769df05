"""values.py: commands on lists, sets, hashes, sorted sets and streams, and the values that they find.

    master    made once per server         master:list, master:set, …
    work      a COPY of it before a run    work:000000000000 …       so that every run begins with the same value

What takes elements away is given several copies, so that there is something left at the end.
"""
import math
from dataclasses import dataclass

from .load import Work
from .resp import Client, ReplyError, encode
from .scenarios import Scenario

ELEMENTS = 1_000_000
"""Elements of a master that a run takes away."""
FIELDS = 100_000
"""Elements of a master that a run looks at: as many as there are random numbers."""
TAKEN_PER_SECOND = {1: 400_000, 16: 2_500_000}
"""By pipeline: what the fastest server might take away."""
WARMUP = 1.2
"""The generator's warm-up takes elements, too."""


@dataclass(frozen=True)
class ValueCommand:
    name: str
    words: tuple[str, ...]
    """As martlet-bench takes them behind --."""
    master: str | None = None
    """The kind of value that it finds; none: the value grows from nothing."""
    takes: bool = False
    """It takes an element away each time."""


WORK = "work:__rand_int__"
COMMANDS = {command.name: command for command in [
    ValueCommand("lpush", ("LPUSH", "work", "__value__")),
    ValueCommand("lpop", ("LPOP", WORK), "list", takes=True),
    ValueCommand("lrange100", ("LRANGE", "work", "0", "99"), "list"),
    ValueCommand("sadd", ("SADD", "work", "element:__rand_int__")),
    ValueCommand("spop", ("SPOP", WORK), "set", takes=True),
    ValueCommand("hset", ("HSET", "work", "element:__rand_int__", "__value__")),
    ValueCommand("hget", ("HGET", "work", "element:__rand_int__"), "hash"),
    ValueCommand("zadd", ("ZADD", "work", "__rand_int__", "element:__rand_int__")),
    ValueCommand("zrange100", ("ZRANGE", "work", "0", "99"), "zset"),
    ValueCommand("zpopmin", ("ZPOPMIN", WORK), "zset", takes=True),
    ValueCommand("xadd", ("XADD", "work", "*", "field", "__value__")),
    ValueCommand("xrange100", ("XRANGE", "work", "-", "+", "COUNT", "100"), "stream"),
]}

SCENARIOS = [
    Scenario("values50", "50 clients", 50, value_bytes=16, goals={"cpu": 0.60}),
    Scenario("values50p16", "50 clients, pipeline 16", 50, 16, value_bytes=16, goals={"cpu": 0.60}),
]


def element(number: int) -> bytes:
    """Named as the generator names them."""
    return b"element:%012d" % number


def additions(kind: str):
    """Encoded requests that make the master of this kind."""
    key, step = f"master:{kind}", 500
    if kind == "stream":
        for number in range(FIELDS):
            yield encode("XADD", key, f"{number + 1}-0", "field", b"x" * 16)
        return
    for start in range(0, FIELDS if kind == "hash" else ELEMENTS, step):
        numbers = range(start, start + step)
        match kind:
            case "list": yield encode("RPUSH", key, *(b"x" * 16 for _ in numbers))
            case "set": yield encode("SADD", key, *map(element, numbers))
            case "hash": yield encode("HSET", key, *(word for n in numbers for word in (element(n), b"x" * 16)))
            case "zset": yield encode("ZADD", key, *(word for n in numbers for word in (n, element(n))))


def make_masters(server, commands: list[str]) -> None:
    client = Client(server.port)
    client.call("FLUSHALL")
    for kind in sorted({COMMANDS[name].master for name in commands} - {None}):
        pending = 0
        for request in additions(kind):
            client.socket.sendall(request)
            pending += 1
            while pending > 20:
                client.read()
                pending -= 1
        for _ in range(pending):
            client.read()
    client.close()


def prepare(server, scenario: Scenario, name: str, seconds: float) -> Work:
    """Puts the values where a run of `seconds` finds them, and says what it does."""
    command = COMMANDS[name]
    copies = 1
    if command.takes:
        copies = math.ceil(TAKEN_PER_SECOND[scenario.pipeline] * seconds * WARMUP / ELEMENTS)
    client = Client(server.port)
    for key in ("work", *(f"work:{number:012d}" for number in range(32))):
        client.call("UNLINK", key)
    for number in range(copies if command.master else 0):
        key = f"work:{number:012d}" if command.takes else "work"
        client.call("COPY", f"master:{command.master}", key, "REPLACE")
    client.close()
    keys = copies if command.takes else FIELDS
    return Work(scenario.clients, scenario.pipeline, scenario.value_bytes, keys, name, command.words)


def check(server, work: Work) -> None:
    """Nobody may have found less than there was to be found."""
    if not COMMANDS[work.command].takes:
        return
    client = Client(server.port)
    try:
        empty = work.keys - client.call("EXISTS", *(f"work:{number:012d}" for number in range(work.keys)))
    except ReplyError:
        empty = 0
    client.close()
    if empty:
        raise RuntimeError(f"{server.label} emptied {empty} of {work.keys} values with {work.command}: "
                           "shorter runs (--seconds) or more in TAKEN_PER_SECOND")
