"""resp.py: just enough of the protocol to fill a server and to ask it questions."""
import socket


def encode(*arguments: str | bytes | int) -> bytes:
    """One request as an array of bulk strings."""
    out = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        data = argument if isinstance(argument, bytes) else str(argument).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(out)


class ReplyError(Exception):
    """An error reply, text without the leading minus."""


class Client:
    """A blocking connection. Replies are bytes, int, None, list, or a raised ReplyError."""

    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = 30):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", buffering=1 << 16)

    def call(self, *arguments):
        self.socket.sendall(encode(*arguments))
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise ReplyError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise ValueError(f"not a reply: {line!r}")

    def info(self, section: str = "") -> dict[str, str]:
        """INFO as a dictionary; empty where the server has none."""
        try:
            text = self.call("INFO", section) if section else self.call("INFO")
        except ReplyError:
            return {}
        pairs = (line.split(":", 1) for line in text.decode().splitlines() if ":" in line)
        return dict(pairs)

    def fill(self, requests, batch: int = 2000) -> int:
        """Sends already encoded requests, `batch` at a time, and expects +OK for each. Returns how many."""
        sent = 0
        pending: list[bytes] = []

        def flush() -> None:
            self.socket.sendall(b"".join(pending))
            for _ in pending:
                answer = self.file.readline()
                if not answer.startswith(b"+"):
                    raise ReplyError(answer.decode(errors="replace").strip())
            pending.clear()

        for request in requests:
            pending.append(request)
            sent += 1
            if len(pending) == batch:
                flush()
        flush()
        return sent

    def close(self) -> None:
        self.file.close()
        self.socket.close()
