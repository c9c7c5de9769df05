"""test_notifications.py: which events each command tells, and when they leave.

Each line: what is done before, then the command, and the events that those hear who listen to `__keyevent@0__:*`, each with
its key (and its database, if that is not 0). The first table was taken from Redis 7.0 and Valkey 9.1, which agree in all
of it, the second from Valkey.
"""
import shlex

from harness.resp import Push, wait_until
from harness.runner import expect, test

ALL = "martlet redis valkey"

TABLE = """
=> SET a v => new a, set a
SET a v => SET a v NX =>
=> SET a v EX 100 => new a, set a, expire a
=> SET a v PXAT 9999999999999 => new a, set a, expire a
SET a v => SET a w KEEPTTL => set a
SET a v => SET a w GET => set a
=> SET a w GET => keymiss a, new a, set a
=> SETNX a v => new a, set a
=> SETEX a 10 v => new a, set a, expire a
=> PSETEX a 10000 v => new a, set a, expire a
=> GET a => keymiss a
=> MGET a b => keymiss a, keymiss b
SET a v => GETEX a EX 100 => expire a
SET a v => GETEX a PERSIST =>
SET a v EX 100 => GETEX a PERSIST => persist a
SET a v => GETDEL a => del a
=> GETDEL a => keymiss a
=> GETSET a v => keymiss a, new a, set a
=> MSET a 1 b 2 a 3 => new a, set a, new b, set b, set a
=> MSETNX a 1 b 2 => new a, set a, new b, set b
=> APPEND a v => new a, append a
SET a v => APPEND a v => append a
=> SETRANGE a 1 v => new a, setrange a
SET a v => SETRANGE a 0 "" =>
=> INCR a => new a, incrby a
SET a 1 => DECRBY a 2 => incrby a
=> INCRBYFLOAT a 1.5 => new a, incrbyfloat a
=> STRLEN a => keymiss a
=> GETRANGE a 0 1 => keymiss a
SET a v ; SET b v => DEL a b c => del a, del b
SET a v => UNLINK a => del a
=> DEL a =>
=> EXISTS a => keymiss a
=> TYPE a => keymiss a
=> TTL a => keymiss a
=> OBJECT ENCODING a =>
=> DUMP a => keymiss a
SET a v => EXPIRE a 100 => expire a
SET a v EX 100 => PERSIST a => persist a
SET a v => PEXPIREAT a 9999999999999 => expire a
SET a v => RENAME a b => new b, rename_from a, rename_to b
SET a v ; SET b v => RENAME a b => new b, rename_from a, rename_to b
SET a v => RENAMENX a b => new b, rename_from a, rename_to b
SET a v => RENAME a a =>
SET a v => COPY a b => new b, copy_to b
SET a v => COPY a b DB 1 => new@1 b, copy_to@1 b
SET a v => MOVE a 1 => new@1 a, move_from a, move_to@1 a
SET a v => TOUCH a =>
=> TOUCH a => keymiss a
=> RANDOMKEY =>
=> LPUSH a 1 2 => new a, lpush a
=> RPUSH a 1 2 => new a, rpush a
=> LPUSHX a 1 =>
RPUSH a 1 => RPUSHX a 1 => rpush a
RPUSH a 1 2 => LPOP a => lpop a
RPUSH a 1 => LPOP a => lpop a, del a
RPUSH a 1 2 3 => RPOP a 2 => rpop a
RPUSH a 1 2 => RPOP a 2 => rpop a, del a
=> LPOP a =>
RPUSH a 1 2 => BLPOP a 1 => lpop a
RPUSH a 1 => BRPOP a 1 => rpop a, del a
RPUSH a 1 2 => LMPOP 2 b a LEFT => lpop a
RPUSH a 1 2 => LMPOP 2 b a RIGHT COUNT 5 => rpop a, del a
RPUSH a 1 2 => BLMPOP 1 2 b a LEFT => lpop a
RPUSH a 1 2 => LMOVE a b LEFT RIGHT => new b, rpush b, lpop a
RPUSH a 1 => RPOPLPUSH a b => new b, lpush b, rpop a, del a
RPUSH a 1 2 => RPOPLPUSH a a => lpush a, rpop a
RPUSH a 1 => RPOPLPUSH a a => lpush a, rpop a
RPUSH a 1 => BLMOVE a b LEFT LEFT 1 => new b, lpush b, lpop a, del a
RPUSH a 1 => BRPOPLPUSH a b 1 => new b, lpush b, rpop a, del a
RPUSH a 1 2 3 => LTRIM a 0 1 => ltrim a
RPUSH a 1 2 3 => LTRIM a 5 6 => ltrim a, del a
RPUSH a 1 2 3 => LSET a 0 x => lset a
RPUSH a 1 2 3 => LREM a 0 2 => lrem a
RPUSH a 2 => LREM a 0 2 => lrem a, del a
RPUSH a 1 => LREM a 0 2 =>
RPUSH a 1 => LINSERT a BEFORE 1 0 => linsert a
RPUSH a 1 => LINSERT a BEFORE 9 0 =>
=> LLEN a => keymiss a
=> LRANGE a 0 -1 => keymiss a
=> LINDEX a 0 => keymiss a
=> LPOS a 0 => keymiss a
=> SADD a 1 2 => new a, sadd a
SADD a 1 => SADD a 1 =>
SADD a 1 2 => SREM a 1 => srem a
SADD a 1 => SREM a 1 => srem a, del a
SADD a 1 => SREM a 2 =>
SADD a 1 2 => SPOP a => spop a
SADD a 1 => SPOP a => spop a, del a
SADD a 1 2 3 => SPOP a 2 => spop a
SADD a 1 2 3 => SPOP a 3 => spop a, del a
SADD a 1 2 3 => SPOP a 9 => spop a, del a
SADD a 1 => SMOVE a b 1 => srem a, del a, new b, sadd b
SADD a 1 2 ; SADD b 1 => SMOVE a b 1 => srem a
SADD a 1 2 => SMOVE a b 1 => srem a, new b, sadd b
SADD a 1 ; SADD b 1 => SINTERSTORE c a b => new c, sinterstore c
SADD a 1 ; SADD c 1 => SINTERSTORE c a b => keymiss b, del c
SADD a 1 => SUNIONSTORE c a b => keymiss b, new c, sunionstore c
SADD a 1 => SDIFFSTORE c b a => keymiss b
SADD a 1 => SDIFFSTORE c b => keymiss b
SADD a 1 => SINTER a b => keymiss b
=> SMEMBERS a => keymiss a
=> SISMEMBER a 1 => keymiss a
=> SMISMEMBER a 1 => keymiss a
=> SCARD a => keymiss a
=> SRANDMEMBER a => keymiss a
=> SRANDMEMBER a 2 => keymiss a
=> SINTERCARD 2 a b => keymiss a, keymiss b
=> SDIFF a b => keymiss a, keymiss b
=> SUNION a b => keymiss a, keymiss b
=> ZADD a 1 x => new a, zadd a
ZADD a 1 x => ZADD a 2 x => zadd a
ZADD a 1 x => ZADD a 1 x =>
=> ZADD a INCR 1 x => new a, zincr a
ZADD a 1 x => ZADD a NX 2 x =>
=> ZINCRBY a 1 x => new a, zincr a
ZADD a 1 x 2 y => ZREM a x => zrem a
ZADD a 1 x => ZREM a x => zrem a, del a
ZADD a 1 x => ZREM a z =>
ZADD a 1 x => ZPOPMIN a => zpopmin a, del a
ZADD a 1 x 2 y => ZPOPMAX a => zpopmax a
ZADD a 1 x 2 y => ZPOPMAX a 5 => zpopmax a, del a
ZADD a 1 x 2 y => BZPOPMIN a 1 => zpopmin a
ZADD a 1 x => BZPOPMAX a 1 => zpopmax a, del a
ZADD a 1 x => ZMPOP 2 b a MIN => zpopmin a, del a
ZADD a 1 x 2 y => BZMPOP 1 1 a MAX COUNT 1 => zpopmax a
ZADD a 1 x 2 y => ZREMRANGEBYSCORE a 1 1 => zremrangebyscore a
ZADD a 1 x 2 y => ZREMRANGEBYRANK a 0 5 => zremrangebyrank a, del a
ZADD a 0 x 0 y => ZREMRANGEBYLEX a [x [x => zremrangebylex a
ZADD a 0 x 0 y => ZREMRANGEBYLEX a [z [z =>
ZADD a 1 x => ZUNIONSTORE c 2 a b => keymiss b, new c, zunionstore c
ZADD a 1 x ; ZADD c 1 x => ZINTERSTORE c 2 a b => keymiss b, del c
ZADD a 1 x => ZINTERSTORE c 2 a b => keymiss b
ZADD a 1 x => ZDIFFSTORE c 2 a b => keymiss b, new c, zdiffstore c
ZADD a 1 x => ZRANGESTORE c a 0 -1 => new c, zrangestore c
ZADD c 1 x => ZRANGESTORE c a 0 -1 => keymiss a, del c
=> ZRANGE a 0 -1 => keymiss a
=> ZRANGEBYSCORE a 0 1 => keymiss a
=> ZSCORE a x => keymiss a
=> ZMSCORE a x => keymiss a
=> ZCARD a => keymiss a
=> ZCOUNT a 0 1 => keymiss a
=> ZLEXCOUNT a - + => keymiss a
=> ZRANK a x => keymiss a
=> ZRANDMEMBER a => keymiss a
=> ZRANDMEMBER a 2 => keymiss a
=> ZUNION 2 a b => keymiss a, keymiss b
=> ZINTERCARD 2 a b => keymiss a, keymiss b
=> GEOADD a 1 1 x => new a, zadd a
GEOADD a 1 1 x => GEORADIUS a 1 1 10 km STORE b => new b, georadiusstore b
GEOADD a 1 1 x => GEOSEARCHSTORE b a FROMMEMBER x BYRADIUS 1 km => new b, geosearchstore b
GEOADD b 1 1 x => GEOSEARCHSTORE b a FROMLONLAT 1 1 BYRADIUS 1 km => keymiss a, del b
=> GEOPOS a x => keymiss a
=> GEODIST a x y => keymiss a
=> GEOSEARCH a FROMLONLAT 1 1 BYRADIUS 1 km => keymiss a
=> HSET a f v => new a, hset a
HSET a f v => HSET a f v g w => hset a
=> HMSET a f v => new a, hset a
=> HSETNX a f v => new a, hset a
HSET a f v => HSETNX a f v =>
HSET a f v => HDEL a f => hdel a, del a
HSET a f v g w => HDEL a f x => hdel a
HSET a f v => HDEL a x =>
=> HINCRBY a f 1 => new a, hincrby a
=> HINCRBYFLOAT a f 1.5 => new a, hincrbyfloat a
=> HGET a f => keymiss a
=> HMGET a f => keymiss a
=> HGETALL a => keymiss a
=> HKEYS a => keymiss a
=> HLEN a => keymiss a
=> HEXISTS a f => keymiss a
=> HSTRLEN a f => keymiss a
=> HRANDFIELD a => keymiss a
=> HSCAN a 0 => keymiss a
=> SSCAN a 0 => keymiss a
=> ZSCAN a 0 => keymiss a
=> SCAN 0 =>
=> PFADD a 1 => new a, pfadd a
PFADD a 1 => PFADD a 1 =>
PFADD a 1 => PFADD a 2 => pfadd a
PFADD a 1 => PFMERGE b a => keymiss b, new b, pfadd b
PFADD a 1 => PFCOUNT a =>
=> PFCOUNT a => keymiss a
=> SETBIT a 1 1 => new a, setbit a
=> GETBIT a 1 => keymiss a
=> BITCOUNT a => keymiss a
=> BITPOS a 1 => keymiss a
SET a v => BITOP NOT b a => new b, set b
SET b v => BITOP NOT b a => keymiss a, del b
=> BITFIELD a SET u8 0 1 => new a, setbit a
=> BITFIELD a GET u8 0 => keymiss a
=> BITFIELD a SET u8 0 0 => new a, setbit a
SET a v => BITFIELD a INCRBY u8 0 1 => setbit a
=> BITFIELD_RO a GET u8 0 => keymiss a
RPUSH a 2 1 => SORT a =>
RPUSH a 2 1 => SORT a STORE b => new b, sortstore b
SET b v => SORT a STORE b => keymiss a, del b
=> SORT a => keymiss a
=> LCS a b => keymiss a, keymiss b
=> XADD a * f v => new a, xadd a
XADD a 1-1 f v => XADD a MAXLEN 1 2-1 f v => xadd a, xtrim a
XADD a 1-1 f v => XDEL a 1-1 => xdel a
XADD a 1-1 f v => XDEL a 9-1 =>
XADD a 1-1 f v ; XADD a 2-1 f v => XTRIM a MAXLEN 1 => xtrim a
XADD a 1-1 f v => XTRIM a MAXLEN 1 =>
XADD a 1-1 f v => XSETID a 5-1 => xsetid a
=> XGROUP CREATE a g $ MKSTREAM => new a, xgroup-create a
XADD a 1-1 f v ; XGROUP CREATE a g 0 => XGROUP SETID a g $ => xgroup-setid a
XADD a 1-1 f v ; XGROUP CREATE a g 0 => XGROUP DESTROY a g => xgroup-destroy a
XADD a 1-1 f v ; XGROUP CREATE a g 0 => XGROUP CREATECONSUMER a g c => xgroup-createconsumer a
XADD a 1-1 f v ; XGROUP CREATE a g 0 ; XGROUP CREATECONSUMER a g c => XGROUP DELCONSUMER a g c => xgroup-delconsumer a
XADD a 1-1 f v ; XGROUP CREATE a g 0 => XREADGROUP GROUP g c STREAMS a > => xgroup-createconsumer a
XADD a 1-1 f v ; XGROUP CREATE a g 0 ; XREADGROUP GROUP g c STREAMS a > => XREADGROUP GROUP g c STREAMS a 0 =>
XADD a 1-1 f v ; XGROUP CREATE a g 0 ; XREADGROUP GROUP g c STREAMS a > => XACK a g 1-1 =>
XADD a 1-1 f v ; XGROUP CREATE a g 0 ; XREADGROUP GROUP g c STREAMS a > => XCLAIM a g d 0 1-1 => xgroup-createconsumer a
XADD a 1-1 f v ; XGROUP CREATE a g 0 ; XREADGROUP GROUP g c STREAMS a > => XAUTOCLAIM a g d 0 0 => xgroup-createconsumer a
=> XLEN a => keymiss a
=> XRANGE a - + => keymiss a
=> XPENDING a g => keymiss a
=> XINFO STREAM a => keymiss a
SET a v => FLUSHALL =>
SET a v => FLUSHDB =>
SET a v => SWAPDB 0 1 =>
"""

