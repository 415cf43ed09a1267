"""A sweep over many seeds as people and programs read it: a row for each setting, not for each seed. Renders values."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from autoscaler.replay.seeds import OverSeeds, over_seeds
from autoscaler.replay.sweep import SEED, SweptPoint
from autoscaler.replay.world import World
from autoscaler.report.replay_tables import basis, heading
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import USD, Currency, number, percent
from planner.report.price.section import MONEY, TEXT, listed, money, record, said
from planner.report.screen import Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

EXACT = Decimal("0.000001")
MANY_SEEDS = 20
"""From which on 5 % of them are one at least: below, low and high are the least and the most."""
"""What a mean of bills is written to, USD."""
DISPENSABLE = ("interruptions", "wasted", "p95", "launches")

Json = dict[str, Any]


def render_seeds(
    points: Sequence[SweptPoint],
    world: World,
    *,
    max_unserved_ratio: float,
    screen: Screen | None = None,
    currency: Currency = USD,
) -> str:
    """Each controller at each setting over all seeds: mean, low and high of what chance makes of it."""
    screen = screen or Screen()
    found = over_seeds(points, max_unserved_ratio)
    keys, code = list(found[0].settings), currency.code
    columns = (
        words("controller"),
        *(Column(title=key.rpartition(".")[2]) for key in keys),
        Column(title="seeds"),
        Column(title="bill", unit=f"{code}, mean", places=2),
        Column(title="bill", unit="low", places=2),
        Column(title="bill", unit="high", places=2),
        Column(title="/ bound", unit="mean", places=3),
        Column(title="unserved", unit="%, mean", places=3, is_ratio=True),
        Column(title="unserved", unit="%, high", places=3, is_ratio=True),
        Column(title="too much", unit="seeds"),
        Column(title="p95", unit="TTFT s", places=2),
        Column(title="launches", unit="mean", places=1),
        Column(title="interruptions", unit="mean", places=2),
        Column(title="wasted", unit=f"{code}, mean", places=2),
    )
    rows = [
        (
            one.policy,
            *(one.settings[key] for key in keys),
            one.seeds,
            *(currency.amount(usd) for usd in (one.bill_usd, one.bill_low_usd, one.bill_high_usd)),
            one.ratio_to_bound,
            one.unserved_ratio,
            one.unserved_high_ratio,
            one.short_seeds,
            one.ttft_p95_s,
            one.launches,
            one.interruptions,
            currency.amount(one.wasted_usd),
        )
        for one in found
    ]
    kept, cells, gone = fitted(columns, rows, screen, DISPENSABLE)
    seeds = list(dict.fromkeys(point.settings[SEED] for point in points))
    many = f"{len(seeds)} seeds from {seeds[0]} to {seeds[-1]}"
    title = f"Sweep of {', '.join(points[0].settings)}, {number(len(points), 0)} replays: {heading(world, many)}"
    parts: list[RenderableType] = [*wrapped(title, screen), "", table(kept, cells), ""]
    parts += wrapped(_summary(found, len(seeds), max_unserved_ratio, currency), screen)
    if gone:
        parts += wrapped(f"Not shown at this width: {', '.join(gone)}", screen)
    low_high = (
        "Low and high: 5 % of the seeds are at or below, 5 % above"
        if len(seeds) >= MANY_SEEDS
        else "Low and high: the least and the most of the seeds"
    )
    low_high = f"{low_high}. -v: a row for each seed"
    return render([*parts, "", *wrapped(f"{basis(world, currency)} {low_high}.", screen)], screen)


def _summary(found: Sequence[OverSeeds], seeds: int, max_unserved_ratio: float, currency: Currency) -> str:
    """The cheapest setting whose seeds leave few enough tokens unserved on average, and how often it does not."""
    most = f"{percent(max_unserved_ratio, 2)} %"
    enough = [one for one in found if one.unserved_ratio <= max_unserved_ratio]
    if not enough:
        return f"None leaves as little as {most} unserved on average."
    best = min(enough, key=lambda one: one.bill_usd)
    name = ", ".join([best.policy, *(f"{key.rpartition('.')[2]}={value}" for key, value in best.settings.items())])
    low, high = (number(currency.amount(usd)) for usd in (best.bill_low_usd, best.bill_high_usd))
    over = "in nine seeds of ten" if seeds >= MANY_SEEDS else "at the least and the most"
    which = "" if len(found) == 1 else "Cheapest of those that leave few enough unserved on average: "
    return (
        f"{which}{name}, {number(currency.amount(best.bill_usd))} {currency.code} on average, {low} to {high} {over}; "
        f"{best.short_seeds} of {seeds} seeds leave more than {most} unserved."
    )


def over_seeds_document(points: Sequence[SweptPoint], max_unserved_ratio: float) -> list[Json]:
    """What each controller comes to at each setting over all seeds."""
    return [
        {
            "policy": one.policy,
            "settings": dict(one.settings),
            "seeds": one.seeds,
            "bill_usd": money(one.bill_usd.quantize(EXACT)),
            "bill_low_usd": money(one.bill_low_usd),
            "bill_high_usd": money(one.bill_high_usd),
            "ratio_to_bound": one.ratio_to_bound,
            "unserved_ratio": one.unserved_ratio,
            "unserved_high_ratio": one.unserved_high_ratio,
            "short_seeds": one.short_seeds,
            "ttft_p95_s": one.ttft_p95_s,
            "launches": one.launches,
            "interruptions": one.interruptions,
            "wasted_usd": money(one.wasted_usd.quantize(EXACT)),
        }
        for one in over_seeds(points, max_unserved_ratio)
    ]


def over_seeds_schema() -> Json:
    """The schema of `over_seeds_document`."""
    known, perhaps = {"type": "number", "minimum": 0}, {"type": ["number", "null"], "minimum": 0}
    count = {"type": "integer", "minimum": 0}
    row = record(
        {
            "policy": said(TEXT, "Name of the controller."),
            "settings": said({"type": "object", "additionalProperties": TEXT}, "As written, the seed left out."),
            "seeds": count,
            "bill_usd": said(MONEY, "Mean."),
            "bill_low_usd": said(MONEY, "Of the seed at 5 %, by rank."),
            "bill_high_usd": said(MONEY, "Of the seed at 95 %, by rank."),
            "ratio_to_bound": said(perhaps, "Mean; null: no bound."),
            "unserved_ratio": said(known, "Mean."),
            "unserved_high_ratio": said(known, "Of the seed at 95 %, by rank."),
            "short_seeds": said(count, "Seeds that leave more unserved than max_unserved_ratio."),
            "ttft_p95_s": said(perhaps, "Mean of the seeds' own; null: unknown of some."),
            "launches": said(known, "Mean."),
            "interruptions": said(known, "Mean."),
            "wasted_usd": said(MONEY, "Mean."),
        }
    )
    return said(listed(row), "What chance makes of each setting; empty where no seeds are swept.")
