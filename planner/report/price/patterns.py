"""Section `patterns`: how full a fleet can be for a shape of traffic, and what that makes of the cost."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.economics.pattern import Pattern, Provisioned
from planner.report.numbers import UNKNOWN, number, percent
from planner.report.price.section import NUMBER, TEXT, Json, Section, Wide, listed, or_null, record, said
from planner.report.screen import Cell, Column, words

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "patterns"
_PROVISIONED = record(
    {
        "base_ratio": said(NUMBER, "Base capacity at target utilization over the mean load."),
        "base_share_ratio": said(NUMBER, "Share of the tokens the base serves."),
        "utilization_ratio": NUMBER,
        "cost_multiplier": said(NUMBER, "Cost per million tokens over that of base capacity busy all the time."),
    }
)
_RANGE: Json = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
SCHEMA: Json = record(
    {
        "target_utilization_ratio": NUMBER,
        "burst_price_ratio": said(NUMBER, "Burst price over base price, per unit of capacity."),
        "burst_price_ratio_is_assumed": {"type": "boolean"},
        "patterns": listed(
            record(
                {
                    "name": TEXT,
                    "source": TEXT,
                    "hours": {"type": "integer"},
                    "peak_ratio": NUMBER,
                    "p99_ratio": NUMBER,
                    "quiet_ratio": NUMBER,
                    "for_peak": said(_PROVISIONED, "Base for the peak hour."),
                    "for_p99": said(_PROVISIONED, "Base up to the 99th percentile, burst above."),
                    "cheapest": said(_PROVISIONED, "The cheapest mix of base and burst."),
                    "guide": or_null(record({"utilization_ratio": _RANGE, "cost_multiplier": _RANGE})),
                }
            )
        ),
    }
)


def patterns_section(
    patterns: Sequence[Pattern], *, target_utilization: float, burst_price_ratio: float, is_assumed: bool
) -> Section:
    """The shapes, measured, beside what the pricing guide says of them."""
    return Section(
        key=KEY,
        title="Utilization and cost by traffic pattern, measured",
        parts=lambda _: _parts(patterns, target_utilization, burst_price_ratio, is_assumed=is_assumed),
        document={
            "target_utilization_ratio": target_utilization,
            "burst_price_ratio": burst_price_ratio,
            "burst_price_ratio_is_assumed": is_assumed,
            "patterns": [_document(pattern) for pattern in patterns],
        },
    )


def _document(pattern: Pattern) -> Json:
    return {
        "name": pattern.name,
        "source": pattern.source,
        "hours": pattern.hours,
        "peak_ratio": pattern.peak_ratio,
        "p99_ratio": pattern.p99_ratio,
        "quiet_ratio": pattern.quiet_ratio,
        "for_peak": _provisioned(pattern.for_peak),
        "for_p99": _provisioned(pattern.for_p99),
        "cheapest": _provisioned(pattern.cheapest),
        "guide": None
        if pattern.guide is None
        else {
            "utilization_ratio": list(pattern.guide.utilization),
            "cost_multiplier": list(pattern.guide.multiplier),
        },
    }


def _provisioned(one: Provisioned) -> Json:
    return {
        "base_ratio": one.base_ratio,
        "base_share_ratio": one.base_share,
        "utilization_ratio": one.utilization,
        "cost_multiplier": one.cost_multiplier,
    }


def _parts(
    patterns: Sequence[Pattern], target: float, burst_price_ratio: float, *, is_assumed: bool
) -> "list[RenderableType | Wide]":
    columns = [
        words("pattern"),
        Column(title="peak", unit="x mean", places=2),
        Column(title="p99", unit="x mean", places=2),
        Column(title="busy", unit="%", places=0, is_ratio=True),
        Column(title="cost", unit="x full", places=1),
        Column(title="guide: busy", unit="%"),
        Column(title="guide: cost", unit="x full"),
        Column(title="p99 + burst", unit="x full", places=1),
        Column(title="best mix", unit="x full", places=1),
    ]
    rows: list[list[Cell]] = []
    for one in patterns:
        busy, times = _guide(one)
        rows.append(
            [
                one.name,
                one.peak_ratio,
                one.p99_ratio,
                one.for_peak.utilization,
                one.for_peak.cost_multiplier,
                busy,
                times,
                one.for_p99.cost_multiplier,
                one.cheapest.cost_multiplier,
            ]
        )
    known = "assumed" if is_assumed else "as in the plan"
    return [
        Wide(columns=columns, rows=rows, dispensable=["p99", "p99 + burst", "guide: cost", "guide: busy"]),
        "",
        *(f"{one.name}: {one.source}; {number(one.hours, 0)} hours{_verdict(one)}." for one in patterns),
        "Busy and cost are of base rented for the peak hour; p99 + burst rents base for all but the busiest hundredth "
        "of hours; best mix is the cheapest base and burst. Cost is per million tokens; full: base busy all the time.",
        f"Nodes are filled to {percent(target, 0)} % at most; burst costs {number(burst_price_ratio, 2)} times base "
        f"per unit of capacity ({known}).",
    ]


def _guide(one: Pattern) -> tuple[str, str]:
    """The guide's two ranges; – where it says nothing."""
    if one.guide is None:
        return UNKNOWN, UNKNOWN
    low, high = one.guide.utilization
    least, most = one.guide.multiplier
    return f"{percent(low, 0)}–{percent(high, 0)}", f"{number(least, 1)}–{number(most, 1)}"


def _verdict(one: Pattern) -> str:
    if one.guide is None:
        return ""
    low, high = one.guide.utilization
    busy = one.for_peak.utilization
    if busy < low:
        return "; the guide's range is too hopeful for it"
    return "; the guide's range is too low for it" if busy > high else "; within the guide's range"
