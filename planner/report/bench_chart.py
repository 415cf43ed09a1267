"""A benchmark as a picture: throughput, time to first token and time per token against requests in flight.

Needs matplotlib (the extra `chart`), imported when drawn. Colours are those of report/charts.py.
"""

from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from planner.bench.result import Bench, Step, Workload
from planner.report.charts import BASE_COLORS, BURST_COLORS, write_figure
from planner.report.numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = (BASE_COLORS[0], BURST_COLORS[0], BURST_COLORS[1], BURST_COLORS[2], BURST_COLORS[4], BURST_COLORS[5])


def write_bench_chart(found: Bench, path: Path) -> None:
    """Writes the picture to `path`, an .svg or .png file."""
    write_figure(draw_bench(found), path)


def draw_bench(found: Bench) -> "Figure":
    """Three panels below one another, a line per workload; bars are 95 % intervals over the windows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 10), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 1, sharex=True)
    for workload, color in zip(found.workloads, cycle(COLORS), strict=False):
        _throughput(panels[0], workload, color)
        _latency(panels[1], workload, color, "ttft", ("p50_ms", "p95_ms"))
        _latency(panels[2], workload, color, "tpot", ("p50_ms", "p95_ms"))
    for panel, label in zip(
        panels, ("output tok/s", "time to first token, ms", "time per output token, ms"), strict=True
    ):
        panel.set_ylabel(label)
        panel.set_ylim(bottom=0)
        panel.yaxis.set_major_formatter(lambda value, _: number(value, 0 if value >= 10 or value == 0 else 1))
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.3, linewidth=0.6)
        panel.set_axisbelow(True)
    panels[-1].set_xlabel("requests in flight, mean")
    panels[0].legend(frameon=False, title="tokens in : out")
    panels[1].legend(
        handles=panels[1].get_lines()[:2], labels=["median", "95th percentile"], frameon=False, loc="upper left"
    )
    machine = f" on {found.machine}" if found.machine else ""
    figure.suptitle(
        f"{found.model}{machine}, {found.started:%Y-%m-%d %H:%M} UTC", x=0.01, ha="left", fontsize=12, fontweight="bold"
    )
    return figure


def _in_flight(steps: tuple[Step, ...]) -> list[float]:
    return [step.over("concurrency").value for step in steps]


def _throughput(panel: "Axes", workload: Workload, color: str) -> None:
    means = [step.over("output_tok_s") for step in workload.steps]
    panel.errorbar(
        _in_flight(workload.steps),
        [one.value for one in means],
        yerr=[one.half_width or 0.0 for one in means],
        color=color,
        marker="o",
        markersize=4,
        capsize=3,
        label=workload.name,
    )


def _latency(panel: "Axes", workload: Workload, color: str, latency: str, shown: tuple[str, str]) -> None:
    known = [(step, found) for step in workload.steps if (found := step.spread(latency)) is not None]
    where = _in_flight(tuple(step for step, _ in known))
    for name, dashes in zip(shown, ("-", "--"), strict=True):
        panel.plot(
            where, [getattr(found, name) for _, found in known], color=color, linestyle=dashes, marker="o", markersize=3
        )
