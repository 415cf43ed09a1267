"""A what-if as people read it: legend, before → after, one sentence of why for each change. Renders values; pure."""

from collections.abc import Sequence
from decimal import Decimal

from planner.plan import Plan
from planner.report.comparison import ComparedRow, Value, render_comparison
from planner.report.numbers import USD, Currency, number, span
from planner.report.screen import Screen, render
from planner.report.whatif_rows import HOUR_BY_HOUR, MANY, render_rows
from planner.report.whatif_why import why
from planner.whatif import Comparison, Figures

BEFORE = "before"
LABELS_WIDTH = 42
"""Columns of a terminal that names and units of the figures take."""
CASE_WIDTH = 11
"""Columns that a case takes, at least."""


def render_whatif(comparison: Comparison, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """The comparison as text: what is compared, the figures, why, and what the amounts are."""
    screen = screen or Screen()
    if len(comparison.after) > MANY:
        return render_rows(comparison, screen, currency)
    shown = [comparison.before, *(outcome.figures for outcome in comparison.after)]
    plans = [comparison.plan, *(outcome.plan for outcome in comparison.after)]
    names = [BEFORE, *(outcome.name for outcome in comparison.after)]
    tables = [
        render_comparison(
            [names[i] for i in group],
            _rows([shown[i] for i in group], [plans[i] for i in group], currency),
            screen=screen,
        )
        for group in _groups(names, screen)
    ]
    sentences = [why(comparison.before, outcome, currency) for outcome in comparison.after]
    opening = render([*legend(comparison), ""], screen)
    closing = render([*sentences, "", _basis(comparison.plan, currency)], screen)
    return "\n".join([opening + tables[0], *tables[1:], closing])


def legend(comparison: Comparison) -> list[str]:
    """What is compared: the case as given, and what each change is, as written."""
    plan = comparison.plan
    width = max(len(BEFORE), *(len(outcome.name) for outcome in comparison.after))
    horizon = f"{span(plan.start, plan.end)} ({number(plan.hours, 0)} h)"
    return [
        f"What if: {', '.join(plan.models)}, {horizon}",
        f"{BEFORE:{width}}  forecast {plan.provenance.forecast}, policy {plan.provenance.policy}",
        *(f"{outcome.name:{width}}  {'; '.join(outcome.change.words)}" for outcome in comparison.after),
    ]


def _groups(names: Sequence[str], screen: Screen) -> list[list[int]]:
    """Which cases stand side by side: all in a pipe; as many as fit a terminal's width, `before` first in each."""
    after = list(range(1, len(names)))
    if screen.width is None or len(after) == 1:
        return [[0, *after]]
    widths = [max(CASE_WIDTH, len(name) + 2) for name in names]
    groups: list[list[int]] = []
    room = 0
    for index in after:
        if not groups or widths[index] > room:
            groups.append([0])
            room = screen.width - LABELS_WIDTH - widths[0]
        groups[-1].append(index)
        room -= widths[index]
    return groups


def _rows(shown: Sequence[Figures], plans: Sequence[Plan], currency: Currency) -> list[ComparedRow]:
    code = currency.code

    def money(label: str, usd: Sequence[Decimal | None], unit: str = code, places: int = 2) -> ComparedRow:
        return ComparedRow(label=label, unit=unit, places=places, values=tuple(map(currency.amount, usd)))

    def ratio(label: str, values: Sequence[float], places: int = 1) -> ComparedRow:
        return ComparedRow(label=label, places=places, is_ratio=True, values=tuple(values))

    rows = [
        ComparedRow(label="tokens asked for", unit="Mtok", places=0, values=tuple(f.demand.mtok for f in shown)),
        money("bill", [f.bill_usd for f in shown]),
    ]
    if any(f.total_usd != f.bill_usd for f in shown):
        rows.append(money("total", [f.total_usd for f in shown]))
    rows += [
        money("cost, all tokens", [f.cost_usd_mtok.blended for f in shown], f"{code}/Mtok", 4),
        money("  input tokens", [f.cost_usd_mtok.input for f in shown], f"{code}/Mtok", 4),
        money("  output tokens", [f.cost_usd_mtok.output for f in shown], f"{code}/Mtok", 4),
        *_base_rows(shown),
        money("base fees", [f.cost.base_fees_usd for f in shown]),
        *([money("setup fees", [f.cost.setup_usd for f in shown])] if any(f.cost.setup_usd for f in shown) else []),
        *_burst_rows(shown),
        money("burst leases", [f.cost.burst_usd for f in shown]),
        ratio("unserved tokens", [f.unserved_ratio for f in shown], 2),
        ratio("nodes busy, mean", [f.utilization.mean for f in shown]),
        ratio("nodes busy, peak", [f.utilization.peak for f in shown]),
        money("lower bound of the total", [f.lower_bound_usd for f in shown]),
        ratio("total above it at most", [f.gap_ratio for f in shown], 2),
    ]
    if any(f.setup_due_usd for f in shown):
        rows.append(money("setup fees due at once", [f.setup_due_usd for f in shown]))
    if not all(f.is_proven for f in shown):
        proofs: tuple[Value, ...] = tuple("proven" if f.is_proven else "limit" for f in shown)
        rows.append(ComparedRow(label="search for base counts", values=proofs))
    rows.append(ComparedRow(label="estimated rates", values=tuple(map(_rates, plans, shown))))
    return rows


def _base_rows(shown: Sequence[Figures]) -> list[ComparedRow]:
    offers = dict.fromkeys(offer for f in shown for offer in f.base)
    return [
        ComparedRow(label=f"base {offer}", unit="nodes", places=0, values=tuple(f.base.get(offer, 0) for f in shown))
        for offer in offers
    ]


def _burst_rows(shown: Sequence[Figures]) -> list[ComparedRow]:
    pools = dict.fromkeys(pool for f in shown for pool in f.burst_node_hours)
    return [
        ComparedRow(
            label=f"burst {pool}",
            unit="node-h",
            places=0,
            values=tuple(f.burst_node_hours.get(pool, 0) for f in shown),
        )
        for pool in pools
    ]


def _rates(plan: Plan, shown: Figures) -> str:
    """How many of the rates of rented offers are estimates; the others are measured."""
    rates = [terms.rates[key] for terms in plan.models.values() for key in sorted(shown.rented) if key in terms.rates]
    return f"{sum(rate.basis == 'estimated' for rate in rates)} of {len(rates)}"


def _basis(plan: Plan, currency: Currency) -> str:
    """What the amounts are."""
    fees = (
        "fees per calendar month" if plan.fee_basis == "month" else "fees prorated by the hours of each calendar month"
    )
    over = f"expected over {len(plan.scenarios)} scenarios" if len(plan.scenarios) > 1 else ""
    parts = [
        f"Basis: {plan.price_basis}",
        fees,
        over,
        "total: bill, expected interruptions and the penalty for unserved tokens",
        "node-h: while serving, lead times apart",
        HOUR_BY_HOUR,
        currency.note.partition(";")[0],
    ]
    return "; ".join(part for part in parts if part) + "."
