"""A sweep as people and programs read it: every point with bill and service, the frontier marked. Renders values."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoscaler.replay.seeds import is_over_seeds
from autoscaler.replay.sweep import SweptPoint, frontier
from autoscaler.replay.world import World
from autoscaler.report.replay_json import figures, world_document
from autoscaler.report.replay_schema import figures_schema, world_schema
from autoscaler.report.replay_tables import basis, heading, source_name
from autoscaler.report.seeds import over_seeds_document, over_seeds_schema
from planner.report.charts import BURST_COLORS, write_figure
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import USD, Currency, number, percent
from planner.report.price.section import TEXT, listed, record, said
from planner.report.screen import Cell, Column, Screen, render, table, words
from policies.scaling import ScalingPolicy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.console import RenderableType

SWEEP_SCHEMA = "baseload.sweep/1"
HEAVY = ("leases", "hours", "reasons", "ticks_per_s")
"""Of a replay's figures, what a point of a sweep leaves out: detail, and what changes from run to run."""
DISPENSABLE = ("interruptions", "p95", "wasted", "burst")
MOST_LABELS = 14
"""Points named in the picture; of more, those of the frontier alone."""
FEW_PERCENT = 1e-4
"""Below this share of unserved tokens, %, the axis is straight; above it, in powers of ten."""

Json = dict[str, Any]


def render_sweep(
    points: Sequence[SweptPoint],
    world: World,
    *,
    max_unserved_ratio: float,
    screen: Screen | None = None,
    currency: Currency = USD,
) -> str:
    """Every point in the order it was asked for; those on the frontier carry a mark."""
    screen = screen or Screen()
    best = frontier(points)
    keys = list(points[0].settings)
    code = currency.code
    columns = (
        words("controller"),
        *(Column(title=key.rpartition(".")[2]) for key in keys),
        Column(title="bill", unit=code, places=2),
        Column(title="/ bound", places=3),
        Column(title="unserved", unit="%", places=3, is_ratio=True),
        Column(title="p95", unit="TTFT s", places=2),
        Column(title="launches"),
        Column(title="interruptions"),
        Column(title="burst", unit=code, places=2),
        Column(title="wasted", unit=code, places=2),
        words("frontier"),
    )
    rows = [_row(point, keys, currency, is_best=at in best) for at, point in enumerate(points)]
    kept, cells, gone = fitted(columns, rows, screen, DISPENSABLE)
    parts: list[RenderableType] = [
        *wrapped(f"Sweep of {', '.join(keys)}, {len(points)} points: {heading(world)}", screen),
        "",
        table(kept, cells),
        "",
        *wrapped(_summary(points, best, max_unserved_ratio, currency), screen),
    ]
    if gone:
        parts += wrapped(f"Not shown at this width: {', '.join(gone)}", screen)
    return render([*parts, "", *wrapped(basis(world, currency), screen)], screen)


def _row(point: SweptPoint, keys: Sequence[str], currency: Currency, *, is_best: bool) -> tuple[Cell, ...]:
    one = point.replayed
    return (
        one.policy,
        *(point.settings[key] for key in keys),
        currency.amount(one.bill_usd),
        one.ratio_to_bound,
        one.unserved_ratio,
        one.delay.p95_s,
        one.launches,
        one.interruptions,
        currency.amount(one.burst_usd),
        currency.amount(one.wasted_paid_usd),
        "*" if is_best else "",
    )


def _summary(points: Sequence[SweptPoint], best: Sequence[int], max_unserved_ratio: float, currency: Currency) -> str:
    """How far the points spread, and the cheapest that serves enough."""
    bills = sorted(point.replayed.bill_usd for point in points)
    low, high = (number(currency.amount(bill)) for bill in (bills[0], bills[-1]))
    mean = sum(bills, Decimal(0)) / len(bills)
    enough = [points[at] for at in best if points[at].replayed.unserved_ratio <= max_unserved_ratio]
    text = f"Bills from {low} to {high} {currency.code}, {number(currency.amount(mean))} on average. "
    missing = sum(point.replayed.unserved_ratio > max_unserved_ratio for point in points)
    text += f"{missing} of {len(points)} points leave more than {percent(max_unserved_ratio, 2)} % unserved; "
    if not enough:
        return text + "none serves enough."
    found = min(enough, key=lambda point: point.cost)
    return text + f"the cheapest that does not: {found.label} ({found.replayed.policy})."


def sweep_document(
    points: Sequence[SweptPoint], world: World, policy: ScalingPolicy, *, remarks: Sequence[str] = ()
) -> Json:
    """The sweep as the JSON document `baseload.sweep/1`; the same points make the same bytes."""
    return {
        "schema": SWEEP_SCHEMA,
        "currency": "USD",
        "world": world_document(world, policy),
        "points": [
            {"settings": dict(point.settings)}
            | {key: value for key, value in figures(point.replayed).items() if key not in HEAVY}
            for point in points
        ],
        "frontier": list(frontier(points)),
        "over_seeds": over_seeds_document(points, policy.max_unserved_ratio) if is_over_seeds(points) else [],
        "remarks": list(dict.fromkeys(remarks)),
    }


