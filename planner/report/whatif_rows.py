"""Many scenarios as people read them: a row for each, as a column for each would be too many. Renders values; pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.plan import Plan
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import Currency, number, signed, span
from planner.report.screen import Cell, Column, Screen, render, table, words
from planner.report.whatif_sweep import base_words
from planner.whatif import Comparison, Figures

if TYPE_CHECKING:
    from rich.console import RenderableType

MANY = 20
"""More scenarios than these have a row each; fewer a column each, and a sentence."""
HOUR_BY_HOUR = "nodes chosen hour by hour, as by plan --without-launches"
DISPENSABLE = ("burst", "total", "cost", "change")
BEFORE = "before"


def render_rows(comparison: Comparison, screen: Screen, currency: Currency) -> str:
    """Every scenario in the order of its file, the case as given first; then how far the bills spread."""
    plan, code = comparison.plan, currency.code
    columns = (
        words("scenario"),
        Column(title="bill", unit=code, places=2),
        Column(title="change", unit="%"),
        Column(title="total", unit=code, places=2),
        Column(title="cost", unit=f"{code}/Mtok", places=4),
        words("base nodes"),
        Column(title="burst", unit="node-h"),
        Column(title="unserved", unit="%", places=2, is_ratio=True),
    )
    before = comparison.before
    rows = [_row(BEFORE, before, None, currency)]
    rows += [_row(one.name, one.figures, before, currency) for one in comparison.after]
    kept, cells, gone = fitted(columns, rows, screen, DISPENSABLE)
    heading = (
        f"What if, {number(len(comparison.after), 0)} scenarios: {', '.join(plan.models)}, "
        f"{span(plan.start, plan.end)} ({number(plan.hours, 0)} h), forecast {plan.provenance.forecast}"
    )
    parts: list[RenderableType] = [*wrapped(heading, screen), "", table(kept, cells, sections=(0,)), ""]
    parts += wrapped(_summary(comparison, currency), screen)
    if gone:
        parts += wrapped(f"Not shown at this width: {', '.join(gone)}", screen)
    return render([*parts, "", *wrapped(_basis(plan, currency), screen)], screen)


def _row(name: str, shown: Figures, before: Figures | None, currency: Currency) -> Sequence[Cell]:
    was = None if before is None else before.bill_usd
    return (
        name,
        currency.amount(shown.bill_usd),
        signed(100 * (shown.bill_usd - was) / was, 1) if was else "",
        currency.amount(shown.total_usd),
        currency.amount(shown.cost_usd_mtok.blended),
        base_words(shown.base),
        sum(shown.burst_node_hours.values()),
        shown.unserved_ratio,
    )


def _summary(comparison: Comparison, currency: Currency) -> str:
    ranked = sorted(comparison.after, key=lambda one: one.figures.bill_usd)
    low, high = (
        f"{number(currency.amount(one.figures.bill_usd))} {currency.code} ({one.name})"
        for one in (ranked[0], ranked[-1])
    )
    bases = {tuple(one.figures.base.items()) for one in comparison.after}
    short = sum(one.plan.unserved_ratio > one.plan.policy.max_unserved_ratio for one in comparison.after)
    text = f"Bills from {low} to {high}; {len(bases)} different sets of base nodes. "
    if short:
        text += f"{short} of {len(ranked)} scenarios leave more unserved than max_unserved_ratio. "
    return f"{text}Why each bill changes is in --json."


def _basis(plan: Plan, currency: Currency) -> str:
    basis = f"Basis: {plan.price_basis}; total: bill, expected interruptions and the penalty for unserved tokens"
    return "; ".join(filter(None, (basis, HOUR_BY_HOUR, currency.note)))
