"""commands.py: random commands from a seed.

A shape is a line of text: how often, then a command whose lower-case words are
kinds of argument.

    20 SET key value {EX seconds|PX millis|KEEPTTL|NX|XX|GET}*

    {a|b|c}    one of them        word+    one to four of them
    {a|b|c}?   one or none        {…}*     up to three

What a shape makes is mostly right, sometimes odd: one command in twenty is
spoiled (an argument missing, one too many, or replaced by an edge of some type).
Times are absolute and far away, or past, so that two servers answer alike.
"""
import random
import re

SHAPES = """
20 SET key value
12 SET key value {EX seconds|PX millis|EXAT future|PXAT futurems|KEEPTTL|NX|XX|GET}*
12 GET key
4 GETDEL key
4 GETEX key {EX seconds|PX millis|EXAT future|PXAT futurems|PERSIST}?
3 GETSET key value
4 SETNX key value
3 SETEX key seconds value
2 PSETEX key millis value
6 APPEND key value
4 STRLEN key
6 GETRANGE key offset offset
2 SUBSTR key offset offset
6 SETRANGE key offset value
6 MSET pair+
3 MSETNX pair+
6 MGET key+
6 INCR key
5 DECR key
6 INCRBY key integer
5 DECRBY key integer
5 INCRBYFLOAT key float
3 LCS key key {LEN|IDX|MINMATCHLEN offset|WITHMATCHLEN}*
5 DEL key+
3 UNLINK key+
4 EXISTS key+
2 TOUCH key+
4 TYPE key
4 RENAME key key
3 RENAMENX key key
4 COPY key key {DB db|REPLACE}*
3 MOVE key db
3 EXPIRE key seconds {NX|XX|GT|LT}?
3 PEXPIRE key millis {NX|XX|GT|LT}?
4 EXPIREAT key future {NX|XX|GT|LT}?
4 PEXPIREAT key futurems {NX|XX|GT|LT}?
2 EXPIREAT key past {NX|XX|GT|LT}?
3 TTL key
3 PTTL key
3 EXPIRETIME key
3 PEXPIRETIME key
3 PERSIST key
2 KEYS pattern
2 SCAN 0 COUNT 1000000 {MATCH pattern|TYPE string|TYPE hash}?
2 OBJECT ENCODING key
1 OBJECT REFCOUNT key
2 SELECT db
1 SWAPDB db db
1 FLUSHDB {ASYNC|SYNC}?
2 DBSIZE
2 PING {value}?
2 ECHO value
1 CLIENT SETNAME word
1 CLIENT GETNAME
1 COMMAND GETKEYS GET key
1 COMMAND GETKEYS MSET pair+
1 nosuchcommand value
"""

