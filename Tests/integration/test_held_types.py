"""test_held_types.py: values of every type, keys named in every place of a request, deletions by the server: nothing of them is told before it is durable.

`K` stands for the key that is looked at, `G` for one that is gone; the same requests are sent about dirty keys, which
must wait, and about clean ones, which must not.
"""
from harness.resp import encode, wait_until
from harness.runner import expect, test
from test_held_replies import always, known

# What is in the key of each type.
MAKERS = {
    "string": ("SET", "K", "abcd"),
    "list": ("RPUSH", "K", "a", "b", "c"),
    "set": ("SADD", "K", "a", "b", "c"),
    "zset": ("ZADD", "K", 1, "a", 2, "b", 3, "c"),
    "hash": ("HSET", "K", "a", 1, "b", 2),
    "stream": ("XADD", "K", "1-1", "f", "v"),
    "places": ("GEOADD", "K", "13.361389", "38.115556", "a", "15.087269", "37.502669", "b"),
    "counter": ("PFADD", "K", "a", "b"),
}

READS = {
    "string": ["GET K", "MGET other K", "STRLEN K", "GETRANGE K 0 1", "SUBSTR K 0 1", "GETBIT K 1", "BITCOUNT K", "BITPOS K 1",
               "BITFIELD_RO K GET u8 0", "BITFIELD K GET u8 0", "LCS K other", "LCS other K", "GETEX K", "EXISTS other K",
               "TYPE K", "TTL K", "PTTL K", "EXPIRETIME K", "DUMP K", "TOUCH K", "OBJECT ENCODING K", "MEMORY USAGE K"],
    "list": ["LRANGE K 0 -1", "LLEN K", "LINDEX K 0", "LPOS K b", "SORT K ALPHA", "SORT_RO K ALPHA", "OBJECT ENCODING K",
             "TYPE K", "DUMP K"],
    "set": ["SMEMBERS K", "SCARD K", "SISMEMBER K a", "SMISMEMBER K a z", "SRANDMEMBER K", "SRANDMEMBER K -5", "SSCAN K 0",
            "SINTER K", "SINTER other K", "SUNION other K", "SDIFF other K", "SDIFF K other", "SINTERCARD 2 other K",
            "SORT K ALPHA", "TYPE K"],
    "zset": ["ZRANGE K 0 -1", "ZCARD K", "ZSCORE K a", "ZMSCORE K a b", "ZRANK K a", "ZREVRANK K a", "ZCOUNT K 0 9",
             "ZLEXCOUNT K - +", "ZRANGEBYSCORE K 0 9", "ZREVRANGE K 0 -1", "ZREVRANGEBYSCORE K 9 0", "ZRANGEBYLEX K - +",
             "ZREVRANGEBYLEX K + -", "ZRANDMEMBER K", "ZSCAN K 0", "ZUNION 2 other K", "ZINTER 2 other K", "ZDIFF 2 K other",
             "ZINTERCARD 2 other K"],
    "hash": ["HGET K a", "HMGET K a b", "HGETALL K", "HKEYS K", "HVALS K", "HLEN K", "HEXISTS K a", "HSTRLEN K a",
             "HRANDFIELD K", "HRANDFIELD K -3 WITHVALUES", "HSCAN K 0", "HTTL K FIELDS 1 a", "HPEXPIRETIME K FIELDS 1 a"],
    "stream": ["XRANGE K - +", "XREVRANGE K + -", "XLEN K", "XREAD STREAMS K 0", "XREAD STREAMS other K 0 0",
               "XREAD BLOCK 0 STREAMS K 0", "XINFO STREAM K", "XINFO GROUPS K"],
    "places": ["GEOPOS K a", "GEODIST K a b", "GEOHASH K a", "GEOSEARCH K FROMMEMBER a BYRADIUS 200 km",
               "GEORADIUS_RO K 15 37 200 km", "GEORADIUSBYMEMBER_RO K a 200 km", "GEORADIUS K 15 37 200 km"],
    "counter": ["PFCOUNT K", "PFCOUNT other K"],
}