NEWER = """
HSET a f v => HEXPIRE a 100 FIELDS 1 f => hexpire a
HSET a f v => HEXPIRE a 0 FIELDS 1 f => hexpired a, del a
HSET a f v g w => HPEXPIREAT a 1 FIELDS 1 f => hexpired a
HSET a f v => HPERSIST a FIELDS 1 f =>
HSETEX a EX 100 FIELDS 1 f v => HPERSIST a FIELDS 1 f => hpersist a
=> HSETEX a EX 100 FIELDS 1 f v => new a, hset a, hexpire a
=> HSETEX a FIELDS 1 f v => new a, hset a
HSET a f v => HGETEX a EX 100 FIELDS 1 f => hexpire a
HSET a f v => HGETEX a FIELDS 1 f =>
HSETEX a EX 100 FIELDS 1 f v => HGETEX a PERSIST FIELDS 1 f => hpersist a
SET a v => DELIFEQ a v => del a
SET a v => SET a w IFEQ v => set a
=> MSETEX 2 a 1 b 2 EX 100 => new a, set a, expire a, new b, set b, expire b
=> MSETEX 1 a 1 => new a, set a
"""

MARK = "__keyevent@0__:mark"


def rows(text):
    for line in text.strip().splitlines():
        before, command, events = line.split("=>")
        wanted = [event.strip() for event in events.split(",") if event.strip()]
        yield line, [shlex.split(part) for part in before.split(";") if part.strip()], shlex.split(command), wanted


