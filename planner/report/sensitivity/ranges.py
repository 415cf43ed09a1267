"""Base nodes over demand as people and programs read them: a row per range of factors. Renders values; pure."""

import json
from typing import TYPE_CHECKING, Any

from planner.report.narrow import fitted, wrapped
from planner.report.numbers import USD, Currency, number
from planner.report.price.section import listed, record, said
from planner.report.screen import Cell, Column, Screen, render, table, words
from planner.report.sensitivity.shared import basis, document_schema, heading, opening
from planner.report.whatif_sweep import base_words, point_document, point_schema
from planner.whatif.ranges import BaseRanges, Range

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "baseload.base-ranges/1"
DISPENSABLE = ("cost, from", "cost, to", "peak, to")

Json = dict[str, Any]


def render_ranges(shown: BaseRanges, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """Each range of demand factors with its base nodes, and the bill at both its ends."""
    screen = screen or Screen()
    code = currency.code
    columns = (
        Column(title="demand from", places=3),
        Column(title="to", places=3),
        words("base nodes"),
        Column(title="nodes"),
        Column(title="bill, from", unit=code, places=2),
        Column(title="bill, to", unit=code, places=2),
        Column(title="cost, from", unit=f"{code}/Mtok", places=4),
        Column(title="cost, to", unit=f"{code}/Mtok", places=4),
        Column(title="peak, to", unit="tok/s"),
        words(""),
    )
    rows = [_row(one, currency) for one in shown.ranges]
    kept, cells, gone = fitted(columns, rows, screen, DISPENSABLE)
    parts: list[RenderableType] = [
        *wrapped(heading("Base nodes over demand", shown.plan), screen),
        "",
        table(kept, cells),
        "",
        *wrapped(
            f"{len(shown.ranges)} ranges from {shown.solved} plans in whole nodes; a change lies between two rows, "
            f"known to {100 * shown.width:g} % of the factor",
            screen,
        ),
    ]
    if gone:
        parts += wrapped(f"Not shown at this width: {', '.join(gone)}", screen)
    return render([*parts, "", *wrapped(basis(shown.plan, currency, "demand 1: as forecast"), screen)], screen)


def _row(one: Range, currency: Currency) -> tuple[Cell, ...]:
    low, high = one.low.figures, one.high.figures
    return (
        one.low_factor,
        one.high_factor,
        base_words(low.base),
        sum(low.base.values()),
        currency.amount(low.bill_usd),
        currency.amount(high.bill_usd),
        currency.amount(low.cost_usd_mtok.blended),
        currency.amount(high.cost_usd_mtok.blended),
        number(high.demand.peak_tok_s, 0),
        "as forecast" if one.low_factor <= 1 <= one.high_factor else "",
    )


def ranges_document(shown: BaseRanges) -> Json:
    """The ranges as the JSON document `baseload.base-ranges/1`."""
    return {
        **opening(SCHEMA, shown.plan),
        "before": point_document(shown.before),
        "width_ratio": shown.width,
        "plans": shown.solved,
        "ranges": [
            {
                "low_factor": one.low_factor,
                "high_factor": one.high_factor,
                "base": dict(one.low.figures.base),
                "low": point_document(one.low),
                "high": point_document(one.high),
            }
            for one in shown.ranges
        ],
        "remarks": list(shown.plan.remarks),
    }


def ranges_schema_text() -> str:
    """The published file docs/schemas/base-ranges.schema.json."""
    factor = {"type": "number", "exclusiveMinimum": 0}
    one = record(
        {
            "low_factor": factor,
            "high_factor": factor,
            "base": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            "low": said(point_schema(), "The plan at the lowest factor solved in the range."),
            "high": said(point_schema(), "The plan at the highest."),
        }
    )
    schema = document_schema(
        SCHEMA,
        "Base nodes of the best plan by demand factor, by `baseload sensitivity demand`.",
        {
            "before": point_schema(),
            "width_ratio": said(factor, "Changes are known to this ratio of the factor."),
            "plans": {"type": "integer", "minimum": 1},
            "ranges": listed(one),
        },
    )
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