WRITES = {
    "list": ["LPUSH K x", "RPUSH K x", "LPUSHX K x", "RPUSHX K x", "LPOP K", "RPOP K", "LSET K 0 x", "LINSERT K BEFORE b x",
             "LREM K 0 b", "LTRIM K 0 0", "LMOVE K to LEFT LEFT", "RPOPLPUSH K to", "BLPOP K 0", "BRPOP K 0",
             "BLMOVE K to LEFT LEFT 0", "LMPOP 1 K LEFT", "BLMPOP 0 1 K LEFT", "SORT K ALPHA STORE to"],
    "set": ["SADD K x", "SREM K a", "SPOP K", "SPOP K 2", "SMOVE K to a", "SINTERSTORE to K", "SUNIONSTORE to K", "SDIFFSTORE to K"],
    "zset": ["ZADD K 1 x", "ZINCRBY K 1 a", "ZREM K a", "ZPOPMIN K", "ZPOPMAX K", "BZPOPMIN K 0", "BZPOPMAX K 0",
             "ZMPOP 1 K MIN", "BZMPOP 0 1 K MIN", "ZREMRANGEBYRANK K 0 0", "ZREMRANGEBYSCORE K 0 1", "ZREMRANGEBYLEX K - +",
             "ZRANGESTORE to K 0 -1", "ZUNIONSTORE to 1 K", "ZINTERSTORE to 1 K", "ZDIFFSTORE to 1 K"],
    "hash": ["HSET K x 1", "HSETNX K x 1", "HMSET K x 1", "HDEL K a", "HINCRBY K a 1", "HINCRBYFLOAT K a 1.5",
             "HEXPIRE K 100 FIELDS 1 a", "HPEXPIRE K 100000 FIELDS 1 a", "HGETDEL K FIELDS 1 a", "HSETEX K EX 100 FIELDS 1 a 2",
             "HGETEX K EX 100 FIELDS 1 a"],
    "stream": ["XADD K 2-1 f v", "XTRIM K MAXLEN 0", "XDEL K 1-1", "XSETID K 5-1", "XGROUP CREATE K g $"],
    "places": ["GEOADD K 1 1 x", "GEOSEARCHSTORE to K FROMMEMBER a BYRADIUS 200 km", "GEORADIUS K 15 37 200 km STORE to"],
    "counter": ["PFADD K x y z", "PFMERGE to K"],
    "string": ["BITOP NOT to K", "BITFIELD K SET u8 0 1", "SETRANGE K 1 x", "GETSET K x", "EXPIREAT K 4102444800", "RENAME K to",
               "RENAMENX K to", "UNLINK K", "INCRBYFLOAT K2 1"],
}


def about(key, request, place=""):
    """The words of a request about that key; what it stores goes to a key of its own."""
    return tuple(key if word == "K" else f"{key}{place}:to" if word == "to" else f"{key}{place}:k2" if word == "K2" else word
                 for word in request.split())


