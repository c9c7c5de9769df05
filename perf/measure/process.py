"""process.py: what the kernel says about a process.

Processor time is read per thread from /proc/PID/task/*/schedstat: nanoseconds
on a processor, user and system together, kernel helpers of io_uring included
(they are threads of the process).
"""
import os
from pathlib import Path


def cpu_ns(pid: int) -> int:
    """Nanoseconds on a processor, all threads, user and system."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread ended between listing and reading
    return total


def memory_bytes(pid: int) -> dict[str, int]:
    """Resident set and anonymous part of it, in bytes, exact (smaps_rollup), not the lazily summed VmRSS."""
    fields = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith("kB"):
            fields[name] = int(rest.split()[0]) * 1024
    return {"resident": fields["Rss"], "anonymous": fields["Anonymous"]}


def threads(pid: int) -> dict[int, str]:
    """Thread id to name."""
    names = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            names[int(task.name)] = (task / "comm").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return names


def pinned(core: int | None, command: list[str], nice: int = 0) -> list[str]:
    """The command, held to one core, in its own scheduling priority."""
    prefix = [] if core is None else ["taskset", "-c", str(core)]
    if nice and os.geteuid() == 0:
        prefix += ["nice", "-n", str(nice)]
    return prefix + command


def machine() -> dict[str, str]:
    """What a reader must know of the machine to judge the figures."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    system = os.uname()
    with open("/proc/meminfo") as memory:
        total = int(memory.readline().split()[1]) // 1024
    return {
        "processor": model,
        "cores": str(os.cpu_count()),
        "memory": f"{total} MiB",
        "kernel": f"{system.sysname} {system.release}",
        "load": Path("/proc/loadavg").read_text().split()[0],
    }
