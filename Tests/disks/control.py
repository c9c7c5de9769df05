"""control.py: a program too simple to be wrong, cut off together with the server.

It appends records and syncs each (appender.c). What it had counted before the cut must be in its
file after it; if not, the *disk* lost acknowledged data, and whatever a server lost in
that cut proves nothing against the server.
"""
import os
import struct
import subprocess
import tempfile

from . import space
from .tools import build

RECORD_BYTES = 64


class Control:
    """An appender on a disk; `counted()` is read before the cut, `survived()` after it."""

    def __init__(self, directory):
        program = build("appender", ["appender.c"])
        self.file = os.path.join(directory, "control")
        if os.path.exists(self.file):
            os.unlink(self.file)
        self.counter = tempfile.NamedTemporaryFile(prefix="martlet-control-")
        self.process = subprocess.Popen([program, self.file, self.counter.name], preexec_fn=space.die_with_parent)

    def counted(self):
        with open(self.counter.name, "rb") as file:
            data = file.read(8)
        return struct.unpack("=Q", data)[0] if len(data) == 8 else 0

    def end(self):
        """The process must be gone before the disk is unmounted."""
        self.process.kill()
        self.process.wait()

    def survived(self):
        """How many whole records stand at the beginning of the file."""
        try:
            with open(self.file, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return 0
        number = 0
        while data[number * RECORD_BYTES:(number + 1) * RECORD_BYTES] == b"%062d\r\n" % (number + 1):
            number += 1
        return number

    def close(self):
        self.end()
        self.counter.close()
