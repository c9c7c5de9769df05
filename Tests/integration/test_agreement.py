"""test_agreement.py: one stream of commands, several servers, the same bytes.

The same seeds go to this server on io_uring and on epoll, with 1, 2 and 4 threads, and to redis-server where
it is installed: every reply must be equal byte for byte, in RESP2 and RESP3, however
the packets are cut and whoever waits meanwhile, but for the differences that differences.txt gives a reason for.
"""
import os

import differential
from harness.resp import encode
from harness.runner import Mismatch, expect, skip, test
from harness.server import Server, denied, flavour
from test_engine import io_uring_is_here

REDIS = "/usr/bin/redis-server"
SEEDS = range(1, 25)
COMMANDS = 2000


def subjects(start):
    found = []
    if os.path.exists(REDIS):
        found.append(differential.Subject("redis", start(path=REDIS, deny="")))
    found.append(differential.Subject("epoll", start("io-engine epoll", "io-threads 1")))
    found.append(differential.Subject("epoll, 2 threads", start("io-engine epoll", "io-threads 2", "io-threads-always-active yes")))
    if io_uring_is_here():
        found.append(differential.Subject("io_uring", start("io-engine io_uring", "io-threads 1")))
        found.append(differential.Subject("io_uring, 4 threads", start("io-engine io_uring", "io-threads 4", "io-threads-always-active yes")))
    if len(found) < 2:
        skip("there is only one engine here and no redis-server")
    return found


def agree(start, count):
    compared = subjects(start)
    rules = differential.read_rules()
    problems = [differential.compare(compared, seed, count, "redis", rules) for seed in SEEDS]
    problems = [problem for problem in problems if problem]
    if problems:
        raise Mismatch("\n".join(problems))


@test(on="martlet", limit=300)
def engines_and_redis_answer_alike(start):
    agree(start, COMMANDS)


INTEGER_ARGUMENTS = """
SETRANGE key ? x
GETRANGE key ? -1
GETRANGE key 0 ?
SETEX key ? v
PSETEX key ? v
SET key v EX ?
SET key v PX ?
SET key v EXAT ?
SET key v PXAT ?
GETEX key EX ?
GETEX key PX ?
GETEX key EXAT ?
GETEX key PXAT ?
INCRBY key ?
DECRBY key ?
INCRBYFLOAT key ?
EXPIRE key ?
PEXPIRE key ?
EXPIREAT key ?
PEXPIREAT key ?
SCAN 0 COUNT ?
SELECT ?
SWAPDB 0 ?
SWAPDB ? 0
MOVE key ?
COPY key other DB ?
LCS key key IDX MINMATCHLEN ?
OBJECT ENCODING ?
CLIENT KILL ID ?
CLIENT UNBLOCK ?
CLIENT NO-EVICT ?
DEBUG SLEEP ?
HELLO ?
CONFIG SET timeout ?
CONFIG SET maxmemory ?
MEMORY USAGE key SAMPLES ?
LPOP list ?
RPOP list ?
LMPOP ? list LEFT
LMPOP 1 list LEFT COUNT ?
BLMPOP 0.001 ? list LEFT
LRANGE list ? -1
LRANGE list 0 ?
LINDEX list ?
LPOS list a RANK ?
LPOS list a COUNT ?
LPOS list a MAXLEN ?
LSET list ? x
LREM list ? a
LTRIM list ? -1
LTRIM list 0 ?
SPOP set ?
SRANDMEMBER set ?
SINTERCARD ? set
SINTERCARD 1 set LIMIT ?
SSCAN set 0 COUNT ?
HINCRBY hash n ?
HRANDFIELD hash ?
HSCAN hash 0 COUNT ?
ZRANGE sorted ? -1
ZRANGE sorted 0 ?
ZRANGE sorted -inf +inf BYSCORE LIMIT ? 1
ZRANGE sorted -inf +inf BYSCORE LIMIT 0 ?
ZREVRANGE sorted ? -1
ZRANGEBYSCORE sorted -inf +inf LIMIT ? 1
ZRANGEBYSCORE sorted -inf +inf LIMIT 0 ?
ZREVRANGEBYSCORE sorted +inf -inf LIMIT 0 ?
ZRANGEBYLEX sorted - + LIMIT ? 1
ZRANGESTORE other sorted 0 ?
ZREMRANGEBYRANK sorted ? -1
ZREMRANGEBYRANK sorted 0 ?
ZPOPMIN sorted ?
ZPOPMAX sorted ?
ZMPOP ? sorted MIN
ZMPOP 1 sorted MIN COUNT ?
ZUNION ? sorted
ZINTER ? sorted
ZDIFF ? sorted
ZUNIONSTORE other ? sorted
ZINTERCARD ? sorted
ZINTERCARD 1 sorted LIMIT ?
ZRANDMEMBER sorted ?
ZSCAN sorted 0 COUNT ?
SORT numbers LIMIT ? 1
SORT numbers LIMIT 0 ?
XADD stream MAXLEN ? 9-9 f v
XADD stream MAXLEN ~ 1 LIMIT ? 9-9 f v
XTRIM stream MAXLEN ?
XTRIM stream MAXLEN ~ 1 LIMIT ?
XRANGE stream - + COUNT ?
XREVRANGE stream + - COUNT ?
XREAD COUNT ? STREAMS stream 0
XREAD BLOCK ? STREAMS stream 0
XREADGROUP GROUP g c COUNT ? STREAMS stream >
XPENDING stream g - + ?
XPENDING stream g IDLE ? - + 1
XCLAIM stream g c ? 1-1 JUSTID
XCLAIM stream g c 0 1-1 RETRYCOUNT ? JUSTID
XCLAIM stream g c 0 1-1 IDLE ? JUSTID
XCLAIM stream g c 0 1-1 TIME ? JUSTID
XAUTOCLAIM stream g c ? 0
XAUTOCLAIM stream g c 0 0 COUNT ?
XSETID stream 9-9 ENTRIESADDED ?
XINFO STREAM stream FULL COUNT ?
SETBIT key ? 1
SETBIT key 1 ?
GETBIT key ?
BITCOUNT key ? -1
BITCOUNT key 0 ?
BITPOS key ?
BITPOS key 1 ?
BITPOS key 1 0 ?
BITFIELD key GET u8 ?
BITFIELD key SET u8 0 ?
BITFIELD key INCRBY i8 0 ?
GEOSEARCH geo FROMLONLAT 0 0 BYRADIUS 1 km COUNT ?
GEORADIUS geo 0 0 1 km COUNT ?
RESTORE new ? x
RESTORE new 0 x IDLETIME ?
RESTORE new 0 x FREQ ?
"""

