"""clients.py: writers and readers on raw sockets, driven by one loop.

A writer owns its keys and knows what every reply must be. It sends batches of up to
sixteen requests and does not wait for one batch before it sends the next while fewer than
`DEPTH` requests are unanswered. A reader asks for anybody's keys. What they hear goes to the History.

    r  registers     SET, SET PX, DEL; values carry their number
    n  counters      INCR; the reply is known beforehand
    l  logs          APPEND; the reply is the length; doubled or torn records show
    m  groups        MSET of three keys: all of them or none
    b  large         SET of 10 to 200 KiB
    q s h z x        lists, sets, hashes, sorted sets and streams: windows.py
"""
import random
import selectors
import socket
import time
from collections import deque

from harness.resp import encode

from history import GONE, added, shown
from windows import KINDS, adding, kind_of, numbers_in, taking

DEPTH = 48
LOG_BYTES_MAX = 2000
LONG_EXPIRY_MS = 100_000
DATABASES = 3


def value_of(number, byte_count):
    """A value that carries its number and whose every byte can be checked."""
    head = b"%d:" % number
    return head + (head * (byte_count // len(head) + 1))[:byte_count]


class Ended(Exception):
    """The server closed the connection."""


class Peer:
    """A connection without blocking: bytes to send, bytes received, what is expected."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.outgoing = bytearray()
        self.incoming = bytearray()
        self.expected = deque()
        self.ended = False

    def push(self):
        """Sends what it can."""
        try:
            while self.outgoing:
                del self.outgoing[:self.socket.send(self.outgoing)]
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True

    def pull(self):
        """Receives once and hands every whole reply to `take`."""
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return
        self.incoming += data
        at = 0
        while self.expected:
            reply, end = parse(self.incoming, at)
            if end is None:
                break
            at = end
            self.take(self.expected.popleft(), reply)
        del self.incoming[:at]

    def close(self):
        self.socket.close()


class ErrorReply(str):
    pass


def parse(data, at):
    """(reply, end) of the reply that begins at `at`; end is None while it is incomplete."""
    line_end = data.find(b"\r\n", at)
    if line_end < 0:
        return None, None
    kind, line = data[at:at + 1], bytes(data[at + 1:line_end])
    end = line_end + 2
    if kind == b"+":
        return line, end
    if kind == b":":
        return int(line), end
    if kind == b"-":
        return ErrorReply(line.decode("latin-1")), end
    if kind == b"$":
        size = int(line)
        if size < 0:
            return GONE, end
        if len(data) < end + size + 2:
            return None, None
        return bytes(data[end:end + size]), end + size + 2
    if kind == b"*":
        replies = []
        for _ in range(int(line)):
            reply, end = parse(data, end)
            if end is None:
                return None, None
            replies.append(reply)
        return replies, end
    raise AssertionError(f"the server sent {bytes(data[at:at + 40])!r}")


class Writer(Peer):
    """One writer and its keys; `large` is the share of SETs of large values, `windows` whether it knows more than strings."""

    def __init__(self, address, history, number, rng, large=0.01, windows=True):
        super().__init__(address)
        self.history, self.rng = history, rng
        self.large_share = large
        self.database = number % DATABASES
        self.registers, self.counters, self.logs, self.group, self.large = (
            [history.key(b"w%d:%s%d" % (number, kind, index), self.database, number) for index in range(count)]
            for kind, count in ((b"r", 8), (b"n", 2), (b"l", 2), (b"m", 3), (b"b", 1)))
        self.windows = [history.key(b"w%d:%s0" % (number, kind), self.database, number) for kind in KINDS] if windows else []
        # Wide ones outgrow their small encodings.
        self.width = rng.choice((10, 40, 200))
        # After a restart the row goes on where it was.
        self.turn = max(key.changes[-1].turn for key in self.registers)
        self.outgoing += encode("SELECT", self.database)
        self.expected.append(("select", [], b"OK"))

    def compose(self):
        """Another batch, if it has not too much on its way."""
        if len(self.outgoing) > 1 << 20:
            return
        for _ in range(min(self.rng.choice((1, 1, 2, 4, 8, 16)), DEPTH - len(self.expected))):
            self.one()

    def one(self):
        dice = self.rng.random()
        self.turn += 1
        if self.rng.random() < self.large_share:
            self.set(self.large[0], self.rng.randrange(10_000, 200_000))
        elif self.windows and self.rng.random() < 0.4:
            self.move(self.rng.choice(self.windows))
        elif dice < 0.55:
            self.change_register(self.rng.choice(self.registers), self.rng.random())
        elif dice < 0.70:
            self.add(self.rng.choice(self.counters), "INCR", 1)
        elif dice < 0.85:
            self.append(self.rng.choice(self.logs))
        else:
            self.change_group()

    def change_register(self, key, dice):
        if dice < 0.75:
            self.set(key, self.rng.choice((3, 16, 64, 500)))
        elif dice < 0.85:
            self.send(("DEL", key.name), [key.send(GONE, self.history.epoch, self.turn)], [key], (0, 1))
        else:
            self.set(key, 16, milliseconds=self.rng.choice((self.rng.randrange(20, 300), LONG_EXPIRY_MS)))

    def set(self, key, byte_count, milliseconds=None):
        value = value_of(key.sent + 1, byte_count)
        # A lower bound: a server counts in whole milliseconds from a clock that it may have read a little earlier.
        deadline = milliseconds and time.time() + milliseconds / 1000 - 0.005
        words = ("SET", key.name, value, "PX", milliseconds) if milliseconds else ("SET", key.name, value)
        self.send(words, [key.send(value, self.history.epoch, self.turn, deadline=deadline)], [key], b"OK")

    def append(self, key):
        if len(key.latest or b"") > LOG_BYTES_MAX:
            self.send(("DEL", key.name), [key.send(GONE, self.history.epoch, self.turn)], [key], (0, 1))
        else:
            self.add(key, "APPEND", b"%d," % (key.sent + 1))

    def add(self, key, command, piece):
        change = key.send(added(key.latest, piece), self.history.epoch, self.turn, piece=piece)
        words = (command, key.name) if command == "INCR" else (command, key.name, piece)
        self.send(words, [change], [key], command)

    def move(self, key):
        """A window goes on: elements are added behind, or taken away in front."""
        window, numbers = kind_of(key.name), numbers_in(key.latest)
        if len(numbers) > 1 and self.rng.randrange(self.width) < len(numbers):
            count = self.rng.randrange(1, min(len(numbers), 20))
            words, piece = taking(window, key.name, numbers[:count])
        else:
            first = (key.sent + 1) * 100
            count = self.rng.choice((1, 2, 5, self.width // 3)) if window.can_add_several else 1
            words, piece = adding(window, key.name, list(range(first, first + count)))
        change = key.send(piece(key.latest), self.history.epoch, self.turn, piece=piece)
        self.send(words, [change], [key], "RPUSH" if words[0] == "RPUSH" else None)

    def change_group(self):
        words, changes = ["MSET"], []
        value = value_of(self.group[0].sent + 1, 24)
        for key in self.group:
            words += (key.name, value)
            changes.append(key.send(value, self.history.epoch, self.turn))
        self.send(words, changes, self.group, b"OK")

    def send(self, words, changes, keys, wanted):
        self.outgoing += encode(*words)
        self.expected.append((wanted, list(zip(keys, changes)), words[0]))

    def take(self, expected, reply):
        wanted, pairs, command = expected
        if isinstance(reply, ErrorReply):
            if not pairs or not reply.startswith("MISCONF"):
                self.history.problems.append(f"{command} was answered -{reply}")
            for key, change in pairs:
                self.history.refuse(key, change)
            return
        if wanted == "INCR":
            wanted = int(pairs[0][1].value)
        elif wanted == "APPEND":
            wanted = len(pairs[0][1].value)
        elif wanted == "RPUSH":
            wanted = len(numbers_in(pairs[0][1].value))
        if pairs and wanted is not None and reply != wanted and not (isinstance(wanted, tuple) and reply in wanted):
            self.history.problem(pairs[0][0], f"{command} answered {reply!r} instead of {wanted!r}")
        for key, change in pairs:
            self.history.acknowledge(key, change)


class Reader(Peer):
    """Asks for keys of all writers in one database; what it sees may not be lost either."""

    def __init__(self, address, history, database, rng):
        super().__init__(address)
        self.history, self.rng = history, rng
        self.names = [key for key in history.keys.values() if key.database == database]
        self.outgoing += encode("SELECT", database)
        self.expected.append(None)

    def compose(self):
        for _ in range(min(4, 12 - len(self.expected))):
            key = self.rng.choice(self.names)
            window = kind_of(key.name)
            self.outgoing += encode(*(window.asking(key.name) if window else ("GET", key.name)))
            self.expected.append((key, key.floor, self.history.epoch))

    def take(self, expected, reply):
        if isinstance(reply, ErrorReply):
            self.history.problems.append(f"a reader was answered -{reply}")
        elif expected:
            key, floor, epoch = expected
            window = kind_of(key.name)
            self.history.observe(key, window.value(reply) if window else reply, floor, epoch)


class Load:
    """All peers of one cycle."""

    def __init__(self, address, history, seed, writers=8, readers=2, large=0.01, windows=True):
        self.history = history
        rng = random.Random(seed)
        self.writers = [Writer(address, history, number, random.Random(rng.random()), large, windows)
                        for number in range(writers)]
        self.readers = [Reader(address, history, number % DATABASES, random.Random(rng.random()))
                        for number in range(readers)] if writers >= DATABASES else []
        self.others = []
        self.stall = 0.0  # the longest time in which we ourselves did not come to look
        self.selector = selectors.DefaultSelector()
        for peer in self.writers + self.readers:
            self.selector.register(peer.socket, selectors.EVENT_READ, peer)

    def join(self, peer):
        """Another kind of peer (racing.py) takes part."""
        self.others.append(peer)
        self.selector.register(peer.socket, selectors.EVENT_READ, peer)

    @property
    def peers(self):
        return self.writers + self.readers + self.others

    def run(self, seconds, until=lambda: False):
        """Everybody writes and reads for so long; ends early when all have been cut off."""
        turn = time.monotonic()
        deadline = turn + seconds
        while turn < deadline and not until():
            alive = [peer for peer in self.peers if not peer.ended]
            if not alive:
                return
            for peer in alive:
                peer.compose()
                if peer.outgoing:
                    peer.push()
            self.receive(0.005)
            before, turn = turn, time.monotonic()
            self.stall = max(self.stall, turn - before - 0.005)

    def receive(self, patience):
        for event, _ in self.selector.select(patience):
            peer = event.data
            peer.pull()
            if peer.ended:
                self.selector.unregister(peer.socket)

    def settle(self, seconds=10.0):
        """Sends nothing new and waits until everything is answered; whether it was."""
        deadline = time.monotonic() + seconds
        while any(peer.expected and not peer.ended for peer in self.peers) and time.monotonic() < deadline:
            for peer in self.peers:
                peer.push()
            self.receive(0.02)
        return not any(peer.expected for peer in self.peers)

    def drain(self, seconds=2.0):
        """The server is dead: what it had said is still in our sockets, up to the end of each stream."""
        deadline = time.monotonic() + seconds
        while any(not peer.ended for peer in self.peers) and time.monotonic() < deadline:
            self.receive(0.05)

    def close(self):
        for peer in self.peers:
            peer.close()
        self.selector.close()
