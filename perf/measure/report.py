"""report.py: rounds to medians, medians to ratios, ratios to a table.

Ratios are paired: a server's figure in a round over the better peer's figure in the
same round, then the median over the rounds, so that a slow minute of the machine
weighs on both sides. Which peer is the better one is decided by the medians.
"""
from statistics import median

from .scenarios import CONTENDED_BUSY, EPOLL_CPU_GOAL, FLOOR_CPU_GOAL, LIMITED_BUSY, Scenario

MEASURES = {"cpu": "server_cpu_us", "throughput": "requests_per_second", "p50": "p50_us", "p99": "p99_us"}
MORE_IS_BETTER = {"throughput"}


class Cell:
    """One scenario, one command, one load generator: the rounds of every server."""

    def __init__(self, scenario: Scenario, command: str, load: str):
        self.scenario, self.command, self.load = scenario, command, load
        self.rounds: dict[str, list[dict[str, float]]] = {}

    def add(self, label: str, sample: dict[str, float]) -> None:
        self.rounds.setdefault(label, []).append(sample)

    def median(self, label: str, measure: str) -> float:
        return median(sample[MEASURES.get(measure, measure)] for sample in self.rounds[label])

    def better_peer(self, measure: str, peers: list[str]) -> str | None:
        present = [peer for peer in peers if peer in self.rounds]
        if not present:
            return None
        choose = max if measure in MORE_IS_BETTER else min
        return choose(present, key=lambda peer: self.median(peer, measure))

    def ratio(self, label: str, measure: str, against: str | None) -> float | None:
        if against is None or against not in self.rounds:
            return None
        field = MEASURES[measure]
        pairs = zip(self.rounds[label], self.rounds[against])
        ratios = [mine[field] / theirs[field] for mine, theirs in pairs if theirs[field] > 0]
        return median(ratios) if ratios else None

    def client_limited(self, label: str) -> bool:
        """The generator's core was full and the server's was not: requests per second say nothing of the server."""
        return self.median(label, "client_busy") >= LIMITED_BUSY > self.median(label, "server_busy")

    def contended(self, label: str) -> bool:
        """Several clients, and yet neither core was full: something else ran on this machine."""
        busiest = max(self.median(label, "client_busy"), self.median(label, "server_busy"))
        return self.scenario.clients > 1 and busiest < CONTENDED_BUSY

    def summary(self, labels: list[str], peers: list[str]) -> dict:
        """What goes to JSON, chart and table alike."""
        rows = {}
        for label in (name for name in labels if name in self.rounds):
            ratios = {measure: self.ratio(label, measure, self.better_peer(measure, peers)) for measure in MEASURES}
            # The floor answers a few constant bytes: no measure of a GET of large values.
            comparable = self.scenario.value_bytes <= 64 or self.command == "set"
            ratios["floor"] = self.ratio(label, "cpu", "floor") if comparable else None
            rows[label] = {
                "median": {field: self.median(label, field) for field in
                           (*MEASURES.values(), "server_busy", "client_busy")},
                "ratio": ratios,
                "client_limited": self.client_limited(label),
                "contended": self.contended(label),
                "goals": self.verdicts(label, ratios),
                "rounds": self.rounds[label],
            }
        return {"scenario": self.scenario.name, "title": self.scenario.title, "command": self.command,
                "load": self.load, "servers": rows}

    def verdicts(self, label: str, ratios: dict[str, float | None]) -> dict[str, dict]:
        """Goals that apply to this server, and whether they are met."""
        goals: dict[str, float] = {}
        if label == "martlet epoll":
            goals = {"cpu": EPOLL_CPU_GOAL}
        elif label.startswith("martlet"):
            goals = dict(self.scenario.goals)
            # A full generator hides the server's throughput.
            if self.client_limited(label):
                goals.pop("throughput", None)
            goals["floor"] = FLOOR_CPU_GOAL
        return {
            measure: {"goal": goal, "met": ratio >= goal if measure in MORE_IS_BETTER else ratio <= goal}
            for measure, goal in goals.items() if (ratio := ratios.get(measure)) is not None
        }


def table(cells: list[dict]) -> str:
    """The printed result: one block per scenario and command, one line per server."""
    lines = []
    for cell in cells:
        lines.append(f"\n{cell['title']}, {cell['command'].upper()}, by {cell['load']}")
        lines.append(f"  {'server':<18}{'requests/s':>12}{'ratio':>7}{'CPU us':>9}{'ratio':>7}{'/floor':>8}"
                     f"{'p50 us':>10}{'ratio':>7}{'p99 us':>10}{'ratio':>7}{'server':>8}{'load':>7}  goals")
        for label, row in cell["servers"].items():
            figures, ratios = row["median"], row["ratio"]
            limit = " client-limited" if row["client_limited"] else " contended" if row["contended"] else ""
            goals = ", ".join(f"{name} {'met' if verdict['met'] else 'MISSED'} ({verdict['goal']:.2f})"
                              for name, verdict in row["goals"].items())
            lines.append(
                f"  {label:<18}{figures['requests_per_second']:>12,.0f}{shown(ratios['throughput']):>7}"
                f"{figures['server_cpu_us']:>9.2f}{shown(ratios['cpu']):>7}{shown(ratios['floor']):>8}"
                f"{figures['p50_us']:>10.1f}{shown(ratios['p50']):>7}{figures['p99_us']:>10.1f}"
                f"{shown(ratios['p99']):>7}{figures['server_busy']:>8.0%}{figures['client_busy']:>7.0%}"
                f"  {goals}{limit}")
    return "\n".join(lines)


def shown(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"
