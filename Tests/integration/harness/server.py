"""server.py: one server process under test.

Which binary and how it is started comes from the environment, so that the same
tests run on every engine and on the servers that we measure ourselves against:

    MARTLET_SERVER   path of the binary (martlet-server, redis-server, valkey-server)
    MARTLET_ENGINE   auto, io_uring or epoll: passed as --io-engine (martlet only)
    MARTLET_THREADS  passed as --io-threads (martlet only)
    MARTLET_DENY     EPERM or ENOSYS: start it where io_uring is refused with that error
    MARTLET_KEEP     keep the temporary directories
    MARTLET_SANITIZED  the binary was built with a sanitizer

A server gets a directory of its own, a generated configuration file and a free
port, and counts as started when its log says `Ready to accept connections`.
"""
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from .resp import PATIENCE_SECONDS, Connection, wait_until

SECCOMP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "seccomp.py")

# "Ready to accept connections"; with a unix socket alone "... is now ready to accept connections at PATH".
READY = "eady to accept connections"

# What a healthy log never contains.
ALARMS = re.compile(
    r"BUG REPORT START|Fatal error:|Precondition failed|Program crashed|ASSERTION FAILED|crashed by signal|"
    r"AddressSanitizer|ThreadSanitizer|runtime error:|smashing detected|double free|free\(\): |malloc\(\): "
)


def binary():
    path = os.environ.get("MARTLET_SERVER")
    if not path:
        raise SystemExit("MARTLET_SERVER is not set: the path of the server to test")
    return path


