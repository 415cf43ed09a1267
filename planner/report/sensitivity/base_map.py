"""A map of base nodes as people and programs read it: a table by peakiness and demand. Renders values; pure."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from planner.report.narrow import wrapped
from planner.report.numbers import USD, Currency, number
from planner.report.price.section import NUMBER, TEXT, listed, record, said
from planner.report.screen import Cell, Column, Screen, render, table
from planner.report.sensitivity.shared import basis, document_schema, heading, opening
from planner.report.whatif_sweep import point_document, point_schema
from planner.whatif.base_map import BaseMap

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "baseload.base-map/1"
TRANSFORM = (
    "Peakiness k: each hour over the mean hour, raised to k, then scaled to the same mean; each hour's mix stays. "
    "0 is flat, 1 as forecast"
)

Json = dict[str, Any]


def render_map(shown: BaseMap, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """Base nodes of the best plan by peakiness and demand, then the bills."""
    screen = screen or Screen()
    offers = offers_of(shown)
    head = (Column(title="peakiness"), Column(title="peak/mean", places=2))
    across = [Column(title=f"× {factor}") for factor in shown.demand]
    nodes: list[tuple[Cell, ...]] = []
    bills: list[tuple[Cell, ...]] = []
    for at, power in enumerate(shown.peakiness):
        left: tuple[Cell, ...] = (power, shown.peak_over_mean(at))
        nodes.append((*left, *(counts_words(point.figures.base, offers) for point in shown.rows[at])))
        bills.append((*left, *(number(currency.amount(point.figures.bill_usd), 0) for point in shown.rows[at])))
    parts: list[RenderableType] = [
        *wrapped(heading("Best base nodes over demand and peakiness", shown.plan), screen),
        "",
        *wrapped(f"Base nodes: {legend(offers)}", screen),
        table((*head, *across), nodes),
        "",
        f"Bill, {currency.code}",
        table((*head, *across), bills),
        "",
        *wrapped(TRANSFORM, screen),
    ]
    short = sum(not point.is_served for row in shown.rows for point in row)
    if short:
        parts += wrapped(f"{short} plans leave more than max_unserved_ratio unserved", screen)
    return render([*parts, "", *wrapped(basis(shown.plan, currency), screen)], screen)


def offers_of(shown: BaseMap) -> tuple[str, ...]:
    """The base offers that any plan of the map rents, those of the most nodes first."""
    most: dict[str, int] = {}
    for row in shown.rows:
        for point in row:
            for offer, count in point.figures.base.items():
                most[offer] = max(most.get(offer, 0), count)
    return tuple(sorted(most, key=lambda offer: (-most[offer], offer)))


def legend(offers: tuple[str, ...]) -> str:
    """How to read a cell of counts."""
    return " + ".join(offers) if offers else "none anywhere"


def counts_words(base: Mapping[str, int], offers: tuple[str, ...]) -> str:
    """The counts of a plan in the order of the offers: 3+1; 0 where there is none."""
    counts = [str(base.get(offer, 0)) for offer in offers]
    return "+".join(counts) if base else "0"


def map_document(shown: BaseMap) -> Json:
    """The map as the JSON document `baseload.base-map/1`."""
    return {
        **opening(SCHEMA, shown.plan),
        "before": point_document(shown.before),
        "demand": [float(factor) for factor in shown.demand],
        "rows": [
            {
                "peakiness": float(power),
                "peak_over_mean": shown.peak_over_mean(at),
                "points": [point_document(point) for point in shown.rows[at]],
            }
            for at, power in enumerate(shown.peakiness)
        ],
        "transform": TRANSFORM,
        "remarks": list(shown.plan.remarks),
    }


def map_schema_text() -> str:
    """The published file docs/schemas/base-map.schema.json."""
    row = record(
        {
            "peakiness": said(NUMBER, "Power of demand.peakiness."),
            "peak_over_mean": said(NUMBER, "The busiest hour over the mean hour."),
            "points": said(listed(point_schema()), "By `demand`."),
        }
    )
    schema = document_schema(
        SCHEMA,
        "Base nodes of the best plan by demand and peakiness, by `baseload sensitivity map`.",
        {
            "before": point_schema(),
            "demand": said(listed(NUMBER), "Factors."),
            "rows": listed(row),
            "transform": said(TEXT, "What peakiness does."),
        },
    )
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