def heard(listener):
    """The events up to the next mark."""
    events = []
    while True:
        _, _, channel, payload = listener.read()
        if channel == MARK.encode():
            return events
        place, _, name = channel.decode().removeprefix("__keyevent@").partition("__:")
        events.append(f"{name}{'@' + place if place != '0' else ''} {payload.decode()}")




def check(start, table):
    server = start()
    with server.connect() as client, server.connect() as listener:
        expect(client.call("CONFIG", "SET", "notify-keyspace-events", "AEnm"), "OK")
        expect(listener.call("PSUBSCRIBE", "__keyevent@*"), [b"psubscribe", b"__keyevent@*", 1])
        for line, before, command, wanted in rows(table):
            client.call("FLUSHALL")
            for words in before:
                client.call(*words)
            client.call("PUBLISH", MARK, "")
            heard(listener)
            client.call(*command)
            client.call("PUBLISH", MARK, "")
            expect(heard(listener), wanted, line)


@test(on=ALL)
def each_command_tells_its_events(start):
    check(start, TABLE)


@test(on="martlet valkey")
def newer_commands_tell_their_events(start):
    check(start, NEWER)


@test(on=ALL)
def classes_and_channels_are_chosen(start):
    server = start()
    with server.connect() as client, server.connect() as listener:
        expect(listener.call("PSUBSCRIBE", "*"), [b"psubscribe", b"*", 1])

        def told(letters, *commands):
            expect(client.call("CONFIG", "SET", "notify-keyspace-events", letters), "OK")
            client.call("FLUSHALL")
            client.pipeline(*commands)
            client.call("PUBLISH", "mark", "")
            channels = []
            while True:
                _, _, channel, payload = listener.read()
                if channel == b"mark":
                    return channels
                channels.append((channel.decode(), payload.decode()))

        both = [("__keyspace@0__:a", "set"), ("__keyevent@0__:set", "a")]
        expect(told("KEA", ("SET", "a", "v")), both)
        expect(told("K$", ("SET", "a", "v"), ("RPUSH", "l", "x")), both[:1])
        expect(told("E$", ("SET", "a", "v"), ("RPUSH", "l", "x")), both[1:])
        expect(told("A", ("SET", "a", "v")), [])
        expect(told("", ("SET", "a", "v")), [])
        expect(told("KEm", ("GET", "a"), ("SET", "a", "v")), [("__keyspace@0__:a", "keymiss"), ("__keyevent@0__:keymiss", "a")])
        expect(told("En", ("SET", "a", "v"), ("SET", "a", "w")), [("__keyevent@0__:new", "a")])
        expect(told("Elg", ("RPUSH", "l", "x"), ("LPOP", "l")),
               [("__keyevent@0__:rpush", "l"), ("__keyevent@0__:lpop", "l"), ("__keyevent@0__:del", "l")])
        expect(told("KE$", ("SELECT", "3"), ("SET", "a", "v"), ("SELECT", "0")),
               [("__keyspace@3__:a", "set"), ("__keyevent@3__:set", "a")])
        expect(client.call("CONFIG", "GET", "notify-keyspace-events"), [b"notify-keyspace-events", b"$KE"])


