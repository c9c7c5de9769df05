"""sampling.py: stacks and system calls of a running process, by the tools that are there.

Stacks: `perf record` (package linux-perf), frame pointers. System calls: `perf trace`, else
`strace -c`. What is missing, or what the kernel forbids, is raised as Unavailable with the
remedy in its text.
"""
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path


class Unavailable(Exception):
    """A measurement that cannot be had here; the text says why and what would help."""


def stacks(pid: int, seconds: float, hertz: int) -> tuple[dict[str, dict[tuple[str, ...], int]], list[str]]:
    """Thread ("name (id)") to stack to samples, and remarks on what the samples lack."""
    if not shutil.which("perf"):
        raise Unavailable("no perf: apt install linux-perf")
    remarks = []
    paranoid = int(Path("/proc/sys/kernel/perf_event_paranoid").read_text())
    event = []
    if os.geteuid() != 0 and paranoid >= 2:
        remarks.append(f"kernel.perf_event_paranoid is {paranoid} and this is not root: user space only, "
                       "the kernel's part is missing (sysctl kernel.perf_event_paranoid=1)")
        event = ["-e", "cpu-clock:u"]
    with tempfile.TemporaryDirectory(prefix="perf-") as directory:
        data = os.path.join(directory, "data")
        recorded = subprocess.run(
            ["perf", "record", "-q", "-o", data, "-F", str(hertz), *event, "--call-graph", "fp", "-p", str(pid),
             "--", "sleep", str(seconds)], capture_output=True, text=True)
        if recorded.returncode or not os.path.exists(data):
            raise Unavailable(f"perf record: {recorded.stderr.strip()[:400]}")
        script = subprocess.run(["perf", "script", "-i", data, "-F", "comm,tid,ip,sym,dso"],
                                capture_output=True, text=True)
    return fold(script.stdout), remarks


HEADER = re.compile(r"^(\S.*?)\s+(\d+)\s*$")
FRAME = re.compile(r"^\s+[0-9a-f]+ (.*) \((.*)\)$")


def fold(script: str) -> dict[str, dict[tuple[str, ...], int]]:
    """perf script's blocks: a line for the thread, then frames, innermost first, then an empty line."""
    threads: dict[str, Counter] = defaultdict(Counter)
    thread, frames = None, []
    for line in [*script.splitlines(), ""]:
        if not line.strip():
            if thread is not None:
                threads[thread][tuple(reversed(frames))] += 1
            thread, frames = None, []
        elif thread is None and (header := HEADER.match(line)):
            thread = f"{header[1]} ({header[2]})"
        elif frame := FRAME.match(line):
            name, where = frame.groups()
            if name == "[unknown]":
                # A return address that frame pointers led to by mistake tells nothing.
                if not where.startswith("/"):
                    continue
                name = f"[{os.path.basename(where)}]"
            frames.append(name + ("_[k]" if where.startswith("[kernel") or where.endswith(".ko") else ""))
    return demangled({name: dict(counts) for name, counts in threads.items()})


def demangled(threads: dict[str, dict[tuple[str, ...], int]]) -> dict[str, dict[tuple[str, ...], int]]:
    """Swift names made readable, where there is a swift-demangle."""
    tool = shutil.which("swift-demangle")
    names = sorted({name for stacks in threads.values() for stack in stacks for name in stack if name.startswith("$s")})
    if not tool or not names:
        return threads
    output = subprocess.run([tool, "--simplified"], input="\n".join(names), capture_output=True, text=True).stdout
    readable = dict(zip(names, output.splitlines()))
    return {
        thread: {tuple(readable.get(name, name) for name in stack): count for stack, count in stacks.items()}
        for thread, stacks in threads.items()
    }


def system_calls(pid: int, seconds: float) -> list[tuple[str, str, int, int]]:
    """(thread, system call, calls, errors), most frequent first."""
    problems = []
    for tool, ask in (("perf", perf_trace), ("strace", strace)):
        if not shutil.which(tool):
            problems.append(f"no {tool}: apt install {'linux-perf' if tool == 'perf' else tool}")
            continue
        rows, problem = ask(pid, seconds)
        if rows:
            return sorted(rows, key=lambda row: -row[2])
        problems.append(f"{tool}: {problem or 'no system call seen'}")
    raise Unavailable("; ".join(problems))


def perf_trace(pid: int, seconds: float):
    run = subprocess.run(["perf", "trace", "-s", "-p", str(pid), "--", "sleep", str(seconds)],
                         capture_output=True, text=True)
    rows, thread = [], "?"
    for line in (run.stdout + run.stderr).splitlines():
        if header := re.match(r"^ (\S.*?) \((\d+)\), \d+ events", line):
            thread = f"{header[1]} ({header[2]})"
        elif row := re.match(r"^   (\w+)\s+(\d+)\s+(\d+)\s+[\d.]+", line):
            rows.append((thread, row[1], int(row[2]), int(row[3])))
    return rows, run.stderr.strip()[:200]


def strace(pid: int, seconds: float):
    with tempfile.NamedTemporaryFile("r", prefix="strace-") as out:
        run = subprocess.run(["timeout", "--signal=INT", str(seconds), "strace", "-c", "-f", "-o", out.name,
                              "-p", str(pid)], capture_output=True, text=True)
        rows = []
        for line in out.read().splitlines():
            if row := re.match(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(\d*)\s*(\w+)$", line):
                if row[3] != "total":
                    rows.append(("all threads", row[3], int(row[1]), int(row[2] or 0)))
    return rows, run.stderr.strip()[:200]
