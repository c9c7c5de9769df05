"""commands.py: random commands from a seed, by the shapes of shapes.py.

What a shape makes is mostly right, sometimes odd: one command in twenty is
spoiled (an argument missing, one too many, or replaced by an edge of some type).
Times are absolute and far away, or past, so that two servers answer alike.

A shape is compiled once into a row of functions that add words to a list: what
is compared here are millions of commands, and making them must not be what takes long.
"""
import random
import re
from bisect import bisect
from itertools import accumulate

from . import shapes

EDGES = [b"", b"0", b"-0", b"1", b"-1", b" 1", b"1 ", b"+1", b"01", b"1e3", b"0x10", b"1.5", b"\x00", b"1\x00",
         b"abc", b"nan", b"inf", b"-inf"] + [
    str(sign * (1 << power) + step).encode()
    for power in (31, 32, 53, 62, 63, 64) for sign in (1, -1) for step in (-1, 0, 1)]

# A time of one second or millisecond would end while the two servers are asked.
LONG_EDGES = [edge for edge in EDGES if edge != b"1"]

# As a value: where a number is looked for (SORT), Redis stops at a zero byte and begins behind a blank.
VALUE_EDGES = [edge for edge in EDGES if b"\x00" not in edge and b" " not in edge]

# What the references read as C does, and would store: identifiers with a sign or a blank, and Redis scores in base 16.
PLAIN_EDGES = [edge for edge in LONG_EDGES if edge[:1] not in b"+- " and b"\x00" not in edge and b" " not in edge and b"x" not in edge]

# Without its bound a wait would never end; the index of LSET wraps around in Valkey, and the time of RESTORE in both;
# a name of a client may be a zero byte there, the count of HSETEX overflows in Valkey; and bit 4294967295 makes a string of half a gigabyte.
UNSPOILED = {b"BLPOP", b"BZPOPMIN", b"XREAD", b"LSET", b"RESTORE", b"CLIENT", b"BITFIELD", b"SETBIT", b"HSETEX"}

# DUMPs of Redis 7.0 that any server takes, and some that none does.
PAYLOADS = [bytes.fromhex(text) for text in (
    "00036162630a00d9ac303d4172a2e2", "1201020e0e00000003008161020c018001ff0a0073e193e62f2cea6b",
    "0b0e0200000003000000010002002c010a00e510b28e7b9529aa", "020101780a00ffe880ba760c2f09",
    "10121200000004008166028176028167020101ff0a0023c1a5e35dfae81c",
    "1114140000000400816102010181620283322e3504ff0a00d44c6ea4f644d9d7",
    "130110000000000000000100000000000000011d1d0000000a0001010001010181660200010201000100018176020401ff"
    "0101010101000001000a00ff55ab626ac035db", "", "00036162630a00d9ac303d4172a2e3")]


class Table:
    """Shapes, each as often as it says."""

    def __init__(self, lines, compile):
        parsed = [line.split(" ", 1) for line in lines]
        self.cumulative = list(accumulate(int(weight) for weight, _ in parsed))
        self.total = self.cumulative[-1]
        self.makers = [compile(shape) for _, shape in parsed]

    def pick(self, number):
        """The row of functions at a number from 0 up to 1."""
        return self.makers[bisect(self.cumulative, number * self.total)]