# What the integer arguments are about.
VALUES = (("RPUSH", "list", "a", "b", "a", "c"), ("RPUSH", "numbers", "3", "1", "2"), ("SADD", "set", "one"), ("HSET", "hash", "n", "5"),
          ("ZADD", "sorted", "1", "a"), ("XADD", "stream", "1-1", "f", "v"), ("XGROUP", "CREATE", "stream", "g", "0"),
          ("GEOADD", "geo", "0", "0", "a"))


def is_left_out(shape, edge):
    """What would take long: sleeps, strings of half a gigabyte, and answers that Redis makes until it has no memory left."""
    number = int(edge) if edge.lstrip(b"-").isdigit() else 0
    if shape.startswith(("DEBUG SLEEP", "HELLO")):
        return edge in (b"1", b"01", b"+1", b"1.5", b" 1", b"1 ", b"1e3", b"0x10", b"inf") or (
            shape.startswith("DEBUG SLEEP") and edge.lstrip(b"-").isdigit())
    if "RANDMEMBER" in shape or "RANDFIELD" in shape:
        return number < -1
    return shape.startswith(("SETBIT", "BITFIELD")) and number > 1 << 30


@test(on="martlet")
def integers_are_read_alike(start):
    """Every integer argument with every edge of 32 and 64 bits and every form that is none (4.2)."""
    from harness.commands import EDGES
    if not os.path.exists(REDIS):
        skip("no redis-server to compare with")
    reference, subject = start(path=REDIS, deny=""), start()
    rules = differential.read_rules()
    problems = []
    with reference.connect() as one, subject.connect() as other:
        for shape in INTEGER_ARGUMENTS.strip().splitlines():
            for edge in EDGES:
                if is_left_out(shape, edge):
                    continue
                command = [edge if word == "?" else word.encode() for word in shape.split()]
                replies = []
                for connection in (one, other):
                    connection.pipeline(("RESET",), ("FLUSHALL",), ("CONFIG", "SET", "maxmemory", "0", "timeout", "0"),
                                        ("SET", "key", "10"), *VALUES)
                    connection.send(encode(*command))
                    replies.append(connection.read_raw())
                if shape.startswith(("MEMORY USAGE", "SCAN", "SSCAN", "HSCAN", "ZSCAN", "XINFO STREAM")) and replies[0][:1] == replies[1][:1] != b"-":
                    continue  # sizes and cursors are the server's own
                if not differential.same(command, *replies) and not any(
                        rule.explains(command, *replies) for rule in rules):
                    problems.append(differential.describe([], command, [("redis", replies[0]), ("ours", replies[1])]))
    if problems:
        raise Mismatch("\n".join(problems))


@test(on="martlet")
def splits_do_not_matter(start):
    """One seed, sent whole and sent in single bytes: the same replies."""
    from harness.commands import Generator
    server = start()
    generator = Generator(77)
    commands = generator.batch(300)
    whole = differential.Subject("whole", server)
    whole.begin(2)
    wanted = whole.perform(commands, [])
    pieces = differential.Subject("pieces", server)
    pieces.begin(2)
    size = sum(len(encode(*command)) for command in commands)
    got = pieces.perform(commands, range(1, size))
    transcript = differential.Transcript([])
    for command, one, other in zip(commands, wanted, got):
        if not transcript.agrees(command, one, other):
            raise Mismatch(differential.describe([], command, [("whole", one), ("in bytes", other)]))
        transcript.note(command, one)
