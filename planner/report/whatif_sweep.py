"""A sweep of plans as people and programs read it: every point with its bill and base nodes. Renders values; pure."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from planner.report.narrow import fitted, wrapped
from planner.report.numbers import USD, Currency, number, signed, span
from planner.report.price.section import TEXT, listed, record, said
from planner.report.screen import Cell, Column, Screen, render, table, words
from planner.report.whatif_json import figures_document, figures_schema, horizon_document, horizon_schema
from planner.whatif.planned import Figures
from planner.whatif.sweep import PlanPoint, SweptPlans

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "baseload.whatif-sweep/1"
DISPENSABLE = ("burst", "total", "cost", "change")
NO_BASE = "none"

Json = dict[str, Any]


def render_sweep(swept: SweptPlans, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """Every point in the order it was asked for, the case as given first; the cheapest that serves enough is marked."""
    screen = screen or Screen()
    keys = list(swept.points[0].settings)
    best = cheapest(swept.points)
    code = currency.code
    columns = (
        *(words(key) for key in keys),
        Column(title="bill", unit=code, places=2),
        Column(title="change", unit="%"),
        Column(title="total", unit=code, places=2),
        Column(title="cost", unit=f"{code}/Mtok", places=4),
        words("base nodes"),
        Column(title="burst", unit="node-h"),
        Column(title="unserved", unit="%", places=2, is_ratio=True),
        words(""),
    )
    rows = [_row(point, swept.before, keys, currency, is_best=point is best) for point in (swept.before, *swept.points)]
    kept, cells, gone = fitted(columns, rows, screen, DISPENSABLE)
    plan = swept.plan
    heading = (
        f"Sweep of {', '.join(keys)}, {len(swept.points)} points: {', '.join(plan.models)}, "
        f"{span(plan.start, plan.end)} ({number(plan.hours, 0)} h)"
    )
    parts: list[RenderableType] = [*wrapped(heading, screen), "", table(kept, cells, sections=(0,)), ""]
    parts += wrapped(_summary(swept, best, currency), screen)
    if gone:
        parts += wrapped(f"Not shown at this width: {', '.join(gone)}", screen)
    basis = f"Basis: {plan.price_basis}; total: bill, expected interruptions and the penalty for unserved tokens"
    return render([*parts, "", *wrapped("; ".join(filter(None, (basis, currency.note))), screen)], screen)


def base_words(base: Mapping[str, int]) -> str:
    """Base nodes in a cell: 3 hetzner/ax102 + 1 ovh/b3-64, or none."""
    return " + ".join(f"{count} {offer}" for offer, count in base.items()) or NO_BASE


def cheapest(points: Sequence[PlanPoint]) -> PlanPoint | None:
    """The point of the least bill among those that serve enough."""
    return min((point for point in points if point.is_served), key=lambda point: point.figures.bill_usd, default=None)


def _row(
    point: PlanPoint, before: PlanPoint, keys: Sequence[str], currency: Currency, *, is_best: bool
) -> tuple[Cell, ...]:
    shown, was = point.figures, before.figures.bill_usd
    is_before = point is before
    change = "" if is_before or not was else signed(100 * (shown.bill_usd - was) / was, 1)
    return (
        *(point.settings.get(key, "as given") for key in keys),
        currency.amount(shown.bill_usd),
        change,
        currency.amount(shown.total_usd),
        currency.amount(shown.cost_usd_mtok.blended),
        base_words(shown.base),
        sum(shown.burst_node_hours.values()),
        shown.unserved_ratio,
        "*" if is_best else "",
    )


def _summary(swept: SweptPlans, best: PlanPoint | None, currency: Currency) -> str:
    bills = sorted(point.figures.bill_usd for point in swept.points)
    low, high = (number(currency.amount(bill)) for bill in (bills[0], bills[-1]))
    bases = {tuple(point.figures.base.items()) for point in swept.points}
    text = f"Bills from {low} to {high} {currency.code}; {len(bases)} different sets of base nodes. "
    missing = sum(not point.is_served for point in swept.points)
    if missing:
        text += f"{missing} of {len(swept.points)} points leave more unserved than max_unserved_ratio. "
    loose = sum(not point.is_settled for point in swept.points)
    if loose:
        text += f"Of {loose} points the base counts are not proven to max_search_gap. "
    return text + ("No point serves enough." if best is None else f"Cheapest of those that serve enough: {best.label}.")


def sweep_document(swept: SweptPlans) -> Json:
    """The sweep as the JSON document `baseload.whatif-sweep/1`; the same points make the same bytes."""
    plan = swept.plan
    return {
        "schema": SCHEMA,
        "horizon": horizon_document(plan),
        "currency": "USD",
        "price_basis": plan.price_basis,
        "forecast": plan.provenance.forecast,
        "policy": plan.provenance.policy,
        "before": point_document(swept.before),
        "points": [point_document(point) for point in swept.points],
        "remarks": list(plan.remarks),
    }


def point_document(point: PlanPoint) -> Json:
    """One point: its settings, its figures, and whether it serves and is proven enough."""
    figures: Figures = point.figures
    return {
        "settings": dict(point.settings),
        **figures_document(figures),
        "is_served": point.is_served,
        "is_settled": point.is_settled,
    }


def point_schema() -> Json:
    """The schema of `point_document`."""
    return record(
        {
            "settings": said({"type": "object", "additionalProperties": TEXT}, "What was swept, as written."),
            **figures_schema(),
            "is_served": said({"type": "boolean"}, "No more is unserved than max_unserved_ratio."),
            "is_settled": said({"type": "boolean"}, "Base counts proven to max_search_gap."),
        }
    )


def sweep_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `whatif --sweep --json` prints."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:whatif-sweep:1",
        "title": SCHEMA,
        "description": "Plans at every combination of some settings. Money: USD net of VAT, decimal strings.",
        **record(
            {
                "schema": {"const": SCHEMA},
                "horizon": horizon_schema(),
                "currency": {"const": "USD"},
                "price_basis": TEXT,
                "forecast": TEXT,
                "policy": TEXT,
                "before": said(point_schema(), "The case as given."),
                "points": listed(point_schema()),
                "remarks": listed(TEXT),
            }
        ),
        "$defs": {"money": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}},
    }


def whatif_sweep_schema_text() -> str:
    """The published file docs/schemas/whatif-sweep.schema.json."""
    return json.dumps(sweep_schema(), indent=2, ensure_ascii=False) + "\n"
