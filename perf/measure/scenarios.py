"""scenarios.py: what is measured, and the figures that the project set itself.

A goal is a ratio to the better of the two peers in the same run: of processor time
and latency at most so much, of requests per second at least so much.
"""
from dataclasses import dataclass, field

from .load import Work


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    clients: int
    pipeline: int = 1
    value_bytes: int = 64
    keys: int = 100_000
    goals: dict[str, float] = field(default_factory=dict)
    """Measure to goal, for the io_uring engine. Measures: cpu, throughput, p50."""

    def work(self, command: str) -> Work:
        return Work(self.clients, self.pipeline, self.value_bytes, self.keys, command)


SCENARIOS = [
    Scenario("c50", "50 clients", 50, goals={"cpu": 0.50, "throughput": 1.8}),
    Scenario("c500", "500 clients", 500, goals={"cpu": 0.55, "throughput": 1.8}),
    Scenario("c50p16", "50 clients, pipeline 16", 50, 16, goals={"cpu": 0.50, "throughput": 1.8}),
    Scenario("c500p16", "500 clients, pipeline 16", 500, 16, goals={"cpu": 0.50, "throughput": 1.8}),
    Scenario("c1", "1 client, round trip", 1, goals={"p50": 1.00}),
    Scenario("16k", "50 clients, 16 KiB values", 50, value_bytes=16384, keys=2000, goals={"cpu": 0.70}),
]
QUICK = ["c50", "c50p16", "c1"]

EPOLL_CPU_GOAL = 0.90
"""The epoll engine, everywhere."""
FLOOR_CPU_GOAL = 1.25
"""The io_uring engine's processor time over that of the minimal responder."""
LIMITED_BUSY = 0.95
"""From here on the load generator's core counts as full."""
CONTENDED_BUSY = 0.85
"""With several clients one of the two cores must be about full, else the machine was not ours alone."""
