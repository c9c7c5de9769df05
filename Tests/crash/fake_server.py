#!/usr/bin/env python3
"""fake_server.py: a small durable server with bugs to order. The harness is tested with it.

    fake_server.py --port N --dir PATH [--bug NAME]

One thread, one file of RESP commands with checksums, group commit once a turn: read, execute, write, fdatasync, answer.
Without a bug it keeps every promise of `appendfsync always`. The bugs:
"""
import argparse
import os
import re
import selectors
import socket
import sys
import time
import zlib

BUGS = {
    "none": "keeps every promise",
    "ack-before-fsync": "answers, then syncs",
    "ack-before-write": "answers, and writes in the next turn",
    "dirty-reads": "writers wait for the disk, readers do not",
    "double-replay": "replays the last increment twice",
    "forgotten-delete": "DEL is not written",
    "forgotten-expiry": "the expiry of SET is not written",
    "split-mset": "MSET is written as several records, one by one",
    "stops-at-tear": "refuses to start on a torn tail",
    "no-checksum": "believes what it reads",
    "middle-gap": "a batch of more than 4 KiB loses its first record",
    "retried-fsync": "after a failed fsync it syncs again and believes the result",
    "no-directory-fsync": "renames the rewritten file without syncing its directory",
    "no-file-fsync": "renames the rewritten file without syncing it",
}


class FakeServer:
    def __init__(self, directory, bug):
        self.bug = bug
        self.directory = directory
        self.path = os.path.join(directory, "log")
        self.databases = [{} for _ in range(16)]
        self.load()
        self.log = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.sync_directory()
        self.batch, self.late = [], b""

    # The file

    def load(self):
        try:
            with open(self.path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return
        at, last = 0, None
        while at < len(data):
            words, end = self.unseal(*parse_request(data, at))
            if words is None:
                if self.bug == "stops-at-tear":
                    sys.exit("Bad file format: torn tail")
                with open(self.path, "r+b") as file:
                    file.truncate(at)
                    os.fsync(file.fileno())
                break
            self.execute(self.databases[int(words[0])], words[1:], None)
            last = words if words[1] == b"INCR" else last
            at = end
        if self.bug == "double-replay" and last:
            self.execute(self.databases[int(last[0])], last[1:], None)

    def unseal(self, words, end):
        """A record without its checksum; (None, None) if it is not what was written."""
        if words is None or len(words) < 3:
            return None, None
        if self.bug != "no-checksum" and words[0] != checksum(words[1:]):
            return None, None
        return words[1:], end

    def record(self, database, words):
        if self.bug == "forgotten-delete" and words[0] == b"DEL":
            return
        if self.bug == "forgotten-expiry" and words[0] == b"SET":
            words = words[:3]
        number = b"%d" % self.databases.index(database)
        if self.bug == "split-mset" and words[0] == b"MSET":
            for at in range(1, len(words), 2):
                self.batch.append(sealed([number, b"SET", words[at], words[at + 1]]))
            return
        self.batch.append(sealed([number, *words]))

    def commit(self):
        """Everything of this turn is durable when this returns."""
        if self.bug == "ack-before-write":
            batch, self.late = self.late, b"".join(self.batch)
            self.batch = []
            os.write(self.log, batch)
            return
        if not self.batch:
            return
        if self.bug == "middle-gap" and sum(map(len, self.batch)) > 4096:
            self.batch.pop(0)
        parts = self.batch if self.bug == "split-mset" else [b"".join(self.batch)]
        self.batch = []
        for part in parts:
            while part:
                part = part[os.write(self.log, part):]
            if len(parts) > 1:
                time.sleep(0.0005)
        self.sync()

    def sync(self):
        try:
            os.fdatasync(self.log)
        except OSError:
            if self.bug != "retried-fsync":
                os._exit(1)
            os.fdatasync(self.log)

    def sync_directory(self):
        descriptor = os.open(self.directory, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)

    def rewrite(self):
        self.commit()
        temporary = self.path + ".new"
        now = time.time()
        with open(temporary, "wb") as file:
            for number, database in enumerate(self.databases):
                for name, (value, deadline) in database.items():
                    if deadline is None or deadline > now:
                        words = [b"%d" % number, b"SET", name, value]
                        file.write(sealed(words + ([b"PXAT", b"%d" % (deadline * 1000)] if deadline else [])))
            file.flush()
            if self.bug != "no-file-fsync":
                os.fsync(file.fileno())
        os.rename(temporary, self.path)
        if self.bug != "no-directory-fsync":
            self.sync_directory()
        os.close(self.log)
        self.log = os.open(self.path, os.O_RDWR | os.O_APPEND)

    # The commands

    def execute(self, database, words, client):
        """Returns the answer; `client` is None while the file is replayed."""
        command = words[0].upper()
        now = time.time()
        if len(words) > 1 and words[1] in database:
            deadline = database[words[1]][1]
            if deadline is not None and now >= deadline:
                del database[words[1]]
        if command == b"GET":
            value = database.get(words[1], (None,))[0]
            return b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value)
        if command == b"PTTL":
            if words[1] not in database:
                return b":-2\r\n"
            deadline = database[words[1]][1]
            return b":%d\r\n" % (-1 if deadline is None else (deadline - now) * 1000)
        if command == b"SELECT":
            client.database = self.databases[int(words[1])]
            return b"+OK\r\n"
        if command not in (b"SET", b"DEL", b"INCR", b"APPEND", b"MSET"):
            if command == b"BGREWRITEAOF":
                self.rewrite()
            return b"+OK\r\n"
        if command == b"DEL" and words[1] not in database:
            return b":0\r\n"
        if command == b"SET" and len(words) > 3 and words[3] == b"PX":
            words = [*words[:3], b"PXAT", b"%d" % (now * 1000 + int(words[4]))]
        if client is not None:
            self.record(database, words)
        return self.change(database, command, words)

    @staticmethod
    def change(database, command, words):
        if command == b"SET":
            database[words[1]] = words[2], int(words[4]) / 1000 if len(words) > 3 else None
            return b"+OK\r\n"
        if command == b"MSET":
            database.update({words[at]: (words[at + 1], None) for at in range(1, len(words), 2)})
            return b"+OK\r\n"
        if command == b"DEL":
            database.pop(words[1], None)
            return b":1\r\n"
        value, deadline = database.get(words[1], (b"", None))
        value = b"%d" % (int(value or 0) + 1) if command == b"INCR" else value + words[2]
        database[words[1]] = value, deadline
        return b":%b\r\n" % value if command == b"INCR" else b":%d\r\n" % len(value)

    # The loop

    def serve(self, port):
        selector = selectors.DefaultSelector()
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        selector.register(listener, selectors.EVENT_READ)
        print("Ready to accept connections", flush=True)
        while True:
            turn = []
            for event, _ in selector.select():
                if event.fileobj is listener:
                    client = Client(listener.accept()[0], self.databases[0])
                    selector.register(client.socket, selectors.EVENT_READ, client)
                elif event.data.receive():
                    turn.append(event.data)
                else:
                    selector.unregister(event.data.socket)
                    event.data.socket.close()
            for client in turn:
                self.answer(client)
            if self.bug == "ack-before-fsync":
                self.send(turn)
                time.sleep(0.002)
            if self.bug == "dirty-reads":
                self.send([client for client in turn if not client.wrote])
                time.sleep(0.005)
            self.commit()
            self.send(turn)

    def answer(self, client):
        at, client.wrote = 0, False
        while True:
            words, end = parse_request(client.incoming, at)
            if words is None:
                break
            before = len(self.batch)
            client.outgoing += self.execute(client.database, words, client)
            client.wrote = client.wrote or len(self.batch) > before
            at = end
        del client.incoming[:at]

    @staticmethod
    def send(clients):
        for client in clients:
            try:
                client.socket.sendall(client.outgoing)
            except OSError:
                pass
            client.outgoing = b""


