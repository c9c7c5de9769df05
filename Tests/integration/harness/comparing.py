"""comparing.py: when two raw replies to one command say the same, and which differences are meant."""
import os
import re

RULES_PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "differences.txt")

# Replies that depend on the clock, and by how much they may differ.
CLOCK = {b"TTL": 5, b"PTTL": 5000, b"EXPIRETIME": 5, b"PEXPIRETIME": 5000,
         b"HTTL": 5, b"HPTTL": 5000, b"HEXPIRETIME": 5, b"HPEXPIRETIME": 5000}

# Replies whose order is the server's business.
UNORDERED = {b"KEYS", b"SCAN", b"SMEMBERS", b"SINTER", b"SUNION", b"SDIFF", b"SSCAN", b"HGETALL", b"HKEYS", b"HVALS",
             b"HSCAN", b"ZSCAN"}

CURSORS = {b"HSCAN", b"SSCAN", b"ZSCAN"}

BULK, ARRAY, MAP = b"$=!", b"*~>", b"%"


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


def read_rules(path=RULES_PATH):
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


def split(raw, at=0):
    """The raw replies that follow one another from `at` on."""
    found, size = [], len(raw)
    while at < size:
        begin, left = at, 1
        while left:
            left -= 1
            line = raw.index(b"\r\n", at)
            kind = raw[at]
            if kind in BULK:
                length = int(raw[at + 1:line])
                at = line + 2 if length < 0 else line + length + 4
                continue
            if kind in ARRAY:
                left += max(0, int(raw[at + 1:line]))
            elif kind in MAP:
                left += 2 * int(raw[at + 1:line])
            at = line + 2
        found.append(raw[begin:at])
    return found


def elements(raw):
    """The raw replies that an array consists of."""
    return split(raw, raw.index(b"\r\n") + 2)


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
    if name == b"DUMP" and one[:1] == other[:1] == b"$":
        return same_payload(bulk(one), bulk(other))
    return False


def bulk(raw):
    """The bytes of a bulk string."""
    return raw[raw.index(b"\r\n") + 2:-2]


def same_payload(one, other):
    """Version and checksum are each server's own, as are the order in a table and the forms that one of them has not."""
    tables = {2, 4, 5, 16, 17, 20, 22}
    streams = {15, 19, 21}
    return one[:-10] == other[:-10] or {one[0], other[0]} <= tables or {one[0], other[0]} <= streams


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


def numbers(raw):
    """The integers of a reply that is one or an array of them."""
    return [int(line[1:]) for line in raw.split(b"\r\n") if line]


def near(some, others, margin):
    """Whether two rows of times are about the same; what is below zero says that there is none."""
    return len(some) == len(others) and all(
        abs(one - other) <= margin and (one < 0) == (other < 0) for one, other in zip(some, others))


def show(data, limit=300):
    text = repr(bytes(data))[1:]
    return text if len(text) <= limit else text[:limit] + f"… ({len(text)} bytes)"


def describe(history, command, replies):
    """What led to a difference: the last commands that share a word with the one that differs."""
    words = set(command[1:])
    related = [earlier for earlier in history[-400:] if words & set(earlier[1:])][-12:]
    lines = ["    " + " ".join(show(word, 60) for word in earlier) for earlier in related]
    lines.append("  > " + " ".join(show(word, 60) for word in command))
    lines += [f"    {name:10} {show(reply)}" for name, reply in replies]
    return "\n".join(lines)
