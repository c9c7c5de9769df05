#!/usr/bin/env python3
"""differential.py: the same random commands to two servers, every reply compared byte for byte, then all that they hold.

    differential.py --server PATH [--reference PATH ...] [--commands N] [--first SEED] [--per-seed N]
                    [--without EXPRESSION] [--label NAME]

N commands go to the server, divided among the references that are there: redis-server, and Valkey with its own
options. A seed decides the commands, who of several clients sends them in which protocol, where packets are split, and which clients
wait for keys meanwhile. After each seed DEBUG DIGEST says whether the contents are equal. The first difference of a
seed is printed with the commands that led to it; differences.txt lists those that are meant.

Commands go in batches with a mark behind them, and two batches of replies that are equal are not looked into.
`compare` and `Subject` are also what test_agreement.py uses to set engine against engine.
"""
import argparse
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

from harness import server as servers  # noqa: E402
from harness.commands import Generator  # noqa: E402
from harness.comparing import Transcript, describe, near, read_rules, same, show, split  # noqa: E402,F401
from harness.resp import Closed, encode  # noqa: E402

REFERENCES = ("/usr/bin/redis-server", os.environ.get("VALKEY_SERVER") or "/opt/valkey/bin/valkey-server")

# What tells the value of each type, and whether the order of what it answers matters.
VALUES = {"string": (("GET",), True), "list": (("LRANGE", 0, -1), True), "set": (("SMEMBERS",), False),
          "hash": (("HGETALL",), False), "zset": (("ZRANGE", 0, -1, "WITHSCORES"), True), "stream": (("XRANGE", "-", "+"), True)}

BATCH, SPEAKERS, WAITERS = 100, 3, 3


class Subject:
    """One of the servers that are compared, with its clients: some speak by turns, some wait, one watches over them."""

    def __init__(self, name, server):
        self.name, self.server = name, server
        self.connections = []

    def begin(self, protocol):
        for connection in self.connections:
            connection.close()
        self.connections = [self.server.connect(protocol=protocol if number % 2 == 0 else 5 - protocol)
                            for number in range(SPEAKERS + WAITERS)] + [self.server.connect()]
        self.control.call("FLUSHALL")
        self.control.call("SELECT", 0)
        self.identities = [connection.call("CLIENT", "ID") for connection in self.connections[SPEAKERS:-1]]

    @property
    def control(self):
        return self.connections[-1]

    def send(self, number, data, splits=()):
        begin = 0
        for end in [*splits, len(data)]:
            self.connections[number].send(data[begin:end])
            begin = end

    def hear(self, number, mark):
        """All that was said to a connection up to the echo of a mark, which is said last."""
        connection = self.connections[number]
        ending = b"$%d\r\n%b\r\n" % (len(mark), mark)
        buffer = connection.buffer
        del buffer[:connection.position]
        connection.position = 0
        while not buffer.endswith(ending):
            connection._more()
        said = bytes(buffer[:-len(ending)])
        buffer.clear()
        return said

    def hear_first(self, number, mark):
        """The echo of a mark, behind which more may come later."""
        if self.connections[number].read() != mark:
            raise AssertionError(f"{self.name}: no echo")

    def perform(self, commands, splits):
        """Sends the batch cut at `splits`; the raw reply to each command."""
        self.send(0, b"".join(encode(*command) for command in commands) + encode("ECHO", "the end of it"), splits)
        return split(self.hear(0, b"the end of it"))

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


def text(reply):
    """A simple string as text."""
    return reply.decode() if isinstance(reply, bytes) else str(reply)


class Difference(Exception):
    """The text says which."""