class Generator:
    """An endless row of commands; the same seed makes the same row."""

    def __init__(self, seed, dialect="redis", without=None):
        self.random = random.Random(seed)
        self.roll = self.random.random
        self.pending = []
        self.serial = 0
        self.strays = 0.03
        self.transactions = 0 if without and re.search(without, "MULTI") else 0.02
        self.keys = [f"k{number}".encode() for number in range(self.random.choice((3, 8, 40)))] + [b"", b"\r\nkey\x00"]
        self.families = {letter: [letter + key for key in self.keys] for letter in (b"l", b"s", b"h", b"z", b"y", b"x", b"b", b"p", b"g")}
        text = (shapes.SHAPES + shapes.STREAM_SHAPES + shapes.BIT_SHAPES + shapes.GEO_SHAPES + shapes.MORE_SHAPES
                + (shapes.VALKEY_SHAPES if dialect == "valkey" else ""))

        def table(text):
            return Table([line for line in text.splitlines()
                          if line and not line.startswith("#") and not (without and re.search(without, line))],
                         self.compile)
        waiting = shapes.WAITING if dialect == "redis" else shapes.WAITING_FOR_ONE
        self.usual, self.waiting, self.waking = table(text), table(waiting), table(shapes.WAKING)

    # Commands

    def command(self):
        if not self.pending and self.roll() < self.transactions:
            self.pending = self.transaction()
        return self.pending.pop(0) if self.pending else self.single(0.05)

    def batch(self, count):
        """About so many commands, the last of which leaves no transaction open."""
        commands = [self.command() for _ in range(count)]
        while self.pending:
            commands.append(self.pending.pop(0))
        return commands

    def transaction(self):
        """MULTI and what follows: what is watched may change before, a request may be refused, all may be dropped.
        Nothing else of it is wrong: servers do not agree in every case whether a request is refused or fails."""
        watching = []
        if self.roll() < 0.5:
            watched = [b"WATCH"]
            for _ in range(1 + int(self.roll() * 4)):
                watched.append(self.any_family(self.pick((b"", b"l", b"s", b"h", b"z", b"x"))))
            watching = [watched, *(self.single(0) for _ in range(int(self.roll() * 3)))]
        queued = [self.single(0) for _ in range(int(self.roll() * 7))]
        if self.roll() < 0.1:
            queued.append([b"nosuchcommand"])
        end = self.pick((b"EXEC",) * 8 + (b"DISCARD", b"UNWATCH"))
        ends = [[self.mixed_case(end)]] + ([[b"EXEC"]] if end == b"UNWATCH" else [])
        return [*watching, [self.mixed_case(b"MULTI")], *queued, *ends]

    def single(self, spoiled, table=None):
        words = []
        for add in (table or self.usual).pick(self.roll()):
            add(words)
        if self.roll() < spoiled:
            self.spoil(words)
        if words[0].upper() == b"XADD":
            self.leave_one(words)
        return words

    @staticmethod
    def leave_one(words):
        """XADD that trims its own entry away brings nothing: the references wake who waits all the same."""
        for at in range(2, len(words) - 2):
            if words[at].upper() == b"MAXLEN":
                count = at + 2 if words[at + 1] in (b"=", b"~") else at + 1
                if words[count] in (b"0", b"-0"):
                    words[count] = b"1"
                return

    def wait(self):
        """A command to wait with, for keys of its own type alone."""
        self.strays = 0
        words = self.single(0, self.waiting)
        self.strays = 0.03
        return words

    def spoil(self, words):
        """Makes a command a little wrong."""
        what = int(self.roll() * 4)
        at = 1 + int(self.roll() * (len(words) - 1)) if len(words) > 1 else 0
        if words[0].upper() in UNSPOILED or words[0].upper() == b"ZADD" and words[1][:1] == b"y":
            return
        if what == 0 and len(words) > 1:
            words.pop()
        elif what == 1:
            value = self.make_value()
            # XDEL would take the entry out that a sign before its identifier names, in the references.
            words.append(value.lstrip(b"+-") if words[0][:1] in b"Xx" else value)
        elif at:
            words[at] = self.pick(PLAIN_EDGES if words[0][:1] in b"XxZz" else LONG_EDGES)

    # Shapes

    def compile(self, shape):
        """The functions that make a line's words, one after the other."""
        return [self.compiled(token) for token in re.findall(r"\{[^}]*\}[*?]?|\S+", shape)]

    def compiled(self, token):
        if token.startswith("{"):
            mark = token[-1] if token[-1] in "*?" else ""
            choices = [self.compile(choice) for choice in token.strip("*?")[1:-1].split("|")]
            counts = {"*": 4, "?": 2}.get(mark)

            def some(words):
                for _ in range(int(self.roll() * counts) if counts else 1):
                    for add in choices[int(self.roll() * len(choices))]:
                        add(words)
            return some
        if token.endswith("+") and len(token) > 1:
            add_one = self.compiled(token[:-1])

            def several(words):
                for _ in range(1 + int(self.roll() * 4)):
                    add_one(words)
            return several
        if token == "pair":
            return lambda words: words.extend((self.make_key(), self.make_value()))
        prefix = b"(" if token.startswith("(") and len(token) > 1 else b""
        maker = getattr(self, "make_" + token[len(prefix):], None)
        if maker and prefix:
            return lambda words: words.append(prefix + maker())
        if maker:
            return lambda words: words.append(maker())
        upper, lower = token.encode(), token.lower().encode()
        return lambda words: words.append(upper if self.roll() < 0.8 else lower)

    # One maker per kind of argument

    def pick(self, choices):
        return choices[int(self.roll() * len(choices))]

    def mixed_case(self, word):
        return word.lower() if self.roll() < 0.2 else word

    def make_key(self):
        return self.pick(self.keys)

    def any_family(self, letter):
        return self.pick(self.families[letter] if letter else self.keys)

    # Now and then a key of any other type.
    def family(self, letter):
        return self.pick(self.families[letter] if self.roll() >= self.strays else self.keys)

    def make_list(self):
        return self.family(b"l")

    def make_set(self):
        return self.family(b"s")

    def make_hash(self):
        return self.family(b"h")

    def make_sorted(self):
        return self.family(b"z")

    def make_stream(self):
        return self.family(b"x")

    # Never one of another type, which has no order of its own.
    def make_ranked(self):
        return self.pick(self.families[b"z"])

    # All scores in it are equal: otherwise no server says what an order by members is.
    def make_lexed(self):
        return self.pick(self.families[b"y"])

    def make_bits(self):
        return self.family(b"b")

    def make_log(self):
        return self.family(b"p")

    def make_geo(self):
        return self.family(b"g")

    # Of few, so that commands on the same one follow one another.
    def make_field(self):
        return self.pick((b"a", b"b", b"c", b"v1", b"1"))

    def make_group(self):
        return self.pick((b"g1", b"g2", b"nosuch"))

    def make_consumer(self):
        return self.pick((b"alice", b"bob"))

    def make_id(self):
        if self.roll() < 0.05:
            return self.pick((b"0", b"1", b"x", b"5-*", b"18446744073709551615-18446744073709551615", b"-5"))
        return b"%d-%d" % (self.roll() * max(3, self.serial / 4), self.roll() * 3)

    def make_later(self):
        """Higher than those before it."""
        self.serial += 1
        return b"%d-%d" % (self.serial // 4, self.serial % 4)

    def make_place(self):
        if self.roll() < 0.03:
            return self.pick((b"-1", b"x", b"4294967296", b"#3"))
        return b"%d" % (self.roll() * 300)

    def make_small(self):
        return b"%d" % (int(self.roll() * 13) - 4)

    def make_count(self):
        return b"%d" % (self.roll() * 9)

    def make_score(self):
        if self.roll() < 0.05:
            return self.pick((b"inf", b"-inf", b"nan", b"", b"x", b"1e400", b"1e3"))
        return b"%.1f" % (int(self.roll() * 80 - 40) / 2)

    def make_end(self):
        return b"(" + self.make_score() if self.roll() < 0.5 else self.make_score()

    def make_lex(self):
        return self.pick((b"-", b"+", b"[a", b"(a", b"[v1", b"(v2", b"[", b"(1", b"x"))

    def make_payload(self):
        return self.pick(PAYLOADS)

    def make_value(self):
        kind = int(self.roll() * 10)
        if kind < 3:
            return b"%d" % (self.roll() * 2000 - 1000)
        if kind == 3:
            return self.pick(VALUE_EDGES)
        if kind == 4:
            return b"%.*f" % (int(self.roll() * 8), self.roll() * 2000 - 1000)
        if kind == 5:
            return self.random.randbytes(self.pick((1, 3, 43, 44, 45, 63, 64, 65, 200)))
        if kind == 6:
            return self.pick((b"a", b"b")) * self.pick((10, 100, 1000, 5000))
        return self.pick((b"a", b"abc", b"ohmytext", b"mynewtext", b"v1", b"v2"))

    def make_integer(self):
        return self.pick(EDGES) if self.roll() < 0.2 else b"%d" % (self.roll() * 200 - 100)

    def make_narrow(self):
        return self.pick((b"-1099511627776", b"-70000", b"-32769", b"-1", b"0", b"1", b"7", b"100", b"32768", b"1099511627776"))

    def make_offset(self):
        return self.pick(EDGES) if self.roll() < 0.1 else b"%d" % (self.roll() * 80 - 20)

    def make_float(self):
        if self.roll() < 0.2:
            return self.pick(EDGES)
        return self.pick((b"0.1", b"-0.5", b"1e2", b"3.0e3", b"1.25", b"-1e-3", b"100", b"2.5e-7"))

    def make_seconds(self):
        return self.pick(LONG_EDGES) if self.roll() < 0.1 else b"%d" % (100_000 + self.roll() * 99_900_000)

    def make_millis(self):
        return self.pick(LONG_EDGES) if self.roll() < 0.1 else b"%d" % (100_000_000 + self.roll() * 10**12)

    def make_future(self):
        return b"%d" % (33_177_117_000 + self.roll() * 1000)

    def make_futurems(self):
        return b"%d" % (33_177_117_000_000 + self.roll() * 10**6)

    def make_past(self):
        return self.pick((b"-1", b"0", b"1", b"1000000000"))

    def make_db(self):
        return self.pick((b"15", b"16", b"-1", b"abc", b"4294967296")) if self.roll() < 0.1 else self.pick((b"0", b"1", b"2"))

    def make_pattern(self):
        return self.pick((b"*", b"k*", b"k?", b"k[0-5]", b"k[^0-5]", b"", b"k1*", b"\\k1", b"[", b"nosuch*"))

    def make_word(self):
        return self.pick((b"me", b"you", b"a b", b"", b"x\ny"))
