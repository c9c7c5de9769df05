"""test_watching.py: which keys a command changes, as those see it who watch them.

Each line: what is done before, then the command, and the keys of a, b, c, d whose watchers get nothing from EXEC.
The table was taken from Redis 7.0 and Valkey 9.1, which agree in all of it.
"""
from harness.runner import Mismatch, test

TABLE = """
 => SET a v => a
SET a v => SET a v NX =>
SET a v => GET a =>
SET a v => GETEX a =>
SET a v => GETEX a EX 100 => a
SET a v => GETEX a PERSIST =>
SET a v => GETDEL a => a
SET a v => EXPIRE a 100 => a
SET a v => EXPIRE a 100 XX =>
SET a v => EXPIRE a -1 => a
SET a v => PERSIST a =>
SET a v EX 100 => PERSIST a => a
SET a v => SETRANGE a 0 x => a
SET a v => INCR a =>
SET a 1 => INCRBY a 0 => a
SET a v => BITFIELD a GET u8 0 =>
SET a 1 => MSET a 1 b 2 => a b
SET a 1 => MSETNX a 1 b 2 =>
SET a 1 => DEL a b => a
SET a 1 => UNLINK b a => a
SET a 1 => RENAME a b => a b
SET a 1 ; SET b 1 => RENAMENX a b =>
SET a 1 => COPY a b => b
SET a 1 => COPY a b DB 1 =>
SET a 1 => MOVE a 1 => a
RPUSH a 2 1 => SORT a STORE b => b
SET b 1 => SORT c STORE b => b
RPUSH a 2 1 => SORT a BY c* GET d STORE b => b
RPUSH a 1 2 => LTRIM a 0 0 => a
RPUSH a 1 2 => LREM a 0 5 =>
RPUSH a 1 2 => LMOVE a b LEFT LEFT => a b
RPUSH a 1 => LMOVE a a LEFT RIGHT => a
RPUSH b 1 2 => LMPOP 3 a b c LEFT => b
RPUSH b 1 2 => BLMPOP 1 3 a b c LEFT => b
RPUSH b 1 2 => BLPOP a b c 1 => b
SADD a 1 => SADD a 1 =>
SADD a 1 2 3 => SPOP a 3 => a
SADD a 1 => SMOVE a b 1 => a b
SADD a 1 ; SADD b 1 => SMOVE a b 1 => a
SADD a 1 ; SADD b 1 => SMOVE a b 2 =>
SADD a 1 ; SADD b 1 => SINTERSTORE c a b => c
SADD a 1 ; SADD b 2 => SINTERSTORE c a b =>
SADD a 1 ; SADD b 2 ; SADD c 1 => SINTERSTORE c a b => c
ZADD a 1 x => ZADD a 1 x =>
ZADD a 1 x => ZPOPMIN a => a
ZADD b 1 x => ZMPOP 3 a b c MIN => b
ZADD b 1 x => BZPOPMIN a b c 1 => b
ZADD a 1 x => ZRANGESTORE b a 0 -1 => b
ZADD b 1 x => ZRANGESTORE b a 0 -1 => b
ZADD a 1 x ; ZADD b 1 y => ZUNIONSTORE c 2 a b => c
GEOADD a 1 1 x => GEORADIUS a 1 1 10 km STORE b => b
HSET a f v => HSETNX a f v =>
HSET a f v => HDEL a f => a
PFADD a 1 => PFADD a 1 =>
PFADD a 1 ; PFADD b 2 => PFMERGE c a b => c
SET a x ; SET b y => BITOP AND c a b => c
XADD a 1-1 f v => XADD a 2-1 f v => a
XADD a 1-1 f v => XDEL a 1-1 => a
XADD a 1-1 f v => XSETID a 5-5 =>
XADD a 1-1 f v => XGROUP CREATE a g $ =>
 => XGROUP CREATE a g $ MKSTREAM => a
XADD a 1-1 f v ; XGROUP CREATE a g 0 => XGROUP DESTROY a g =>
XADD a 1-1 f v ; XGROUP CREATE a g 0 ; XREADGROUP GROUP g c STREAMS a > => XACK a g 1-1 =>
XADD a 1-1 f v ; XGROUP CREATE a g 0 ; XREADGROUP GROUP g c STREAMS a > => XCLAIM a g d 0 1-1 =>
XADD a 1-1 f v ; XGROUP CREATE a g 0 => XREADGROUP GROUP g c STREAMS a > =>
SET a v => FLUSHDB => a
SET a v => FLUSHALL => a
SET a v => SWAPDB 0 1 => a
SET a v => SWAPDB 3 4 =>
 => MULTI ; SET a 1 ; DEL a ; EXEC => a
"""


@test
def watchers_are_told_of_what_changed_and_of_nothing_else(start):
    server = start()
    problems = []
    with server.connect() as client:
        watchers = {key: server.connect() for key in "abcd"}
        for line in TABLE.strip("\n").splitlines():
            before, commands, wanted = (part.strip() for part in line.split("=>"))
            client.pipeline(("FLUSHALL",), ("SELECT", 0))
            for command in filter(None, before.split(" ; ")):
                client.call(*command.split())
            for key, watcher in watchers.items():
                watcher.call("WATCH", key)
            for command in commands.split(" ; "):
                client.call(*command.split())
            got = [key for key, watcher in watchers.items() if watcher.pipeline(("MULTI",), ("EXEC",))[1] is None]
            if got != wanted.split():
                problems.append(f"{line}   heard of by those who watch {got}")
        for watcher in watchers.values():
            watcher.close()
    if problems:
        raise Mismatch("\n".join(problems))