# Scores are halves and tenths of powers of two: Redis 7.0 writes others with seventeen digits.
SHAPES += """
6 LPUSH list value+
8 RPUSH list value+
2 LPUSHX list value
2 RPUSHX list value
3 LPOP list {offset}?
3 RPOP list {offset}?
2 LMPOP 2 list list {LEFT|RIGHT} {COUNT offset}?
3 LMOVE list list {LEFT|RIGHT} {LEFT|RIGHT}
2 RPOPLPUSH list list
2 LLEN list
5 LRANGE list offset offset
3 LINDEX list small
3 LPOS list value {RANK small|COUNT small|MAXLEN small}*
3 LSET list small value
3 LINSERT list {BEFORE|AFTER} value value
3 LREM list small value
1 LTRIM list offset offset
12 SADD set value+
4 SREM set value+
3 SMOVE set set value
2 SISMEMBER set value
2 SMISMEMBER set value+
2 SCARD set
3 SMEMBERS set
2 SINTER set set
2 SUNION set set
2 SDIFF set set
2 SINTERCARD 2 set set {LIMIT small}?
2 SINTERSTORE set set set
2 SUNIONSTORE set set set
2 SDIFFSTORE set set set
1 SSCAN set 0 COUNT 1000000 {MATCH pattern}?
8 HSET hash value value
4 HSET hash value value value value value value
3 HSETNX hash value value
2 HMSET hash value value
4 HDEL hash value+
4 HGET hash value
3 HMGET hash value+
2 HGETALL hash
1 HKEYS hash
1 HVALS hash
2 HLEN hash
2 HSTRLEN hash value
2 HEXISTS hash value
3 HINCRBY hash value integer
3 HINCRBYFLOAT hash value float
1 HSCAN hash 0 COUNT 1000000 {MATCH pattern}?
8 ZADD sorted {NX|XX|GT|LT|CH}* score value
4 ZADD sorted score value score value score value
2 ZADD sorted INCR score value
3 ZINCRBY sorted score value
3 ZREM sorted value+
3 ZSCORE sorted value
2 ZMSCORE sorted value+
2 ZCARD sorted
2 ZRANK sorted value
2 ZREVRANK sorted value
3 ZCOUNT sorted end end
4 ZRANGE sorted offset offset {REV|WITHSCORES}*
3 ZRANGE sorted end end BYSCORE {REV|WITHSCORES|LIMIT small small}*
2 ZREVRANGE sorted offset offset {WITHSCORES}?
2 ZRANGEBYSCORE sorted end end {WITHSCORES|LIMIT small small}*
2 ZREVRANGEBYSCORE sorted end end {WITHSCORES|LIMIT small small}*
2 ZRANGESTORE sorted sorted offset offset {REV}?
1 ZREMRANGEBYRANK sorted small small
1 ZREMRANGEBYSCORE sorted end end
2 ZPOPMIN sorted {small}?
2 ZPOPMAX sorted {small}?
1 ZMPOP 2 sorted sorted {MIN|MAX} {COUNT small}?
2 ZUNION 2 sorted sorted {WITHSCORES|AGGREGATE MIN|WEIGHTS 2 3}*
2 ZINTER 2 sorted set {WITHSCORES|AGGREGATE MAX|WEIGHTS 2 3}*
2 ZDIFF 2 sorted sorted {WITHSCORES}?
2 ZINTERCARD 2 sorted sorted {LIMIT small}?
2 ZUNIONSTORE sorted 2 sorted set {AGGREGATE MIN|WEIGHTS 2 3}*
1 ZINTERSTORE sorted 2 sorted sorted
1 ZDIFFSTORE sorted 2 sorted sorted
3 SORT set ALPHA {DESC|LIMIT small small}*
2 SORT list ALPHA {STORE list}?
"""

VALKEY_SHAPES = """
3 HGETDEL hash FIELDS 2 field value
5 HSET hash field value field value field value
2 HGETALL hash
2 HDEL hash field
2 HINCRBY hash field integer
2 HINCRBYFLOAT hash field float
2 HSETNX hash field value
2 OBJECT ENCODING hash
3 HEXPIRE hash seconds {NX|XX|GT|LT}* FIELDS 1 field
3 HPEXPIRE hash millis {NX|XX|GT|LT}? FIELDS 2 field value
3 HEXPIREAT hash future {NX|XX|GT|LT}? FIELDS 1 field
4 HPEXPIREAT hash futurems {NX|XX|GT|LT}? FIELDS 2 field field
2 HEXPIREAT hash past {NX|XX|GT|LT}? FIELDS 2 field field
3 HEXPIRETIME hash FIELDS 3 field field value
4 HPEXPIRETIME hash FIELDS 3 field field field
3 HPERSIST hash FIELDS 2 field field
6 HSETEX hash {NX|XX|FNX|FXX|EX seconds|PX millis|EXAT future|PXAT futurems|KEEPTTL}* FIELDS 1 field value
4 HSETEX hash {FNX|FXX}? {EXAT future|PXAT futurems|PXAT past|KEEPTTL}? FIELDS 2 field value field value
5 HGETEX hash {EX seconds|PX millis|EXAT future|PXAT futurems|EXAT past|PERSIST}? FIELDS 2 field field
1 COPY hash hash {REPLACE}?
1 RENAME hash hash
1 SORT list BY nosort GET h*->a
8 SET key value IFEQ value {GET}?
6 DELIFEQ key value
5 MSETEX 1 pair {EX seconds|PXAT futurems|KEEPTTL|NX|XX}*
3 MSETEX 2 pair pair {NX|XX}?
"""

