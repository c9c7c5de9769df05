"""resp.py: a client that hides nothing.

A test wants to see what a server really said: the type of a reply, its exact
bytes, whether the connection was closed after it. `Connection` therefore never
raises for an error reply, never decodes text, and keeps the raw bytes of the
last reply. It writes whatever bytes it is given, well formed or not.

    reply type        Python value
    +OK               Simple("OK")            a str
    -ERR text         Error("ERR text")       a str
    :7                7                       int
    $3 abc            b"abc"                  bytes
    $-1  *-1  _       None
    *2 ...            [..]                    list
    %1 ...            Map([(key, value)])     a list of pairs
    ~2 ...            SetReply([..])          a list
    >2 ...            Push([..])              a list
    ,1.5              1.5                     float
    #t                True                    bool
    (123              BigNumber("123")        a str
    =9 txt:hello      Verbatim(b"txt:hello")  bytes
"""
import socket
import time

# No wait ends sooner, whatever limit a test names: a slow machine costs time, and a test that passes costs none.
PATIENCE_SECONDS = 60.0


class Simple(str):
    """A status reply."""


class Error(str):
    """An error reply, without the minus."""

    @property
    def code(self):
        return self.split(" ", 1)[0]


class BigNumber(str):
    """A RESP3 big number, as its digits."""


class Verbatim(bytes):
    """A RESP3 verbatim string, with its three-letter format and colon."""


class Map(list):
    """A RESP3 map in the order it was sent."""

    def __getitem__(self, key):
        if isinstance(key, (int, slice)):
            return list.__getitem__(self, key)
        wanted = key.encode() if isinstance(key, str) else key
        for name, value in self:
            if name == wanted or name == key:
                return value
        raise KeyError(key)

    def keys(self):
        return [name for name, _ in self]


class SetReply(list):
    """A RESP3 set in the order it was sent."""


class Push(list):
    """A RESP3 push message."""


class Closed(Exception):
    """The server closed the connection (or reset it)."""


class ProtocolError(Exception):
    """The bytes that the server sent are not RESP."""


def encode(*arguments):
    """One command as a RESP array of bulk strings."""
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = to_bytes(argument)
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def to_bytes(argument):
    if isinstance(argument, (bytes, bytearray, memoryview)):
        return bytes(argument)
    return str(argument).encode()


class Connection:
    """One connection to a server, over TCP or a unix socket.

    `address` is (host, port) or a path. `timeout` bounds every wait, in seconds.
    """

    def __init__(self, address, timeout=PATIENCE_SECONDS, protocol=2, source=None, receive_buffer=None):
        if isinstance(address, (tuple, list)):
            family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            self.socket = socket.socket(family, socket.SOCK_STREAM)
            if receive_buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if source:
                self.socket.bind((source, 0))
            self.socket.settimeout(timeout)
            self.socket.connect(tuple(address))
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(timeout)
            self.socket.connect(address)
        self.buffer = bytearray()
        self.position = 0
        if protocol == 3:
            reply = self.call("HELLO", 3)
            if isinstance(reply, Error):
                raise ProtocolError(f"HELLO 3: {reply}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with a TCP reset instead of a FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()

    # Writing

    def send(self, data):
        """Sends raw bytes, all of them."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed(str(error)) from None

    def send_command(self, *arguments):
        self.send(encode(*arguments))

    # Reading

    def call(self, *arguments):
        """Sends one command and returns its reply."""
        self.send(encode(*arguments))
        return self.read()

    def inline(self, line):
        """Sends one inline command and returns its reply."""
        self.send(to_bytes(line) + b"\r\n")
        return self.read()

    def pipeline(self, *commands):
        """Sends several commands in one write and returns their replies."""
        self.send(b"".join(encode(*command) for command in commands))
        return [self.read() for _ in commands]

    def read(self):
        """The next reply (or push message)."""
        self._discard()
        return self._value()

    def read_raw(self):
        """The exact bytes of the next reply."""
        self._discard()
        start = self.position
        self._value()
        return bytes(self.buffer[start:self.position])

    def read_replies(self, count):
        return [self.read() for _ in range(count)]

    def read_until_closed(self):
        """Every byte until the server closes; a reset counts as a close."""
        data = bytearray(self.buffer[self.position:])
        self.buffer.clear()
        self.position = 0
        while True:
            try:
                chunk = self.socket.recv(1 << 16)
            except ConnectionResetError:
                return bytes(data)
            if not chunk:
                return bytes(data)
            data += chunk

    def is_closed(self, within=PATIENCE_SECONDS):
        """True when the server closes the connection in that many seconds, after having said nothing."""
        before = self.socket.gettimeout()
        self.socket.settimeout(within)
        try:
            if self.position < len(self.buffer):
                return False
            return not self.socket.recv(1)
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(before)

    def is_silent(self, seconds=0.05):
        """True when nothing is waiting and nothing comes in that time; 0 only looks."""
        if self.position < len(self.buffer):
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.buffer += self.socket.recv(1 << 16)
            return False
        except (TimeoutError, BlockingIOError):
            return True
        finally:
            self.socket.settimeout(before)

    # Parsing

    def _discard(self):
        """Drops what was read, seldom enough to stay linear."""
        if self.position == len(self.buffer):
            self.buffer.clear()
            self.position = 0
        elif self.position > 1 << 20:
            del self.buffer[:self.position]
            self.position = 0

    def _more(self):
        try:
            chunk = self.socket.recv(1 << 18)
        except ConnectionResetError:
            raise Closed("reset") from None
        if not chunk:
            raise Closed("end of stream")
        self.buffer += chunk

    def _line(self):
        searched = self.position
        while True:
            end = self.buffer.find(b"\r\n", searched)
            if end >= 0:
                line = bytes(self.buffer[self.position:end])
                self.position = end + 2
                return line
            searched = max(self.position, len(self.buffer) - 1)
            self._more()

    def _exactly(self, count):
        while len(self.buffer) - self.position < count + 2:
            self._more()
        data = bytes(self.buffer[self.position:self.position + count])
        if self.buffer[self.position + count:self.position + count + 2] != b"\r\n":
            raise ProtocolError(f"bulk of {count} bytes does not end in CRLF")
        self.position += count + 2
        return data

    def _value(self):
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Simple(rest.decode("latin-1"))
        if kind == b"-":
            return Error(rest.decode("latin-1"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._exactly(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else [self._value() for _ in range(int(rest))]
        if kind == b"_":
            return None
        if kind == b"%":
            return Map((self._value(), self._value()) for _ in range(int(rest)))
        if kind == b"~":
            return SetReply(self._value() for _ in range(int(rest)))
        if kind == b">":
            return Push(self._value() for _ in range(int(rest)))
        if kind == b",":
            return float(rest)
        if kind == b"#":
            return rest == b"t"
        if kind == b"(":
            return BigNumber(rest.decode())
        if kind == b"=":
            return Verbatim(self._exactly(int(rest)))
        if kind == b"|":
            for _ in range(int(rest)):
                self._value(), self._value()
            return self._value()
        raise ProtocolError(f"not RESP: {line[:60]!r}")


def wait_until(condition, seconds=10.0, what="the condition"):
    """Asks again and again until `condition()` is true; fails at the deadline."""
    seconds = max(seconds, PATIENCE_SECONDS)
    deadline = time.monotonic() + seconds
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in {seconds} s")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
