#!/usr/bin/env python3
"""differential.py: the same random commands to two servers, every reply compared byte for byte.

    differential.py --server PATH [--reference PATH] [--seeds N] [--first SEED] [--commands N]
                    [--without EXPRESSION] [--label NAME]

A seed decides the commands, the protocol version and where packets are split. After
each seed the whole contents are compared as well. The first difference of a seed is
printed with the commands that led to it; differences.txt lists those that are meant.
With valkey-server as the reference, Valkey's own options take part.

`compare` and `Subject` are also what test_agreement.py uses to set engine against engine.
"""
import argparse
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from harness import server as servers  # noqa: E402
from harness.commands import Generator  # noqa: E402
from harness.resp import encode  # noqa: E402

# Replies that depend on the clock, and by how much they may differ.
CLOCK = {b"TTL": 5, b"PTTL": 5000, b"EXPIRETIME": 5, b"PEXPIRETIME": 5000,
         b"HTTL": 5, b"HPTTL": 5000, b"HEXPIRETIME": 5, b"HPEXPIRETIME": 5000}

# Replies whose order is the server's business.
UNORDERED = {b"KEYS", b"SCAN", b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"SSCAN", b"HGETALL", b"HKEYS", b"HVALS",
             b"HSCAN"}

# What tells the value of each type, and whether the order of what it answers matters.
VALUES = {"string": (("GET",), True), "list": (("LRANGE", 0, -1), True), "set": (("SMEMBERS",), False),
          "hash": (("HGETALL",), False), "zset": (("ZRANGE", 0, -1, "WITHSCORES"), True)}

BATCH = 40


class Rule:
    """One meant difference."""

    def __init__(self, command, reference, ours, why):
        self.patterns = [re.compile(text.encode(), re.DOTALL | re.IGNORECASE) for text in (command, reference, ours)]
        self.why, self.used = why, 0

    def explains(self, command, reference, ours):
        if all(pattern.match(text) for pattern, text in zip(self.patterns, (b" ".join(command), reference, ours))):
            self.used += 1
            return True
        return False


def read_rules(path=os.path.join(HERE, "differences.txt")):
    rules, block = [], {}
    with open(path) as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            name, _, text = line.strip().partition(" ")
            block[name] = text.strip()
            if name == "why":
                rules.append(Rule(block["command"], block["reference"], block["ours"], block["why"]))
                block = {}
    return rules


class Subject:
    """One of the servers that are compared, with its connection."""

    def __init__(self, name, server):
        self.name, self.server, self.connection = name, server, None

    def begin(self, protocol):
        if self.connection:
            self.connection.close()
        self.connection = self.server.connect()
        self.connection.call("FLUSHALL")
        if protocol == 3:
            self.connection.call("HELLO", "3")

    def perform(self, commands, splits):
        """Sends the batch cut at `splits`; the raw reply to each command."""
        data = b"".join(encode(*command) for command in commands)
        begin = 0
        for end in [*splits, len(data)]:
            self.connection.send(data[begin:end])
            begin = end
        return [self.connection.read_raw() for _ in commands]

    def contents(self):
        """{(database, key): (value, type, encoding, expiry, when fields end)} of everything."""
        found = {}
        with self.server.connect() as connection:
            for database in range(16):
                connection.call("SELECT", database)
                for key in sorted(connection.call("KEYS", "*")):
                    kind = text(connection.call("TYPE", key))
                    (name, *words), isOrdered = VALUES[kind]
                    value, *rest = connection.pipeline(
                        (name, key, *words), ("TYPE", key), ("OBJECT", "ENCODING", key), ("PEXPIRETIME", key))
                    rest.append(self.ends(connection, key, value[::2]) if kind == "hash" else [])
                    if kind == "zset":
                        # A number has more than one text.
                        value = [float(part) if index % 2 else part for index, part in enumerate(value)]
                    found[database, key] = (value if isOrdered else sorted(value), *rest)
        return found

    def ends(self, connection, key, fields):
        """When the fields of a hash end, for servers that know of that."""
        times = connection.call("HPEXPIRETIME", key, "FIELDS", len(fields), *sorted(fields)) if fields else []
        return times if isinstance(times, list) else []


CURSORS = {b"HSCAN", b"SSCAN", b"ZSCAN"}


def text(reply):
    """A simple string as text."""
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def members(raw):
    """The lines of a reply, sorted: enough to compare two arrays as sets."""
    return sorted(raw.split(b"\r\n"))


def same(command, one, other):
    """Whether two raw replies say the same."""
    if one == other:
        return True
    name = command[0].upper()
    if name in CLOCK and one[:1] == other[:1] == b":":
        return abs(int(one[1:]) - int(other[1:])) <= CLOCK[name]
    if name in CLOCK and one[:1] == other[:1] == b"*":
        return near(numbers(one), numbers(other), CLOCK[name])
    cursor = command[1] if name == b"SCAN" else command[2] if name in CURSORS and len(command) > 2 else b"0"
    if cursor != b"0" and one[:2] == other[:2] == b"*2":
        return True  # one that was never handed out
    if name in UNORDERED:
        return members(one) == members(other)
    return False


class Transcript:
    """Compares replies in the order of their commands: what EXEC answers is compared request by request."""

    def __init__(self, rules):
        self.rules, self.queue = rules, []

    def note(self, command, reply):
        """This was the reference's reply to a command."""
        if reply == b"+QUEUED\r\n":
            self.queue.append(command)
        elif command[0].upper() in (b"MULTI", b"EXEC", b"DISCARD"):
            self.queue = []

    def agrees(self, command, wanted, got):
        if same(command, wanted, got) or any(rule.explains(command, wanted, got) for rule in self.rules):
            return True
        if command[0].upper() != b"EXEC" or not wanted.startswith(b"*") or not got.startswith(b"*"):
            return False
        some, others = elements(wanted), elements(got)
        return len(some) == len(others) == len(self.queue) and all(
            self.agrees(queued, one, other) for queued, one, other in zip(self.queue, some, others))


