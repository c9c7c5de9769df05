"""chart.py: the comparison as one picture. Needs matplotlib (apt install python3-matplotlib)."""
from pathlib import Path

PANELS = [
    ("server_cpu_us", "server CPU per request (µs, log)", "lower is better"),
    ("requests_per_second", "requests per second (log)", "higher is better"),
    ("p50_us", "p50 latency (µs, log)", "lower is better"),
    ("p99_us", "p99 latency (µs, log)", "lower is better"),
]
COLOURS = {"redis 7.0": "#b8442c", "valkey 9.1": "#4361b0", "martlet io_uring": "#1f8a5b",
           "martlet epoll": "#8fc7a4", "floor": "#9a9a9a"}


def draw(cells: list[dict], path: Path, subtitle: str) -> bool:
    """Writes the PNG; False where matplotlib is missing."""
    try:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot
        from matplotlib.ticker import FuncFormatter
    except ImportError:
        return False
    labels = list(dict.fromkeys(label for cell in cells for label in cell["servers"]))
    names = [f"{cell['title']}\n{cell['command'].upper()}" for cell in cells]
    figure, axes = pyplot.subplots(len(PANELS), 1, figsize=(max(9, 1.7 * len(cells)), 3.4 * len(PANELS)))
    width = 0.84 / len(labels)
    for axis, (field, title, note) in zip(axes, PANELS):
        for order, label in enumerate(labels):
            rows = [cell["servers"].get(label) for cell in cells]
            heights = [row["median"][field] if row else 0 for row in rows]
            places = [index + (order - (len(labels) - 1) / 2) * width for index in range(len(cells))]
            bars = axis.bar(places, heights, width * 0.94, label=label, color=COLOURS.get(label))
            for bar, row in zip(bars, rows):
                if row:
                    annotate(axis, bar, row["median"][field], row["client_limited"] and field == "requests_per_second")
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_title(f"{title}: {note}", loc="left", fontsize=10)
        axis.set_xticks(range(len(cells)), names, fontsize=7.5)
        axis.grid(axis="y", which="both", linewidth=0.3, alpha=0.6)
        axis.set_axisbelow(True)
        axis.margins(x=0.01, y=0.18)
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    handles, texts = axes[0].get_legend_handles_labels()
    figure.suptitle(f"Medians of paired runs. {subtitle}\nA star: the load generator was the limit.",
                    fontsize=9, x=0.01, y=0.995, ha="left", va="top")
    figure.legend(handles, texts, ncols=len(labels), loc="upper right", fontsize=8.5, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.6 / figure.get_figheight()))
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
    return True


def annotate(axis, bar, value: float, limited: bool) -> None:
    """The figure above its bar, upright so that neighbours do not overlap."""
    text = f"{value / 1000:.0f}k" if value >= 10_000 else f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    axis.annotate(text + ("*" if limited else ""), (bar.get_x() + bar.get_width() / 2, value), xytext=(0, 2),
                  textcoords="offset points", ha="center", va="bottom", fontsize=6.5, rotation=90)
