"""load.py: the two load generators behind one call, and what one run of them measured."""
import csv
import io
import json
import os
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from . import process
from .servers import ROOT, Missing, Server

RUN_SECONDS_MAX = 60


@dataclass(frozen=True)
class Work:
    """What the clients do: a number of connections, a depth of pipeline, one command."""

    clients: int
    pipeline: int
    value_bytes: int
    keys: int
    command: str
    """"get" or "set", or the name of what `words` are."""
    words: tuple[str, ...] = ()
    """A command of its own, for martlet-bench."""


@dataclass
class Sample:
    """One run against one server."""

    requests_per_second: float
    p50_us: float
    p99_us: float
    server_cpu_us: float
    """Server's processor time per request, user and system, all threads, in microseconds."""
    server_busy: float
    """Server's processor time over wall time: 1.0 is one full core."""
    client_busy: float
    """The same of the load generator."""

    def dictionary(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


class RedisBenchmark:
    """Debian's redis-benchmark. It runs for a number of requests, so the first run per server only learns the speed."""

    name = "redis-benchmark"

    def __init__(self, path: str | None, core: int | None, nice: int):
        found = shutil.which(path or "redis-benchmark")
        if not found:
            raise Missing("no redis-benchmark: apt install redis-tools")
        self.path, self.core, self.nice = found, core, nice
        self.speeds: dict[tuple[str, Work], float] = {}

    def run(self, server: Server, work: Work, seconds: float) -> Sample:
        learned = (server.label, work)
        if learned not in self.speeds:
            self.speeds[learned] = self.once(server, work, max(2000, work.clients * work.pipeline)).requests_per_second
        requests = max(int(self.speeds[learned] * seconds), work.clients * work.pipeline * 4)
        sample = self.once(server, work, requests)
        self.speeds[learned] = sample.requests_per_second
        return sample

    def once(self, server: Server, work: Work, requests: int) -> Sample:
        command = [self.path, "-h", "127.0.0.1", "-p", str(server.port), "-c", str(work.clients),
                   "-P", str(work.pipeline), "-d", str(work.value_bytes), "-r", str(work.keys),
                   "-n", str(requests), "-t", work.command, "--csv"]
        cpu_before, began = process.cpu_ns(server.pid), time.monotonic()
        output, client_cpu = run_counted(process.pinned(self.core, command, self.nice))
        wall, cpu = time.monotonic() - began, process.cpu_ns(server.pid) - cpu_before
        rows = [row for row in csv.reader(io.StringIO(output)) if row]
        header = next((row for row in rows if row[0] == "test"), None)
        if header is None or len(rows) < 2:
            raise RuntimeError(f"redis-benchmark said nothing readable: {output[:300]}")
        row = dict(zip(header, rows[-1]))
        return Sample(
            requests_per_second=float(row["rps"]), p50_us=float(row["p50_latency_ms"]) * 1000,
            p99_us=float(row["p99_latency_ms"]) * 1000, server_cpu_us=cpu / requests / 1000,
            server_busy=cpu / 1e9 / wall, client_busy=client_cpu / wall)


class MartletBench:
    """The project's own generator. It measures the server's processor time itself, inside its measured window."""

    name = "martlet-bench"

    def __init__(self, path: str | None, core: int | None, nice: int, engine: str = "auto"):
        binary = Path(path) if path else ROOT / ".build/release/martlet-bench"
        if not binary.exists():
            raise Missing(f"no martlet-bench at {binary}: ./run build, or --bench PATH")
        self.path, self.core, self.nice, self.engine = str(binary), core, nice, engine

    def run(self, server: Server, work: Work, seconds: float) -> Sample:
        what = ["--", *work.words] if work.words else ["--mix", work.command]
        command = [self.path, "-h", "127.0.0.1", "-p", str(server.port), "-c", str(work.clients),
                   "-P", str(work.pipeline), "-d", str(work.value_bytes), "-r", str(work.keys),
                   "--seconds", str(seconds), "--warmup", str(round(seconds / 5, 3)),
                   "--pid", str(server.pid), "--engine", self.engine, "--json", *what]
        output, _ = run_counted(process.pinned(self.core, command, self.nice))
        result = json.loads(output)
        if result["errors"] and not server.constant:
            raise RuntimeError(f"{server.label} answered {result['errors']} errors: {result['first_error']}")
        return Sample(
            requests_per_second=result["requests_per_second"], p50_us=result["latency_us"]["p50"],
            p99_us=result["latency_us"]["p99"], server_cpu_us=result["server"]["cpu_us_per_request"],
            server_busy=result["server"]["busy"], client_busy=result["client"]["busy"])


def run_counted(command: list[str]) -> tuple[str, float]:
    """Runs to the end; standard output and the processor seconds it took."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    before = os.times()
    try:
        output, errors = child.communicate(timeout=RUN_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        raise RuntimeError(f"no end after {RUN_SECONDS_MAX} s: {' '.join(command)}") from None
    after = os.times()
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {child.returncode}: {(errors or output)[:500]}")
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return output, used