def sweep_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `replay --sweep --json` prints."""
    point = {key: value for key, value in figures_schema().items() if key not in HEAVY}
    settings = said({"type": "object", "additionalProperties": TEXT}, "What was swept, as written.")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:sweep:1",
        "title": SWEEP_SCHEMA,
        "description": "One traffic replayed at several settings or seeds. Money: USD net of VAT, decimal strings.",
        **record(
            {
                "schema": {"const": SWEEP_SCHEMA},
                "currency": {"const": "USD"},
                "world": said(world_schema(), "That of the first point."),
                "points": listed(record({"settings": settings, **point})),
                "frontier": said(
                    listed({"type": "integer", "minimum": 0}),
                    "Points that none of the same controller beats in both cost and service.",
                ),
                "over_seeds": over_seeds_schema(),
                "remarks": listed(TEXT),
            }
        ),
    }


def sweep_schema_text() -> str:
    """The published file docs/schemas/sweep.schema.json."""
    return json.dumps(sweep_schema(), indent=2, ensure_ascii=False) + "\n"


# The picture


def write_sweep_chart(points: Sequence[SweptPoint], world: World, path: Path, *, max_unserved_ratio: float) -> None:
    """Writes the picture of a sweep to an .svg or .png file."""
    write_figure(draw_sweep(points, world, max_unserved_ratio), path)


def draw_sweep(points: Sequence[SweptPoint], world: World, max_unserved_ratio: float) -> "Figure":
    """Cost against unserved tokens, each point named where there is room, the frontier drawn through the best."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    _scatter(panel, points)
    best = frontier(points)
    limit = 100 * max_unserved_ratio
    panel.axvline(limit, color="black", linewidth=1.0, linestyle=(0, (5, 3)), label=f"allowed: {limit:g} %", zorder=1)
    highest = max(100 * point.replayed.unserved_ratio for point in points)
    if highest > 20 * max(limit, FEW_PERCENT):
        panel.set_xscale("symlog", linthresh=max(limit / 10, FEW_PERCENT))
        panel.set_xlim(left=0)
    else:
        panel.set_xlim(-0.04 * max(highest, limit), 1.12 * max(highest, limit))
    panel.margins(y=0.15)
    has_bound = all(point.replayed.ratio_to_bound is not None for point in points)
    panel.set_ylabel("bill / bound of perfect foresight" if has_bound else "bill, USD")
    panel.set_xlabel("unserved, % of tokens")
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.3, linewidth=0.6)
    panel.set_axisbelow(True)
    figure.legend(loc="outside lower left", ncols=3, frameon=False)
    figure.suptitle(_title(points, world), x=0.01, ha="left", fontsize=12, fontweight="bold")
    figure.draw_without_rendering()
    _name_points(figure, panel, points, best)
    return figure


def _scatter(panel: "Axes", points: Sequence[SweptPoint]) -> None:
    """The points, one colour and mark per controller, and a line through those of each that nothing of it beats."""
    markers = "osD^vPX*"
    best = frontier(points)
    for index, name in enumerate(dict.fromkeys(point.replayed.policy for point in points)):
        color = BURST_COLORS[index % len(BURST_COLORS)]
        mine = [at for at, point in enumerate(points) if point.replayed.policy == name]
        panel.scatter(
            [100 * points[at].replayed.unserved_ratio for at in mine],
            [points[at].cost for at in mine],
            s=42,
            marker=markers[index % len(markers)],
            color=color,
            edgecolors="black",
            linewidths=0.6,
            label=name,
            zorder=3,
        )
        line = sorted((at for at in mine if at in best), key=lambda at: points[at].replayed.unserved_ratio)
        panel.step(
            [100 * points[at].replayed.unserved_ratio for at in line],
            [points[at].cost for at in line],
            where="post",
            color=color,
            linewidth=1.4,
            label=f"{name}, frontier",
            zorder=2,
        )


def _name_points(figure: "Figure", panel: "Axes", points: Sequence[SweptPoint], best: Sequence[int]) -> None:
    """A name beside each point where it hides no other name; those of the frontier first."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # an Agg canvas has one
    others = [at for at in range(len(points)) if at not in best] if len(points) <= MOST_LABELS else []
    from matplotlib.transforms import Bbox

    across = panel.transData.transform([(100 * p.replayed.unserved_ratio, p.cost) for p in points])
    taken: list[Any] = [Bbox.from_extents(x - 6, y - 6, x + 6, y + 6) for x, y in across]
    several = len({point.replayed.policy for point in points}) > 1
    places = ((8, 6, "left"), (8, -14, "left"), (-8, 6, "right"), (-8, -14, "right"), (8, 18, "left"), (8, -26, "left"))
    for at in [*best, *others]:
        point = points[at]
        name = f"{point.replayed.policy} {point.label}" if several else point.label
        for right, up, side in places:
            text = panel.annotate(
                name,
                (100 * point.replayed.unserved_ratio, point.cost),
                xytext=(right, up),
                textcoords="offset points",
                ha=side,
                fontsize=8,
                zorder=4,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            )
            box = text.get_window_extent(renderer)
            inside = panel.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def _title(points: Sequence[SweptPoint], world: World) -> str:
    keys = ", ".join(points[0].settings)
    source = source_name(world.traffic)
    return f"Cost against service: sweep of {keys}\n{', '.join(world.traffic.models)}, {source}, world {world.name}"
