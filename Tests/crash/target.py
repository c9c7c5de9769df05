"""target.py: the server under test, where its data lies, and how it dies.

A Target is an integration-test server whose `dir` is on a disk of our choice and whose log is
not. It can be killed and started again on what is left. It ends when the tests end, by whatever cause.
"""
import glob
import os
import shutil

from harness.server import Server, free_port

START_SECONDS = 20.0
PORTS_MAX = 5
DEFAULTS = ("appendonly yes", "appendfsync always", "auto-aof-rewrite-percentage 0", "loglevel notice")


class Refused(AssertionError):
    """The server did not start on what was left on the disk."""


class Target(Server):
    """`command` is a program of our own that takes --port and --dir, instead of a server with a configuration."""

    def __init__(self, directory, *lines, command=None, **options):
        own = {line.split()[0] for line in lines}
        defaults = [line for line in DEFAULTS if line.split()[0] not in own]
        self.command, self.data = command, directory
        super().__init__(*defaults, *lines, f"dir {directory}", start=False, **options)

    def command_line(self):
        leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        if self.command:
            return [*leash, *self.command, "--port", str(self.port), "--dir", self.data]
        return leash + super().command_line()

    def start(self, wait=True):
        self.expected_exit = False
        for attempt in range(PORTS_MAX):
            if os.path.exists(self.log_path):
                os.replace(self.log_path, self.log_path + ".before")
            super().start(wait=False)
            if not wait:
                return self
            try:
                self.wait_ready(START_SECONDS)
                return self
            except AssertionError as error:
                if "in use" not in self.log() or attempt == PORTS_MAX - 1:
                    raise Refused("\n".join(str(error).splitlines()[-4:])) from None
            # Somebody else has taken the port while it was free: that says nothing about the server.
            self.port = free_port()
            os.unlink(self.config_path)

    def kill(self):
        """kill -9; the process, and a peer's saving child, are gone when this returns."""
        self.expected_exit = True
        children = self.children()
        self.process.kill()
        self.process.wait(20)
        for pid in children:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue

    def children(self):
        """Processes that the server has forked."""
        found = []
        for path in glob.glob(f"/proc/{self.pid}/task/*/children"):
            try:
                with open(path) as file:
                    found += [int(word) for word in file.read().split()]
            except OSError:
                continue
        return found

    @property
    def address(self):
        return self.host, self.port