class Play:
    """One seed on all subjects, against the first of them."""

    def __init__(self, subjects, seed, dialect, rules, without):
        self.subjects, self.seed, self.rules = subjects, seed, rules
        self.generator = Generator(seed, dialect, without)
        self.protocol = 3 if seed % 2 else 2
        self.history, self.serial = [], 0
        for subject in subjects:
            subject.begin(self.protocol)

    def run(self, count):
        turn = 0
        while len(self.history) < count:
            turn += 1
            if turn % 3 == 0:
                self.wait_and_wake(turn % SPEAKERS)
            else:
                self.speak(turn % SPEAKERS, self.generator.batch(BATCH))
        self.look_at_contents()

    def mark(self):
        self.serial += 1
        return b"the end of %d of %d" % (self.serial, self.seed)

    def speak(self, number, commands):
        """One client sends a batch, and all subjects must say the same to it."""
        mark, roll = self.mark(), self.generator.roll
        data = b"".join(encode(*command) for command in commands) + encode("ECHO", mark)
        splits = sorted(int(roll() * len(data)) for _ in range(self.generator.pick((0, 0, 0, 1, 3, 20))))
        for subject in self.subjects:
            subject.send(number, data, splits)
        self.compare(commands, [subject.hear(number, mark) for subject in self.subjects])

    def wait_and_wake(self, number):
        """Some clients wait for keys, another one does what may serve them, and who still waits is told to stop."""
        generator = self.generator
        waiting = [generator.wait() for _ in range(1 + int(generator.roll() * WAITERS))]
        for waiter, command in enumerate(waiting, SPEAKERS):
            # Who hears the echo has been asked to wait in the same breath: so the order of those who wait is the same.
            mark = self.mark()
            for subject in self.subjects:
                subject.send(waiter, encode("ECHO", mark) + encode(*command))
            for subject in self.subjects:
                subject.hear_first(waiter, mark)
            self.history.append(command)
        commands = [[b"SELECT", b"0"]] + [generator.single(0, generator.waking if generator.roll() < 0.4 else None)
                                          for _ in range(BATCH // 2)]
        # It makes many keys ready at once, in an order that is each server's own.
        commands = [command for command in commands if command[0].upper() != b"SWAPDB"]
        self.speak(number, commands)
        for waiter, command in enumerate(waiting):
            how = generator.pick((b"TIMEOUT", b"ERROR"))
            answers = [subject.control.call("CLIENT", "UNBLOCK", subject.identities[waiter], how) for subject in self.subjects]
            mark = self.mark()
            for subject in self.subjects:
                subject.send(SPEAKERS + waiter, encode("ECHO", mark))
            said = [subject.hear(SPEAKERS + waiter, mark) for subject in self.subjects]
            self.compare([command], said)
            if len(set(answers)) > 1:
                raise Difference(f"{answers} were the answers to CLIENT UNBLOCK of {command}")

    def compare(self, commands, said):
        """Said was what each subject answered to the commands."""
        if any(other != said[0] for other in said[1:]):
            answers = [split(raw) for raw in said]
            for subject, replies in zip(self.subjects, answers):
                if len(replies) != len(commands):
                    raise Difference(f"{subject.name} answered {len(replies)} times to {len(commands)} commands")
            transcript = Transcript(self.rules)
            for index, command in enumerate(commands):
                wanted = answers[0][index]
                for subject, replies in zip(self.subjects[1:], answers[1:]):
                    if not transcript.agrees(command, wanted, replies[index]):
                        history = self.history + commands[:index]
                        raise Difference(f"command {len(history)}: {subject.name} differs\n" + describe(
                            history, command, [(self.subjects[0].name, wanted), (subject.name, replies[index])]))
                transcript.note(command, wanted)
        self.history += commands

    def look_at_contents(self):
        digests = [subject.control.call("DEBUG", "DIGEST") for subject in self.subjects]
        if len(set(digests)) == 1:
            return
        wanted = self.subjects[0].contents()
        for subject in self.subjects[1:]:
            got = subject.contents()
            for place in sorted(set(wanted) | set(got)):
                if not same_entry(wanted.get(place), got.get(place)):
                    raise Difference(f"the contents of {subject.name} differ at database {place[0]} key {show(place[1])}\n"
                                     f"    {self.subjects[0].name:10} {wanted.get(place)!r}\n"
                                     f"    {subject.name:10} {got.get(place)!r}\n" + lives(place[1], self.history))
        isExplained = False
        for database, key in sorted(wanted):
            told = [digest_of(subject.control, database, key) for subject in self.subjects]
            if len(set(told)) == 1:
                continue
            # Redis digests scores with seventeen digits, Valkey and we with as many as they need; they were equal above.
            isExplained = self.subjects[0].server.flavour == "redis" and wanted[database, key][1] == "zset"
            if not isExplained:
                raise Difference(f"the digest of database {database} key {show(key)} differs: {told}\n" + lives(key, self.history))
        if not isExplained:
            raise Difference(f"DEBUG DIGEST differs: {digests}")


def digest_of(control, database, key):
    control.call("SELECT", database)
    return control.call("DEBUG", "DIGEST-VALUE", key)[0]


def lives(key, history):
    """The last commands that named a key."""
    named = [command for command in history if key in command[1:]][-25:]
    return "\n".join("    " + " ".join(show(word, 60) for word in command) for command in named)


def compare(subjects, seed, count, dialect, rules, without=None):
    """Runs one seed on all subjects against the first; None, or a text about the first difference."""
    play = Play(subjects, seed, dialect, rules, without)
    try:
        play.run(count)
        return None
    except Difference as difference:
        return f"seed {seed}, RESP{play.protocol}: {difference}"


def same_entry(one, other):
    if one is None or other is None:
        return one is other
    # The encoding of a string that was changed in place is the server's business, and so is the last clock tick.
    loose = {b"raw", b"embstr"}
    # Redis 7.0 has neither listpacks of members nor lists that are only one.
    # SORT makes a skip list of a sorted set there, and leaves it as it is here.
    newer = ({b"hashtable", b"listpack"}, {b"quicklist", b"listpack"}, {b"skiplist", b"listpack"})
    encodings = one[2] == other[2] or {one[2], other[2]} <= loose or {one[2], other[2]} in newer
    return (one[:2] == other[:2] and encodings and abs(one[3] - other[3]) <= 5000
            and near(one[4] or [-1] * len(other[4]), other[4] or [-1] * len(one[4]), 5000))


def run(options, path, seeds, rules):
    """So many seeds against one reference: how many passed and failed."""
    dialect = "valkey" if servers.flavour(path) == "valkey" else "redis"
    # The reference is never the one that a filter or an engine option is for.
    reference = servers.Server(path=path, deny="")
    subject = servers.Server(path=options.server)
    passed = failed = 0
    begin = time.monotonic()
    try:
        pair = [Subject(dialect, reference), Subject(servers.flavour(options.server), subject)]
        for seed in range(options.first, options.first + seeds):
            try:
                problem = compare(pair, seed, options.per_seed, dialect, rules, options.without)
            except (Exception, Closed) as error:
                problem = f"seed {seed}: {type(error).__name__}: {error}\n{subject.log()[-2000:]}"
            if problem:
                failed += 1
                print(f"{dialect}: {problem}", flush=True)
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
    print(f"  {dialect}: {(passed + failed) * options.per_seed} commands in {time.monotonic() - begin:.0f} s", flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", default=os.environ.get("MARTLET_SERVER"))
    parser.add_argument("--reference", action="append", help="one or more; otherwise Redis and Valkey where they are")
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--per-seed", type=int, default=5000)
    parser.add_argument("--without", help="leaves out the shapes that this regular expression finds")
    parser.add_argument("--label", default="differential")
    options = parser.parse_args()
    rules = read_rules()
    passed = failed = skipped = 0
    present = [path for path in options.reference or REFERENCES if os.path.exists(path)]
    for path in options.reference or REFERENCES:
        if path not in present:
            skipped += 1
            print(f"  skipped {options.label}: there is no {path}")
    for path in present:
        counts = run(options, path, max(1, options.commands // options.per_seed // len(present)), rules)
        passed, failed = passed + counts[0], failed + counts[1]
    for rule in rules:
        print(f"  meant difference, {rule.used} times: {rule.why}")
    print(f"RESULT {options.label}: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