@test(on=ALL)
def expired_keys_are_told_whoever_finds_them(start):
    server = start()
    with server.connect() as client, server.connect() as listener:
        expect(client.call("CONFIG", "SET", "notify-keyspace-events", "Ex"), "OK")
        expect(listener.call("SUBSCRIBE", "__keyevent@0__:expired")[2], 1)
        # By a command, or by the sweep that was faster, and at last by the sweep alone.
        expect(client.call("SET", "found", "v", "PX", 5), "OK")
        wait_until(lambda: client.call("GET", "found") is None, 20, "expired")
        expect(listener.read(), [b"message", b"__keyevent@0__:expired", b"found"])
        expect(client.call("SET", "swept", "v", "PX", 5), "OK")
        expect(listener.read(), [b"message", b"__keyevent@0__:expired", b"swept"])


@test(on=ALL)
def events_of_a_transaction_come_in_its_order(start):
    server = start()
    with server.connect() as client, server.connect() as listener:
        expect(client.call("CONFIG", "SET", "notify-keyspace-events", "E$l"), "OK")
        expect(listener.call("PSUBSCRIBE", "*")[2], 1)
        client.pipeline(("MULTI",), ("SET", "a", "v"), ("PUBLISH", "c", "between"), ("RPUSH", "l", "x"), ("EXEC",))
        expect([listener.read()[2:] for _ in range(3)],
               [[b"__keyevent@0__:set", b"a"], [b"c", b"between"], [b"__keyevent@0__:rpush", b"l"]])


