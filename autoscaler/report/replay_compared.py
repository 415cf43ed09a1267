"""Several controllers on one world in one table: who serves enough at the least bill first.

Renders values; the numbers come in ready. Remarks are the caller's, for stderr.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from autoscaler.replay.result import Replayed
from autoscaler.replay.world import World
from autoscaler.report.replay_tables import basis, heading
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import USD, Currency, number, percent
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

COMPARED_LAST = ("interruptions", "p99", "p50", "burst", "base", "opposite", "wasted")
"""Columns of the comparison that a narrow terminal goes without, the first to go first."""


def render_compared(
    several: Sequence[Replayed],
    world: World,
    summaries: Mapping[str, str],
    *,
    max_unserved_ratio: float,
    screen: Screen | None = None,
    currency: Currency = USD,
    beside: Sequence[str] = (),
) -> str:
    """All controllers on one world: who serves enough at the least bill first; the legend says what each one is."""
    screen = screen or Screen()
    ranked = by_bill(several, max_unserved_ratio)
    served = sum(one.unserved_ratio <= max_unserved_ratio for one in ranked)
    columns, cells, gone = fitted(_compared_columns(currency), _compared_rows(ranked, currency), screen, COMPARED_LAST)
    parts: list[RenderableType] = [
        *wrapped(f"Controllers compared: {heading(world)}", screen),
        "",
        table(columns, cells, sections=(served - 1,) if 0 < served < len(ranked) else ()),
        "",
        *wrapped(_verdict(ranked, served, max_unserved_ratio, currency), screen),
        *beside,
        "",
    ]
    if gone:
        parts += wrapped(f"Not shown at this width: {', '.join(gone)}", screen)
    width = max(len(one.policy) for one in ranked)
    parts += [
        line
        for one in ranked
        for line in wrapped(f"{one.policy:{width}}  {summaries.get(one.policy, '')}".rstrip(), screen, width + 2)
    ]
    return render([*parts, "", *wrapped(basis(world, currency), screen)], screen)


def by_bill(several: Sequence[Replayed], max_unserved_ratio: float) -> list[Replayed]:
    """Those that serve enough first, each group by its bill."""
    return sorted(several, key=lambda one: (one.unserved_ratio > max_unserved_ratio, one.bill_usd, one.policy))


def _compared_columns(currency: Currency) -> tuple[Column, ...]:
    code = currency.code
    return (
        words("controller"),
        Column(title="bill", unit=code, places=2),
        Column(title="/ bound", unit="", places=3),
        Column(title="bound here", unit=code, places=2),
        Column(title="unserved", unit="%", places=3, is_ratio=True),
        Column(title="p50", unit="TTFT s", places=2),
        Column(title="p95", unit="TTFT s", places=2),
        Column(title="p99", unit="TTFT s", places=2),
        Column(title="launches"),
        Column(title="interruptions"),
        Column(title="opposite", unit="moves"),
        Column(title="base", unit=code, places=2),
        Column(title="burst", unit=code, places=2),
        Column(title="wasted", unit=code, places=2),
    )


def _compared_rows(ranked: Sequence[Replayed], currency: Currency) -> list[tuple[Cell, ...]]:
    return [
        (
            one.policy,
            currency.amount(one.bill_usd),
            one.ratio_to_bound,
            currency.amount(one.bound_at_unserved_usd),
            one.unserved_ratio,
            one.delay.p50_s,
            one.delay.p95_s,
            one.delay.p99_s,
            one.launches,
            one.interruptions,
            one.opposite_moves,
            currency.amount(one.base_usd),
            currency.amount(one.burst_usd),
            currency.amount(one.wasted_paid_usd),
        )
        for one in ranked
    ]


def _verdict(ranked: Sequence[Replayed], served: int, max_unserved_ratio: float, currency: Currency) -> str:
    allowed = f"{percent(max_unserved_ratio, 2)} % unserved"
    bound = next((one.bound_usd for one in ranked if one.bound_usd is not None), None)
    least = "" if bound is None else f" The bound with every token served: {number(currency.amount(bound))} "
    least += "" if bound is None else f"{currency.code}; 'bound here' is the one at the row's own unserved ratio."
    if not served:
        return f"None keeps to {allowed}.{least}"
    best = ranked[0]
    text = f"{best.policy} is the cheapest that keeps to {allowed}"
    if served > 1:
        second = ranked[1]
        gap = float(second.bill_usd / best.bill_usd - 1) if best.bill_usd > 0 else 0.0
        text += f"; next is {second.policy}, {percent(gap)} % dearer"
    if served < len(ranked):
        text += f"; below the gap: {len(ranked) - served} that leave more"
    return f"{text}.{least}"