EDGES = [b"", b"0", b"-0", b"1", b"-1", b" 1", b"1 ", b"+1", b"01", b"1e3", b"0x10", b"1.5", b"\x00", b"1\x00",
         b"abc", b"nan", b"inf", b"-inf"] + [
    str(sign * (1 << power) + step).encode()
    for power in (31, 32, 53, 62, 63, 64) for sign in (1, -1) for step in (-1, 0, 1)]

# A time of one second or millisecond would end while the two servers are asked.
LONG_EDGES = [edge for edge in EDGES if edge != b"1"]


class Generator:
    """An endless row of commands; the same seed makes the same row."""

    def __init__(self, seed, dialect="redis", without=None):
        self.random = random.Random(seed)
        lines = SHAPES + (VALKEY_SHAPES if dialect == "valkey" else "")
        parsed = [line.split(" ", 1) for line in lines.splitlines()
                  if line and not (without and re.search(without, line))]
        self.weights = [int(weight) for weight, _ in parsed]
        self.shapes = [re.findall(r"\{[^}]*\}[*?]?|\S+", shape) for _, shape in parsed]
        self.pending = []
        self.transactions = 0 if without and re.search(without, "MULTI") else 0.02
        self.keys = [f"k{number}".encode() for number in range(self.random.choice((3, 8, 40)))] + [b"", b"\r\nkey\x00"]

    def command(self):
        if not self.pending and self.random.random() < self.transactions:
            self.pending = self.transaction()
        return self.pending.pop(0) if self.pending else self.single(0.05)

    def transaction(self):
        """MULTI and what follows: what is watched may change before, a request may be refused, all may be dropped.
        Nothing else of it is wrong: servers do not agree in every case whether a request is refused or fails."""
        watching = []
        if self.random.random() < 0.5:
            watching = [[self.mixed_case("WATCH"), *self.token(self.random.choice(("key+", "list+", "set+", "hash+")))]]
            watching += [self.single(0) for _ in range(self.random.randrange(3))]
        queued = [self.single(0) for _ in range(self.random.randrange(7))]
        if self.random.random() < 0.1:
            queued.append([b"nosuchcommand"])
        end = self.random.choice(("EXEC",) * 8 + ("DISCARD", "UNWATCH"))
        ends = [[self.mixed_case(end)]] + ([[b"EXEC"]] if end == "UNWATCH" else [])
        return [*watching, [self.mixed_case("MULTI")], *queued, *ends]

    def single(self, spoiled):
        shape = self.random.choices(self.shapes, self.weights)[0]
        words = []
        for token in shape:
            words += self.token(token)
        if self.random.random() < spoiled:
            self.spoil(words)
        return words

    def token(self, token):
        if token.startswith("{"):
            mark = token[-1] if token[-1] in "*?" else ""
            choices = token.strip("*?")[1:-1].split("|")
            count = {"*": self.random.randrange(4), "?": self.random.randrange(2), "": 1}[mark]
            return [word for _ in range(count)
                    for part in self.random.choice(choices).split() for word in self.token(part)]
        if token.endswith("+"):
            return [word for _ in range(self.random.randint(1, 4)) for word in self.token(token[:-1])]
        if token == "pair":
            return self.token("key") + self.token("value")
        maker = getattr(self, "make_" + token, None)
        return [maker()] if maker else [self.mixed_case(token)]

    def spoil(self, words):
        """Makes a command a little wrong."""
        what = self.random.randrange(4)
        at = self.random.randrange(1, len(words)) if len(words) > 1 else 0
        if what == 0 and len(words) > 1:
            words.pop()
        elif what == 1:
            words.append(self.make_value())
        elif at:
            words[at] = self.random.choice(LONG_EDGES)

    # One maker per kind of argument

    def mixed_case(self, word):
        return (word.lower() if self.random.random() < 0.2 else word).encode()

    def make_key(self):
        return self.random.choice(self.keys)

    # Now and then a key of any other type.
    def make_list(self):
        return self.family(b"l")

    def make_set(self):
        return self.family(b"s")

    def make_hash(self):
        return self.family(b"h")

    # Of few, so that commands on the same field follow one another.
    def make_field(self):
        return self.random.choice((b"a", b"b", b"c", b"v1", b"1"))

    def make_sorted(self):
        return self.family(b"z")

    def family(self, letter):
        return self.make_key() if self.random.random() < 0.03 else letter + self.make_key()

    def make_small(self):
        return str(self.random.randrange(-4, 9)).encode()

    def make_score(self):
        if self.random.random() < 0.05:
            return self.random.choice((b"inf", b"-inf", b"nan", b"", b"x", b"1e400", b"1e3"))
        return str(self.random.randrange(-40, 40) / 2).encode()

    def make_end(self):
        return self.random.choice((b"", b"(")) + self.make_score()

    def make_lex(self):
        return self.random.choice((b"-", b"+", b"[a", b"(a", b"[v1", b"(v2", b"[", b"(1", b"x"))

    def make_value(self):
        kind = self.random.randrange(10)
        if kind < 3:
            return str(self.random.randrange(-1000, 1000)).encode()
        if kind == 3:
            return self.random.choice(EDGES)
        if kind == 4:
            return f"{self.random.uniform(-1000, 1000):.{self.random.randrange(8)}f}".encode()
        if kind == 5:
            return self.random.randbytes(self.random.choice((1, 3, 43, 44, 45, 63, 64, 65, 200)))
        if kind == 6:
            return bytes([self.random.choice(b"ab")]) * self.random.choice((10, 100, 1000, 5000))
        return self.random.choice((b"a", b"abc", b"ohmytext", b"mynewtext", b"v1", b"v2"))

    def make_integer(self):
        if self.random.random() < 0.2:
            return self.random.choice(EDGES)
        return str(self.random.randrange(-100, 100)).encode()

    def make_offset(self):
        if self.random.random() < 0.1:
            return self.random.choice(EDGES)
        return str(self.random.randrange(-20, 60)).encode()

    def make_float(self):
        if self.random.random() < 0.2:
            return self.random.choice(EDGES)
        return self.random.choice((b"0.1", b"-0.5", b"1e2", b"3.0e3", b"1.25", b"-1e-3", b"100", b"2.5e-7"))

    def make_seconds(self):
        if self.random.random() < 0.1:
            return self.random.choice(LONG_EDGES)
        return str(self.random.randrange(100_000, 100_000_000)).encode()

    def make_millis(self):
        if self.random.random() < 0.1:
            return self.random.choice(LONG_EDGES)
        return str(self.random.randrange(100_000_000, 10**12)).encode()

    def make_future(self):
        return str(33_177_117_000 + self.random.randrange(1000)).encode()

    def make_futurems(self):
        return str(33_177_117_000_000 + self.random.randrange(10**6)).encode()

    def make_past(self):
        return str(self.random.choice((-1, 0, 1, 1_000_000_000))).encode()

    def make_db(self):
        if self.random.random() < 0.1:
            return self.random.choice((b"15", b"16", b"-1", b"abc", b"4294967296"))
        return str(self.random.randrange(3)).encode()

    def make_pattern(self):
        return self.random.choice((b"*", b"k*", b"k?", b"k[0-5]", b"k[^0-5]", b"", b"k1*", b"\\k1", b"[", b"nosuch*"))

    def make_word(self):
        return self.random.choice((b"me", b"you", b"a b", b"", b"x\ny"))