@test(on="martlet valkey")
def own_events_follow_the_answer(start):
    server = start()
    with server.connect(protocol=3) as client:
        expect(client.call("CONFIG", "SET", "notify-keyspace-events", "E$"), "OK")
        expect(client.call("PSUBSCRIBE", "*")[2], 1)
        client.send_command("SET", "a", "v")
        expect(client.read(), "OK")
        message = client.read()
        expect((message, isinstance(message, Push)), ([b"pmessage", b"*", b"__keyevent@0__:set", b"a"], True))
        for words in (("MULTI",), ("SET", "a", "w"), ("GET", "a"), ("EXEC",)):
            client.send_command(*words)
        expect(client.read_replies(4), ["OK", "QUEUED", "QUEUED", ["OK", b"w"]])
        expect(client.read(), [b"pmessage", b"*", b"__keyevent@0__:set", b"a"])


@test(on="martlet")
def who_is_served_is_told_of_in_order(start):
    server = start()
    with server.connect() as client, server.connect() as waiting, server.connect() as listener:
        expect(client.call("CONFIG", "SET", "notify-keyspace-events", "Elg"), "OK")
        expect(listener.call("PSUBSCRIBE", "*")[2], 1)
        waiting.send_command("BLPOP", "l", 0)
        wait_until(lambda: b"flags=b" in client.call("CLIENT", "LIST"), 20, "somebody waits")
        expect(client.call("RPUSH", "l", "x"), 1)
        expect(waiting.read(), [b"l", b"x"])
        expect([listener.read()[2:] for _ in range(3)],
               [[b"__keyevent@0__:rpush", b"l"], [b"__keyevent@0__:lpop", b"l"], [b"__keyevent@0__:del", b"l"]])