def elements(raw):
    """The raw replies that an array consists of."""
    def end(at):
        line = raw.index(b"\r\n", at) + 2
        kind, number = raw[at:at + 1], raw[at + 1:line - 2]
        if kind in b"$=!":
            return line if number == b"-1" else line + int(number) + 2
        if kind in b"*~>%":
            for _ in range(max(0, int(number)) * (2 if kind == b"%" else 1)):
                line = end(line)
        return line

    at = raw.index(b"\r\n") + 2
    found = []
    while at < len(raw):
        found.append(raw[at:end(at)])
        at = end(at)
    return found


def numbers(raw):
    """The integers of a reply that is one or an array of them."""
    return [int(line[1:]) for line in raw.split(b"\r\n") if line]


def near(some, others, margin):
    """Whether two rows of times are about the same; what is below zero says that there is none."""
    return len(some) == len(others) and all(
        abs(one - other) <= margin and (one < 0) == (other < 0) for one, other in zip(some, others))


def show(data, limit=300):
    text = repr(bytes(data))[1:]
    return text if len(text) <= limit else text[:limit] + f"… ({len(data)} bytes)"


def describe(history, command, replies):
    """What led to a difference: the last commands that share a word with the one that differs."""
    words = set(command[1:])
    related = [earlier for earlier in history[-400:] if words & set(earlier[1:])][-12:]
    lines = ["    " + " ".join(show(word, 60) for word in earlier) for earlier in related]
    lines.append("  > " + " ".join(show(word, 60) for word in command))
    lines += [f"    {name:10} {show(reply)}" for name, reply in replies]
    return "\n".join(lines)


def compare(subjects, seed, count, dialect, rules, without=None):
    """Runs one seed on all subjects against the first; None, or a text about the first difference."""
    generator = Generator(seed, dialect, without)
    protocol = 3 if seed % 2 else 2
    history = []
    transcript = Transcript(rules)
    for subject in subjects:
        subject.begin(protocol)
    for _ in range(0, count, BATCH):
        commands = [generator.command() for _ in range(BATCH)]
        size = sum(len(encode(*command)) for command in commands)
        splits = sorted(generator.random.randrange(size) for _ in range(generator.random.choice((0, 0, 1, 3, 20))))
        answers = [subject.perform(commands, splits) for subject in subjects]
        for index, command in enumerate(commands):
            wanted = answers[0][index]
            for subject, replies in zip(subjects[1:], answers[1:]):
                got = replies[index]
                if transcript.agrees(command, wanted, got):
                    continue
                return (f"seed {seed}, RESP{protocol}, command {len(history)}: {subject.name} differs\n"
                        + describe(history, command, [(subjects[0].name, wanted), (subject.name, got)]))
            history.append(command)
            transcript.note(command, wanted)
    wanted = subjects[0].contents()
    for subject in subjects[1:]:
        got = subject.contents()
        for place in sorted(set(wanted) | set(got)):
            if not same_entry(wanted.get(place), got.get(place)):
                return (f"seed {seed}, RESP{protocol}: the contents of {subject.name} differ at database {place[0]} "
                        f"key {show(place[1])}\n    {subjects[0].name:10} {wanted.get(place)!r}\n"
                        f"    {subject.name:10} {got.get(place)!r}")
    return None


def same_entry(one, other):
    if one is None or other is None:
        return one is other
    # The encoding of a string that was changed in place is the server's business, and so is the last clock tick.
    loose = {b"raw", b"embstr"}
    # Redis 7.0 has neither listpacks of members nor lists that are only one.
    newer = ({b"hashtable", b"listpack"}, {b"quicklist", b"listpack"})
    encodings = one[2] == other[2] or {one[2], other[2]} <= loose or {one[2], other[2]} in newer
    return (one[:2] == other[:2] and encodings and abs(one[3] - other[3]) <= 5000
            and near(one[4] or [-1] * len(other[4]), other[4] or [-1] * len(one[4]), 5000))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", default=os.environ.get("MARTLET_SERVER"))
    parser.add_argument("--reference", default="/usr/bin/redis-server")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--commands", type=int, default=2000)
    parser.add_argument("--without", help="leaves out the shapes that this regular expression finds")
    parser.add_argument("--label", default="differential")
    options = parser.parse_args()
    dialect = "valkey" if servers.flavour(options.reference) == "valkey" else "redis"
    rules = read_rules()
    # The reference is never the one that a filter or an engine option is for.
    reference = servers.Server(path=options.reference, deny="")
    subject = servers.Server(path=options.server)
    passed = failed = 0
    try:
        pair = [Subject(dialect, reference), Subject(servers.flavour(options.server), subject)]
        for seed in range(options.first, options.first + options.seeds):
            try:
                problem = compare(pair, seed, options.commands, dialect, rules, options.without)
            except Exception as error:
                problem = f"seed {seed}: {type(error).__name__}: {error}\n{subject.log()[-2000:]}"
            if problem:
                failed += 1
                print(problem, flush=True)
                if not subject.is_alive():
                    subject.destroy()
                    subject = servers.Server(path=options.server)
                    pair[1] = Subject(pair[1].name, subject)
            else:
                passed += 1
    finally:
        reference.destroy()
        complaint = subject.destroy()
    if complaint:
        failed += 1
        print(complaint)
    for rule in rules:
        print(f"  meant difference, {rule.used} times: {rule.why}")
    print(f"RESULT {options.label}: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