def plain_environment():
    """Ours without what steers the tests: to the server every MARTLET_… is a directive."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MARTLET_")}


_flavours = {}


def flavour(path=None):
    """`martlet`, `valkey` or `redis`: what `--version` says of the binary."""
    path = path or binary()
    if path not in _flavours:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60,
                              env=plain_environment())
        text = (said.stdout + said.stderr).lower()
        if "martlet" in text:
            _flavours[path] = "martlet"
        elif "redis" in text:
            _flavours[path] = "redis"
        else:
            _flavours[path] = "valkey"
    return _flavours[path]


def engine():
    return os.environ.get("MARTLET_ENGINE") or "auto"


def denied():
    return os.environ.get("MARTLET_DENY") or ""


def is_sanitized():
    """Whether the binary was built with a sanitizer: its allocator keeps no figures."""
    return bool(os.environ.get("MARTLET_SANITIZED"))


def is_ours(port):
    """Takes the port for this process, unless another run of tests on this machine has done so."""
    lock = os.open(os.path.join(tempfile.gettempdir(), f"martlet-test-port-{port}"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    # Until it is somebody else's turn: the lock goes with its descriptor.
    is_ours.locks.append(lock)
    if len(is_ours.locks) > 100:
        os.close(is_ours.locks.pop(0))
    return True


is_ours.locks = []


def free_port(family=socket.AF_INET):
    """A port that nobody listens on, below the range from which clients are given theirs."""
    address = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    while True:
        free_port.next = free_port.next + 1 if free_port.next < 29_999 else 21_000
        if not is_ours(free_port.next):
            continue
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, free_port.next))
            except OSError:
                continue
            return free_port.next


free_port.next = 21_000 + os.getpid() % 8_000


class Server:
    """One server process.

    `lines` are added to the generated configuration file; `arguments` to the
    command line. With `configuration=False` no file is written and the caller's
    arguments are all it gets. `standard_input` is fed to the process. `prefix`
    is what starts it, such as taskset.
    """

    def __init__(self, *lines, arguments=(), environment=None, configuration=True, standard_input=None,
                 path=None, chosen_engine=None, deny=None, start=True, prefix=()):
        self.path = path or binary()
        self.flavour = flavour(self.path)
        self.directory = tempfile.mkdtemp(prefix="martlet-test-")
        self.log_path = os.path.join(self.directory, "log")
        self.config_path = os.path.join(self.directory, "server.conf") if configuration else None
        self.lines = list(lines)
        self.arguments = list(arguments)
        self.environment = environment or {}
        self.standard_input = standard_input
        self.engine = chosen_engine or engine()
        self.deny = denied() if deny is None else deny
        self.prefix = list(prefix)
        self.host = "127.0.0.1"
        self.port = self._directive("port", None)
        if self.port is None:
            self.port = free_port()
        self.port = int(self.port)
        self.unix_path = self._directive("unixsocket", None)
        self.process = None
        self.expected_exit = False
        if start:
            self.start()

    def _directive(self, name, default):
        for line in self.lines:
            words = line.split()
            if words and words[0] == name:
                return words[1]
        return default

    def _configuration(self):
        own = {line.split()[0] for line in self.lines if line.split()}
        defaults = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {self.directory}",
            'save ""',
            "appendonly no",
            "loglevel verbose",
            "enable-debug-command yes",
            "enable-protected-configs yes",
            "repl-diskless-sync-delay 0",
        ]
        lines = [line for line in defaults if line.split()[0] not in own] + self.lines
        if self.flavour == "martlet" and "io-engine" not in own:
            lines.append(f"io-engine {self.engine}")
        if self.flavour == "martlet" and "io-threads" not in own and os.environ.get("MARTLET_THREADS"):
            lines += [f"io-threads {os.environ['MARTLET_THREADS']}", "io-threads-always-active yes"]
        return "\n".join(lines) + "\n"

    # Life

    def command_line(self):
        command = self.prefix + [self.path]
        if self.deny:
            command = [sys.executable, SECCOMP, self.deny] + command
        if self.config_path:
            command.append(self.config_path)
        return command + self.arguments

    def start(self, wait=True):
        if self.config_path and not os.path.exists(self.config_path):
            with open(self.config_path, "w") as file:
                file.write(self._configuration())
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            self.command_line(), stdout=log, stderr=subprocess.STDOUT, cwd=self.directory,
            stdin=subprocess.PIPE if self.standard_input is not None else subprocess.DEVNULL,
            env={**plain_environment(), **self.environment})
        log.close()
        if self.standard_input is not None:
            self.process.stdin.write(self.standard_input.encode())
            self.process.stdin.close()
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=60.0):
        def ready():
            if READY in self.log():
                return True
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode} at start:\n{self.log()}")
            return False
        wait_until(ready, seconds, "the line that says the server is ready")

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        os.unlink(self.log_path)
        self.expected_exit = False
        return self.start()

    def stop(self, number=signal.SIGTERM, seconds=PATIENCE_SECONDS):
        """Ends the server by a signal and returns its exit code."""
        self.expected_exit = True
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not end within {seconds} s of signal {number}") from None

    def wait_exit(self, seconds=PATIENCE_SECONDS):
        """Waits for the server to end by itself; its exit code."""
        self.expected_exit = True
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the server did not end within {seconds} s") from None

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def destroy(self):
        """Ends the process, removes its directory; returns what was wrong with it, or None."""
        complaint = None
        if self.process is not None:
            if self.process.poll() is not None and not self.expected_exit:
                complaint = f"the server died with {self.process.returncode}:\n{self.log()[-4000:]}"
            elif self.process.poll() is None:
                self.process.terminate()
                try:
                    self.process.wait(PATIENCE_SECONDS)
                except subprocess.TimeoutExpired:
                    complaint = f"the server did not end within {PATIENCE_SECONDS:.0f} s of SIGTERM"
                    self.process.kill()
                    self.process.wait()
        alarm = ALARMS.search(self.log())
        if alarm and not complaint:
            complaint = f"alarm in the log:\n{self.log()[-4000:]}"
        if not os.environ.get("MARTLET_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)
        return complaint

    # Looking at it

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        try:
            with open(self.log_path, errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait_for_log(self, text, seconds=10.0):
        wait_until(lambda: text in self.log(), seconds, f"the log line {text!r}")

    def connect(self, protocol=2, **options):
        if self.port == 0 and self.unix_path:
            return Connection(self.unix_path, protocol=protocol, **options)
        return Connection((self.host, self.port), protocol=protocol, **options)

    def call(self, *arguments):
        """One command on a connection of its own."""
        with self.connect() as connection:
            return connection.call(*arguments)

    def info(self, *sections):
        return parse_info(self.call("INFO", *sections))

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/status") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def voluntary_switches(self):
        """How often any thread of the server has gone to sleep: the sum over its threads."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{task}/status") as status:
                for line in status:
                    if line.startswith("voluntary_ctxt_switches:"):
                        total += int(line.split()[1])
        return total

    def cpu_ticks(self):
        """User and system time of the process, in clock ticks."""
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def wait_for_clients(self, count, seconds=20.0):
        """Until INFO counts that many connections besides the asking one."""
        with self.connect() as connection:
            def counted():
                return int(parse_info(connection.call("INFO", "clients"))["connected_clients"]) == count + 1
            wait_until(counted, seconds, f"{count} connected clients")


def parse_info(text):
    fields = {}
    for line in bytes(text).decode().splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition(":")
            fields[name] = value
    return fields


def pause(seconds):
    """Lets time pass where time itself is the subject (an expiry), never to wait for an event."""
    time.sleep(seconds)