@test(on="martlet")
def reads_of_every_type_wait_for_what_they_read(start):
    """Each reading command about a key that is not durable yet waits, wherever the key stands, and about another one does not."""
    server, disk = always(start)
    with server.connect() as writer:
        for kind, reads in READS.items():
            clean, dirty = f"clean:{kind}", f"dirty:{kind}"
            writer.call(*[clean if word == "K" else word for word in MAKERS[kind]])
            if kind == "counter":
                # The first one keeps the number in the value, and so is a write.
                expect(writer.call("PFCOUNT", clean), 2)
            disk.wait_until_durable()
            disk.stop()
            disk.expect_held(tuple(dirty if word == "K" else word for word in MAKERS[kind]))
            of_clean = known(disk.observer, *[about(clean, read) for read in reads])
            expect(len(of_clean) >= len(reads) * 2 // 3, True, kind)
            disk.expect_answered(*of_clean)
            waiting = disk.expect_held(*known(disk.observer, *[about(dirty, read) for read in reads]))
            disk.go()
            for connection in waiting:
                connection.read()
                connection.close()


@test(on="martlet")
def writes_of_every_type_wait(start):
    """Each changing command waits, though its key was clean; so does who reads where it stored something."""
    server, disk = always(start)
    with server.connect() as writer:
        for kind, writes in WRITES.items():
            requests = []
            for number, write in enumerate(writes):
                key = f"{kind}:{number}"
                writer.call(*[key if word == "K" else word for word in MAKERS[kind]])
                requests.append(about(key, write))
            disk.wait_until_durable()
            disk.stop()
            requests = known(disk.observer, *requests)
            expect(len(requests) >= len(writes) * 2 // 3, True, kind)
            waiting = disk.expect_held(*requests)
            stored = [word for request in requests for word in request if word.endswith(":to")]
            waiting += disk.expect_held(*[("EXISTS", key) for key in stored])
            disk.go()
            for request, connection in zip(requests, waiting):
                reply = connection.read()
                assert "ERR" not in str(reply)[:4] and "WRONGTYPE" not in str(reply), (request, reply)
                connection.close()


@test(on="martlet")
def keys_named_by_patterns_are_waited_for(start):
    """SORT reads keys that its patterns make of the elements: those that are not durable hold it."""
    server, disk = always(start)
    with server.connect() as writer:
        writer.call("RPUSH", "list", "1", "2")
        writer.call("MSET", "w_1", 1, "w_2", 2, "clean_1", 1, "clean_2", 2)
        writer.call("HSET", "h_1", "f", 1)
        disk.wait_until_durable()
        disk.stop()
        writing = disk.expect_held(("SET", "w_1", 3), ("HSET", "h_1", "f", 2), ("SET", "o_2", "x"))
        expect(disk.expect_answered(("SORT", "list", "BY", "clean_*"), ("SORT_RO", "list", "BY", "clean_*", "GET", "clean_*")),
               [[b"1", b"2"], [b"1", b"2"]])
        waiting = disk.expect_held(
            ("SORT", "list", "BY", "w_*"), ("SORT_RO", "list", "BY", "h_*->f"),
            ("SORT", "list", "BY", "nosort", "GET", "o_*"), ("SORT_RO", "list", "GET", "h_*->f"))
        disk.go()
        for connection in writing:
            connection.read()
        expect([connection.read() for connection in waiting], [[b"2", b"1"], [b"2", b"1"], [None, b"x"], [b"2", None]])


@test(on="martlet")
def who_is_served_waits_for_the_disk(start):
    """Clients that waited for a key are given what came at once, and hear of it when it is durable; so do those behind them."""
    server, disk = always(start)
    waiters = [server.connect() for _ in range(4)]
    requests = (("BLPOP", "list", 0), ("BZPOPMIN", "zset", 0), ("XREAD", "BLOCK", 0, "STREAMS", "stream", "$"),
                ("BLMOVE", "source", "target", "LEFT", "RIGHT", 0))
    for waiter, request in zip(waiters, requests):
        waiter.send_command(*request)
    wait_until(lambda: disk.info("blocked_clients") == 4, 10, "waiting clients")
    disk.stop()
    writers = [server.connect() for _ in range(4)]
    for writer, request in zip(writers, (("RPUSH", "list", "a"), ("ZADD", "zset", 1, "m"), ("XADD", "stream", "5-1", "f", "v"),
                                         ("RPUSH", "source", "s"))):
        writer.send_command(*request)
    wait_until(lambda: disk.info("blocked_clients") == 0, 10, "clients that are served")
    disk.wait_for_held(8)
    for waiter in waiters:
        expect(waiter.is_silent(), True)
    late = disk.expect_held(("LLEN", "list"), ("LRANGE", "target", 0, -1), ("EXISTS", "source"))
    disk.go()
    expect([waiter.read() for waiter in waiters],
           [[b"list", b"a"], [b"zset", b"m", b"1"], [[b"stream", [[b"5-1", [b"f", b"v"]]]]], b"s"])
    expect([connection.read() for connection in late], [0, [b"s"], 0])


@test(on="martlet")
def fields_that_expire_are_changes(start):
    """A field of a hash whose time is over is taken out by the server: who asks for the hash waits for the record of it."""
    server, disk = always(start)
    with server.connect() as writer:
        if not known(writer, ("HPEXPIRE",)):
            return
        expect(writer.call("DEBUG", "SET-ACTIVE-EXPIRE", 0), "OK")
        writer.call("HSET", "h", "a", 1, "b", 2)
        expect(writer.call("HPEXPIRE", "h", 1, "FIELDS", 1, "a"), [1])
        disk.wait_until_durable()
        disk.stop()
        expect(writer.call("DEBUG", "SET-ACTIVE-EXPIRE", 1), "OK")
        wait_until(lambda: disk.info("expired_fields") == 1, 20, "the field's end")
        waiting = disk.expect_held(("HGETALL", "h"), ("HLEN", "h"))
        disk.go()
        expect([connection.read() for connection in waiting], [[b"b", b"2"], 1])


@test(on="martlet")
def prefixes_of_a_pipeline_leave_one_after_the_other(start):
    """Answers of one connection are let go batch by batch, as far as each is durable; not all at the end."""
    server, disk = always(start)
    with server.connect(timeout=60.0) as writer:
        for turn in range(10):
            disk.stop()
            writer.send(encode("SET", "a", turn) + encode("GET", "a"))
            disk.wait_for_held(1)
            disk.go()
            expect(writer.read_replies(2), ["OK", str(turn).encode()])
            disk.stop()
            writer.send(encode("PING") + encode("GET", "a") + encode("SET", "b", turn) + encode("PING") + encode("GET", "b"))
            expect(writer.read_replies(2), ["PONG", str(turn).encode()])
            disk.wait_for_held(1)
            expect(disk.info("held_bytes"), len(b"+OK\r\n+PONG\r\n$1\r\n0\r\n"))
            disk.go()
            expect(writer.read_replies(3), ["OK", "PONG", str(turn).encode()])


@test(on="martlet")
def a_million_dirty_keys_are_let_go_without_a_stop(start):
    """When very many keys become durable at once others are served meanwhile, and no turn of the loop is long for it."""
    server, disk = always(start, "aof-unsynced-high-mark 0", "latency-monitor-threshold 1")
    with server.connect(timeout=90.0) as writer, server.connect() as other:
        for turn in range(2):
            disk.stop()
            sent = 0
            for begin in range(0, 300_000, 5_000):
                words = [word for number in range(begin, begin + 5_000) for word in (f"{turn}:{number}", "x")]
                writer.send_command("MSET", *words)
                sent += 1
            records = disk.info("aof_records")
            wait_until(lambda: disk.info("held_replies") == sent, 60, "all records")
            late = disk.expect_held(("GET", f"{turn}:299999"))[0]
            disk.go()
            for _ in range(100):
                expect(other.call("PING"), "PONG")
            expect(set(writer.read_replies(sent)), {"OK"})
            expect(late.read(), b"x")
            late.close()
            assert disk.info("aof_records") >= records
    disk.wait_until_durable()
    disk.stop()
    expect(disk.expect_answered(("GET", "0:5"), ("DBSIZE",)), [b"x", 600_000])
    disk.go()


@test(on="martlet")
def what_is_held_of_one_client_is_bounded(start):
    """Who asks again and again for a large value that is not durable is read no further, and gets all of it afterwards."""
    server, disk = always(start)
    count, large = 300, bytes(range(256)) * 4096
    with server.connect(timeout=60.0) as reader:
        disk.stop()
        writer, = disk.expect_held(("SET", "large", large))
        reader.send(encode("GET", "large") * count)
        wait_until(lambda: disk.info("held_bytes") > 30 << 20, 20, "held answers")
        for _ in range(50):
            # Others are served meanwhile, and looked at each time.
            expect(disk.expect_answered(("GET", "clean")), [None])
            held = disk.info("held_bytes")
            assert held < 48 << 20, f"{held >> 20} MB of {count} MB are held"
        disk.go()
        expect(writer.read(), "OK")
        for _ in range(count):
            expect(reader.read() == large, True)
    disk.wait_for_held(0)
    expect(disk.info("held_bytes"), 0)