ALWAYS = ("appendonly yes", "appendfsync always", "enable-debug-command yes")


@test(on="martlet")
def with_always_an_event_waits_for_the_disk(start):
    server = start(*ALWAYS)
    with server.connect() as control, server.connect() as listener, server.connect(protocol=3) as other, \
            server.connect() as writer, server.connect() as teller:
        expect(control.call("CONFIG", "SET", "notify-keyspace-events", "KEAm"), "OK")
        expect(listener.call("PSUBSCRIBE", "__key*")[2], 1)
        expect(other.call("SUBSCRIBE", "__keyevent@0__:set", "plain")[2], 1)
        other.read()
        expect(control.call("SET", "x", "1"), "OK")
        expect(listener.read()[2:], [b"__keyspace@0__:x", b"set"])
        expect(listener.read()[2:], [b"__keyevent@0__:set", b"x"])
        expect(other.read(), [b"message", b"__keyevent@0__:set", b"x"])

        expect(control.call("DEBUG", "reply-blocking-pause", "aof"), "OK")
        writer.send_command("SET", "k", "v")
        held = lambda: int(control.call("INFO", "everything").decode().split("held_clients:")[1].split("\r")[0])
        wait_until(lambda: held() == 3, 20, "the writer and both listeners held")
        expect((listener.is_silent(), other.is_silent(), writer.is_silent()), (True, True, True))
        # A message that tells of no change is held by nobody but the order of what its listener hears.
        with server.connect() as free:
            expect(free.call("SUBSCRIBE", "plain")[2], 1)
            expect(teller.call("PUBLISH", "plain", "x"), 2)
            expect(free.read(), [b"message", b"plain", b"x"])
        expect(other.is_silent(), True)
        expect(control.call("DEBUG", "reply-blocking-resume", "aof"), "OK")
        expect(writer.read(), "OK")
        expect(listener.read()[2:], [b"__keyspace@0__:k", b"set"])
        expect(listener.read()[2:], [b"__keyevent@0__:set", b"k"])
        expect(other.read(), [b"message", b"__keyevent@0__:set", b"k"])
        expect(other.read(), [b"message", b"plain", b"x"])