class Client:
    def __init__(self, connection, database):
        self.socket, self.database = connection, database
        self.incoming, self.outgoing, self.wrote = bytearray(), b"", False

    def receive(self):
        try:
            data = self.socket.recv(1 << 18)
        except OSError:
            data = b""
        self.incoming += data
        return bool(data)


HEAD = re.compile(rb"([*$])(\d{1,9})\r\n")


def parse_request(data, at):
    """(words, end) of the command at `at`; (None, None) if it is not whole."""
    head = HEAD.match(data, at)
    if not head or head[1] != b"*":
        return None, None
    words, end = [], head.end()
    for _ in range(int(head[2])):
        head = HEAD.match(data, end)
        if not head or head[1] != b"$" or len(data) < head.end() + int(head[2]) + 2:
            return None, None
        end = head.end() + int(head[2])
        words.append(bytes(data[head.end():end]))
        end += 2
    return words, end


def checksum(words):
    return b"%08x" % zlib.crc32(b" ".join(words))


def sealed(words):
    return encode([checksum(words), *words])


def encode(words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def main():
    parser = argparse.ArgumentParser(description=__doc__ + "".join(f"\n  {name}: {text}" for name, text in BUGS.items()),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--bug", choices=BUGS, default="none")
    options = parser.parse_args()
    FakeServer(options.dir, options.bug).serve(options.port)


if __name__ == "__main__":
    main()
