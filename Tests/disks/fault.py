"""fault.py: a directory behind a FUSE file system that misbehaves when told to.

    disk = FaultDisk(forgetful=True)
    disk.rule("fsync", "error", errno.EIO, match=".incr.", skip=3, count=1)
    disk.rule("fsync", "delay", 2000)           microseconds, every fsync
    disk.rule("write", "short", 10, count=1)
    disk.rule("fsync", "hang"); disk.release()
    disk.space(4096)                            so many bytes may still be added to files
    disk.cut(); disk.lose(seed)                 the power goes; what was not synced is gone

See faultfs/rules.c for rules and faultfs/forgetting.c for what a cut takes.
"""
import os
import shutil
import subprocess
import tempfile

from . import space
from .tools import Unavailable, build

SOURCES = [f"faultfs/{name}.c" for name in ("main", "operations", "rules", "forgetting")]
FLAGS = ["-I/usr/include/fuse3", "-lfuse3", "-lpthread"]


class FaultDisk:
    """One mounted file system; `path` is what a program is given, `behind` what is really there."""

    def __init__(self, forgetful=False, logged=False):
        if not os.path.exists("/dev/fuse"):
            raise Unavailable("no /dev/fuse")
        program = build("faultfs", SOURCES, FLAGS)
        space.enter()
        self.home = tempfile.mkdtemp(prefix="martlet-fault-")
        self.path, self.behind, graveyard = (os.path.join(self.home, name) for name in ("disk", "behind", "graveyard"))
        for directory in (self.path, self.behind, graveyard):
            os.mkdir(directory)
        self.log_path = os.path.join(self.home, "operations")
        options = (["--forgetful"] if forgetful else []) + (["--log", self.log_path] if logged else [])
        self.process = subprocess.Popen([program, self.behind, self.path, graveyard, *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ok mounted":
            complaint = self.process.communicate()[1]
            shutil.rmtree(self.home, ignore_errors=True)
            raise Unavailable(f"the FUSE file system does not mount: {complaint.strip()[:300]}")

    def tell(self, line):
        """One control line; what stands behind the `ok`."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        word, _, value = self.process.stdout.readline().strip().partition(" ")
        if word != "ok":
            raise AssertionError(f"faultfs: {line}: {value or 'it has ended'}")
        return value

    def rule(self, operation, action, number=0, match="*", skip=0, count=0):
        self.tell(f"rule {operation} {match} {skip} {count} {action} {number}")

    def clear(self):
        self.tell("clear")

    def release(self):
        self.tell("release")

    def space(self, byte_count):
        self.tell(f"space {byte_count}")

    def count(self, operation):
        return int(self.tell(f"count {operation}"))

    def hits(self):
        return int(self.tell("hits"))

    def cut(self):
        self.tell("cut")

    def lose(self, seed=0):
        """Bytes and names that the cut took."""
        taken, names = self.tell(f"lose {seed}").split()
        return int(taken), int(names)

    def replug(self, seed=0):
        return self.lose(seed)

    def destroy(self):
        try:
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        subprocess.run(["umount", "-l", self.path], capture_output=True, timeout=30)
        shutil.rmtree(self.home, ignore_errors=True)
