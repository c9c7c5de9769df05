"""figures.py: one figure, several servers, several rounds; its ratio and its goal.

    against "peers"   the better peer of the same round is 1.00; which peer is the better one the medians decide
    against "own"     each server's figure is held against another of its own in the same round
"""
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Figure:
    name: str
    unit: str
    more_is_better: bool
    goal: float | None = None
    """A ratio: at least, or at most."""
    against: str = "peers"
    rounds: dict[str, list[float]] = field(default_factory=dict)
    references: dict[str, list[float]] = field(default_factory=dict)
    """With `against` "own": what each round is held against."""

    def add(self, label: str, value: float, reference: float | None = None) -> None:
        self.rounds.setdefault(label, []).append(value)
        if reference is not None:
            self.references.setdefault(label, []).append(reference)

    def median(self, label: str) -> float:
        return median(self.rounds[label])

    def better_peer(self, peers: list[str]) -> str | None:
        present = [peer for peer in peers if peer in self.rounds]
        choose = max if self.more_is_better else min
        return choose(present, key=self.median) if present else None

    def ratio(self, label: str, peers: list[str]) -> float | None:
        if self.against == "own":
            theirs = self.references.get(label)
        else:
            theirs = self.rounds.get(self.better_peer(peers) or "")
        if not theirs:
            return None
        ratios = [mine / other for mine, other in zip(self.rounds[label], theirs) if other > 0]
        return median(ratios) if ratios else None

    def verdict(self, label: str, peers: list[str]) -> str:
        ratio = self.ratio(label, peers)
        if self.goal is None or ratio is None or not label.startswith("martlet"):
            return ""
        met = ratio >= self.goal if self.more_is_better else ratio <= self.goal
        return f"{'met' if met else 'MISSED'} ({'≥' if self.more_is_better else '≤'} {self.goal:g})"

    def dictionary(self, peers: list[str]) -> dict:
        return {"name": self.name, "unit": self.unit, "more_is_better": self.more_is_better, "goal": self.goal,
                "against": self.against,
                "servers": {label: {"median": self.median(label), "ratio": self.ratio(label, peers),
                                    "verdict": self.verdict(label, peers), "rounds": values,
                                    "references": self.references.get(label, [])}
                            for label, values in self.rounds.items()}}


def table(figures: list[Figure], peers: list[str]) -> str:
    lines = [f"{'figure':<58}{'server':<18}{'median':>12} {'unit':<5}{'ratio':>8}  goal"]
    for figure in figures:
        name = figure.name + ("" if figure.against == "peers" else " *")
        for label in figure.rounds:
            ratio = figure.ratio(label, peers)
            lines.append(f"{name:<58}{label:<18}{shown(figure.median(label)):>12} {figure.unit:<5}"
                         f"{'-' if ratio is None else f'{ratio:.2f}':>8}  {figure.verdict(label, peers)}")
            name = ""
    lines.append("ratio: to the better peer of the same round; *: to the server's own other figure of the same round")
    return "\n".join(lines)


def shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def draw(figures: list[Figure], peers: list[str], path, subtitle: str, colours: dict[str, str]) -> bool:
    """One bar per server and figure: its ratio, on a logarithmic axis, and where the goal is."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        return False
    labels = list(dict.fromkeys(label for figure in figures for label in figure.rounds))
    picture, axis = pyplot.subplots(figsize=(10, 1.2 + 0.21 * (len(labels) + 1) * len(figures)))
    height = 0.8 / len(labels)
    for row, figure in enumerate(figures):
        for order, label in enumerate(labels):
            ratio = figure.ratio(label, peers) if label in figure.rounds else None
            if not ratio:
                continue
            place = row + (order - (len(labels) - 1) / 2) * height
            axis.barh(place, ratio - 1, height * 0.92, left=1, color=colours.get(label), label=label)
            axis.annotate(f" {ratio:.2f} ({shown(figure.median(label))} {figure.unit}) ", (ratio, place), va="center",
                          ha="left" if ratio >= 1 else "right", fontsize=6.5)
        if figure.goal:
            axis.plot([figure.goal] * 2, [row - 0.45, row + 0.45], color="black", linewidth=1.2, linestyle=":")
    axis.set_xscale("log")
    axis.axvline(1, color="black", linewidth=0.6)
    axis.set_yticks(range(len(figures)), [f"{figure.name}{' *' if figure.against == 'own' else ''}\n"
                    f"({'higher' if figure.more_is_better else 'lower'} is better)" for figure in figures], fontsize=7.5)
    axis.invert_yaxis()
    axis.margins(x=0.25, y=0.01)
    handles = {label: handle for handle, label in zip(*axis.get_legend_handles_labels())}
    axis.legend(handles.values(), handles.keys(), fontsize=8, loc="best", frameon=False)
    axis.set_title(f"Ratios to the better peer (1.00), medians of paired rounds; *: to its own other figure; dotted: goal\n"
                   f"{subtitle}", fontsize=8.5, loc="left")
    picture.tight_layout()
    picture.savefig(path, dpi=130)
    pyplot.close(picture)
    return True
