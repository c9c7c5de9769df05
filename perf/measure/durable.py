"""durable.py: servers with a log, on a disk of our choice, and the load that they are measured by."""
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from . import process
from .load import run_counted
from .resp import Client, ReplyError, encode
from .servers import ROOT, Missing, Server, valkey_path

LOAD_SECONDS_MAX = 900


def contestant(name: str, options, parent: str | None, *settings: str) -> Server:
    """A server of that name with the given settings (words of a command line) and nothing on it yet."""
    common = ["--port", "{port}", "--bind", "127.0.0.1", "--dir", "{dir}", "--save", "", "--protected-mode", "no",
              "--maxclients", "20000", "--tcp-backlog", "4096", "--auto-aof-rewrite-percentage", "0",
              "--io-threads", "1", *settings]
    placed = {"core": options.server_core, "nice": options.nice, "parent": parent}
    if name == "redis":
        found = shutil.which(options.redis or "redis-server")
        if not found:
            raise Missing("no redis-server: apt install redis-server, or --redis PATH")
        return Server("redis 7.0", [found, *common], peer=True, **placed)
    if name == "valkey":
        return Server("valkey 9.1", [valkey_path(options.valkey), *common], peer=True, **placed)
    binary = Path(options.martlet) if options.martlet else ROOT / ".build/release/martlet-server"
    if not binary.exists():
        raise Missing(f"no martlet-server at {binary}: ./run build, or --martlet PATH")
    return Server(f"martlet {name}", [str(binary), *common, "--io-engine", name], **placed)


class Bench:
    """martlet-bench, one or several at a time, all on the load's core."""

    def __init__(self, options):
        binary = Path(options.bench) if options.bench else ROOT / ".build/release/martlet-bench"
        if not binary.exists():
            raise Missing(f"no martlet-bench at {binary}: build it (swift build -c release), or --bench PATH")
        self.path, self.core, self.nice = str(binary), options.load_core, options.nice

    def command(self, server: Server, clients: int, seconds: float, *words: str, warmup: float = 0.2) -> list[str]:
        words = list(words)
        own = words[words.index("--"):] if "--" in words else []
        words = words[:words.index("--")] if own else words
        return process.pinned(self.core, [
            self.path, "-h", "127.0.0.1", "-p", str(server.port), "-c", str(clients), "--seconds", str(seconds),
            "--warmup", str(warmup), "--pid", str(server.pid), "--json", *words, *own], self.nice)

    def run(self, server: Server, clients: int, seconds: float, *words: str) -> dict:
        return self.judged(server, run_counted(self.command(server, clients, seconds, *words))[0])

    def beside(self, server: Server, first: tuple, second: tuple, seconds: float) -> tuple[dict, dict]:
        """Two loads at once, (clients, words…) each; the second is measured inside the time of the first."""
        outer = subprocess.Popen(self.command(server, first[0], seconds + 0.6, *first[1:], warmup=0.3),
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            time.sleep(0.3)
            inner = self.run(server, second[0], seconds, *second[1:])
            output, _ = outer.communicate(timeout=60)
        finally:
            if outer.poll() is None:
                outer.kill()
                outer.wait()
        return self.judged(server, output), inner

    @staticmethod
    def judged(server: Server, output: str) -> dict:
        result = json.loads(output)
        if result["errors"]:
            raise RuntimeError(f"{server.label} answered {result['errors']} errors: {result['first_error']}")
        return result


def fill(server: Server, keys: int, value_bytes: int = 64) -> None:
    """key:000000000000 and up, the names that martlet-bench uses; waits until all are durable."""
    client = Client(server.port, timeout=120)
    value = b"x" * value_bytes
    client.fill((encode("SET", b"key:%012d" % number, value) for number in range(keys)), 2000)
    client.close()


def settings(server: Server, *pairs: str) -> None:
    client = Client(server.port)
    client.call("CONFIG", "SET", *pairs)
    client.close()


def wait_for(server: Server, field: str, value: str, seconds: float = LOAD_SECONDS_MAX) -> None:
    """Until INFO persistence shows it."""
    client = Client(server.port, timeout=60)
    deadline = time.monotonic() + seconds
    while client.info("persistence").get(field) != value:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{server.label}: {field} did not become {value} in {seconds} s")
        time.sleep(0.02)
    client.close()


def resident_bytes(server: Server) -> int:
    """Of the server and of what it has forked: shared pages counted once."""
    total, pids = 0, [server.pid]
    while pids:
        pid = pids.pop()
        try:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
            pids += [int(child) for task in os.listdir(f"/proc/{pid}/task")
                     for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
        except OSError:
            continue
    return total


def load_seconds(server: Server) -> float:
    """Starts it on what lies in its directory; seconds until it answers a PING."""
    begin = time.monotonic()
    server.child = subprocess.Popen(
        process.pinned(server.core, [{"{port}": str(server.port), "{dir}": server.directory}.get(word, word)
                                     for word in server.command], server.nice),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while time.monotonic() < begin + LOAD_SECONDS_MAX:
        if server.child.poll() is not None:
            raise RuntimeError(f"{server.label} ended with {server.child.returncode} while loading")
        try:
            client = Client(server.port, timeout=LOAD_SECONDS_MAX)
            try:
                client.call("PING")
                return time.monotonic() - begin
            finally:
                client.close()
        except (OSError, ReplyError):
            time.sleep(0.002)
    raise RuntimeError(f"{server.label} did not load in {LOAD_SECONDS_MAX} s")