@test(on="martlet")
def with_always_what_a_transaction_publishes_waits_for_the_disk(start):
    server = start(*ALWAYS)
    with server.connect() as control, server.connect() as listener, server.connect() as writer, server.connect() as reader:
        expect(listener.call("SUBSCRIBE", "c")[2], 1)
        expect(control.call("DEBUG", "reply-blocking-pause", "aof"), "OK")
        for words in (("MULTI",), ("PUBLISH", "c", "first"), ("SET", "k", "v"), ("EXEC",)):
            writer.send_command(*words)
        expect(writer.read_replies(3), ["OK", "QUEUED", "QUEUED"])
        held = lambda: int(control.call("INFO", "everything").decode().split("held_clients:")[1].split("\r")[0])
        wait_until(lambda: held() == 2, 20, "the writer and the listener held")
        expect(listener.is_silent(), True)
        # A transaction that writes nothing holds nobody.
        for words in (("MULTI",), ("PUBLISH", "d", "x"), ("EXEC",)):
            reader.send_command(*words)
        expect(reader.read_replies(3), ["OK", "QUEUED", [0]])
        expect(control.call("DEBUG", "reply-blocking-resume", "aof"), "OK")
        expect(writer.read(), [1, "OK"])
        expect(listener.read(), [b"message", b"c", b"first"])


@test(on="martlet")
def with_everysec_events_do_not_wait(start):
    server = start("appendonly yes", "appendfsync everysec", "enable-debug-command yes")
    with server.connect() as control, server.connect() as listener:
        expect(control.call("CONFIG", "SET", "notify-keyspace-events", "E$"), "OK")
        expect(listener.call("PSUBSCRIBE", "*")[2], 1)
        expect(control.call("DEBUG", "reply-blocking-pause", "aof"), "OK")
        expect(control.call("SET", "k", "v"), "OK")
        expect(listener.read()[2:], [b"__keyevent@0__:set", b"k"])
        expect(control.call("DEBUG", "reply-blocking-resume", "aof"), "OK")


@test(on="martlet")
def with_always_monitors_hear_of_a_change_when_it_is_durable(start):
    server = start(*ALWAYS)
    with server.connect() as control, server.connect() as monitor, server.connect() as writer:
        expect(monitor.call("MONITOR"), "OK")
        expect(control.call("DEBUG", "reply-blocking-pause", "aof"), "OK")
        expect(control.call("GET", "clean"), None)
        expect(b'"GET" "clean"' in monitor.read().encode(), True)
        writer.send_command("SET", "k", "v")
        held = lambda: int(control.call("INFO", "everything").decode().split("held_clients:")[1].split("\r")[0])
        wait_until(lambda: held() == 2, 20, "the writer and the monitor held")
        expect(control.call("DEBUG", "reply-blocking-resume", "aof"), "OK")
        expect(writer.read(), "OK")
        while b'"SET" "k" "v"' not in monitor.read().encode():
            pass
