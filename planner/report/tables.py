"""A plan as a table that a person reads in five seconds: what to rent, the bill, how good it is, the month at a glance.

Renders values; the numbers come in ready. Remarks are the caller's, for stderr.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from planner.plan import Plan
from planner.report.numbers import USD, Currency, buckets, counts, number, percent, span, sparkline
from planner.report.screen import Cell, Column, Screen, render, table, words
from planner.report.series import Floats, PlanSeries, plan_series
from planner.report.uncertainty import aim_sentence, uncertainty_sentences
from policies.planning import Aim

if TYPE_CHECKING:
    from rich.console import RenderableType

SECOND = timedelta(seconds=1)
WIDE = 100
"""Columns of a terminal that shows every column of the plan."""


def render_plan(plan: Plan, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """The plan as text: heading, what to rent, the bill and its proof in sentences, the basis, demand over time."""
    screen = screen or Screen()
    series = plan_series(plan)
    parts: list[RenderableType] = [
        heading(plan),
        "",
        _rent_table(plan, series, screen, currency),
        "",
        *sentences(plan, currency),
        "",
        *_at_a_glance(plan, series, screen),
        "",
        basis(plan, currency),
    ]
    return render(parts, screen)


def heading(plan: Plan) -> str:
    """Horizon, models and forecast in one line."""
    names = ", ".join(plan.models)
    horizon = f"{span(plan.start, plan.end)} ({number(plan.hours, 0)} h)"
    return f"Plan for {names}, {horizon}, forecast {plan.provenance.forecast}"


# What to rent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A line of the bill."""

    what: str
    role: str = ""
    nodes: str = ""
    node_hours: Decimal | None = None
    fee: Decimal | None = None
    rate: Decimal | None = None
    tokens: float | None = None
    amount: Decimal | None = None
    rates: str = ""

    def cells(self) -> tuple[Cell, ...]:
        """The row's cells; what does not apply is left blank."""
        blank = (self.node_hours, self.fee, self.rate, self.tokens, self.amount)
        return (self.role, self.what, self.nodes, *("" if cell is None else cell for cell in blank), self.rates)


def _rent_table(plan: Plan, series: PlanSeries, screen: Screen, currency: Currency) -> "RenderableType":
    """The table; a narrow terminal goes without role and node-hours."""
    code = currency.code
    columns = (
        words("role"),
        words("rent"),
        Column(title="nodes"),
        Column(title="node-", unit="hours"),
        Column(title="fee each", unit=code, places=2),
        Column(title="price", unit=f"{code}/h", places=4),
        Column(title="tokens", unit="%", places=1, is_ratio=True),
        Column(title="amount", unit=code, places=2),
        words("rates"),
    )
    rented = [*_base_rows(plan, series, currency), *_burst_rows(plan, series, currency)]
    lines = _bill_lines(plan, currency)
    beyond = _beyond_bill(plan, currency)
    bill = _Row(what="bill", amount=currency.amount(plan.bill_usd))
    rows = [*rented, *lines, bill, *beyond]
    before_bill = len(rented) + len(lines) - 1
    kept = [0, 1, 2, 3, 4, 5, 6, 7, 8] if screen.width is None or screen.width >= WIDE else [1, 2, 4, 5, 6, 7, 8]
    return table(
        [columns[index] for index in kept],
        [[row.cells()[index] for index in kept] for row in rows],
        sections=(before_bill,),
        bold=(before_bill + 1,),
    )


def _base_rows(plan: Plan, series: PlanSeries, currency: Currency) -> list[_Row]:
    return [
        _Row(
            role="base",
            what=offer,
            nodes=str(plan.base[offer]),
            node_hours=Decimal(plan.base[offer] * plan.hours),
            fee=currency.amount(plan.offers[offer].fee_usd_horizon),
            tokens=series.served_ratio(offer),
            amount=currency.amount((plan.offers[offer].fee_usd_horizon or Decimal(0)) * plan.base[offer]),
            rates=rate_basis(plan, offer),
        )
        for offer in series.base
    ]


def _burst_rows(plan: Plan, series: PlanSeries, currency: Currency) -> list[_Row]:
    """One row per pool with its leases: node-hours as held, lead times included."""
    rows = []
    for offer, nodes in series.nodes.items():
        if offer in series.base:
            continue
        leases = [lease for lease in plan.leases if lease.offer == offer]
        held = sum((Decimal((lease.end - lease.start) // SECOND) * lease.count for lease in leases), Decimal(0))
        rows.append(
            _Row(
                role="burst",
                what=offer,
                nodes=counts([int(count) for count in nodes]),
                node_hours=held / 3600,
                rate=currency.amount(plan.offers[offer].rate_usd_hour),
                tokens=series.served_ratio(offer),
                amount=currency.amount(sum((lease.charge_usd for lease in leases), Decimal(0))),
                rates=rate_basis(plan, offer),
            )
        )
    return rows


def _bill_lines(plan: Plan, currency: Currency) -> list[_Row]:
    """What the bill holds beside fees and leases; with scenarios, expected burst against the leases shown."""
    rows = []
    if plan.unserved_ratio > 0:
        rows.append(_Row(what="unserved", tokens=plan.unserved_ratio))
    if len(plan.scenarios) > 1:
        shown = sum((lease.charge_usd for lease in plan.leases), Decimal(0))
        what = f"burst over {len(plan.scenarios)} scenarios"
        rows.append(_Row(what=what, amount=currency.amount(plan.cost.burst_usd - shown)))
    if plan.cost.setup_usd:
        what = f"setup over {plan.policy.tenure_months} months"
        rows.append(_Row(what=what, amount=currency.amount(plan.cost.setup_usd)))
    if plan.cost.egress_usd:
        rows.append(_Row(what="egress", amount=currency.amount(plan.cost.egress_usd)))
    return rows


def _beyond_bill(plan: Plan, currency: Currency) -> list[_Row]:
    """What the total holds beside the bill."""
    rows = []
    if plan.cost.interruption_usd:
        rows.append(_Row(what="interruptions, expected", amount=currency.amount(plan.cost.interruption_usd)))
    if plan.cost.unserved_penalty_usd:
        rows.append(_Row(what="penalty for unserved", amount=currency.amount(plan.cost.unserved_penalty_usd)))
    if rows:
        rows.append(_Row(what="total", amount=currency.amount(plan.total_usd)))
    return rows


def rate_basis(plan: Plan, offer: str) -> str:
    """Where the offer's rates come from: measured, estimated, or both where models differ."""
    bases = {str(terms.rates[offer].basis) for terms in plan.models.values() if offer in terms.rates}
    return ", ".join(sorted(bases, reverse=True))


# In sentences


def sentences(plan: Plan, currency: Currency = USD) -> list[str]:
    """The bill and its unit cost, what falls due or changes, how far from the bound."""
    lines = [_bill_sentence(plan, currency)]
    if plan.setup_due_usd:
        lines.append(f"Setup fees of {_money(plan.setup_due_usd, currency)} fall due at once.")
    changes = plan.owned_changes
    if any(changes.keep.values()) or any(changes.cancel.values()):
        lines.append(f"Owned servers: {_changes('keep', changes.keep)}; {_changes('cancel', changes.cancel)}.")
    lines.append(_proof_sentence(plan, currency))
    return [*lines, *uncertainty_sentences(plan, currency)]


def _bill_sentence(plan: Plan, currency: Currency) -> str:
    unit, use = plan.cost_usd_mtok, plan.utilization
    bill = f"Bill {_money(plan.bill_usd, currency)}"
    if len(plan.scenarios) > 1:
        bill = f"Expected bill {_money(plan.bill_usd, currency)} over {len(plan.scenarios)} scenarios"
    if unit.blended is None:
        return f"{bill}; nothing is served."
    split = ", ".join(
        f"{name} {number(currency.amount(amount), 4)}"
        for name, amount in (("input", unit.input), ("output", unit.output))
    )
    return (
        f"{bill}: {currency.code} {number(currency.amount(unit.blended), 4)} per million tokens ({split}); "
        f"nodes {percent(use.mean, 0)} % busy on average, {percent(use.peak, 0)} % at peak; "
        f"{percent(plan.unserved_ratio, 2)} % of tokens unserved."
    )


def _changes(verb: str, nodes: Mapping[str, int]) -> str:
    named = ", ".join(f"{count} {offer}" for offer, count in nodes.items() if count)
    return f"{verb} {named or 'none'}"


def _proof_sentence(plan: Plan, currency: Currency) -> str:
    if plan.policy.aim is not Aim.EXPECTED and plan.uncertainty is not None:
        return aim_sentence(plan, plan.uncertainty, currency)
    over = plan.total_usd - plan.lower_bound_usd
    if abs(over) < Decimal("0.005"):
        nodes = "Base counts and hourly nodes" if plan.has_launches else "Base counts"
        return f"{nodes} proven optimal; the total is the proven minimum."
    proof = "base counts not proven optimal (search limit)"
    if plan.search == "proven":
        proof = "base counts and hourly nodes proven optimal, launches included"
        if not plan.has_launches:
            proof = "base counts proven optimal" + " before launch overhead" * (plan.gap.launch_overhead_usd > 0)
    total = float(plan.total_usd) or 1.0
    parts = ", ".join(
        f"{name} {percent(float(amount) / total, 2)} %"
        for name, amount in (
            ("rounding", plan.gap.rounding_usd),
            ("launch overhead", plan.gap.launch_overhead_usd),
            ("search", plan.gap.search_usd),
        )
    )
    bound = _money(plan.lower_bound_usd, currency)
    return (
        f"{proof.capitalize()}; the total is at most {percent(plan.gap_ratio, 2)} % "
        f"({_money(over, currency)}) above the lower bound of {bound}: {parts}."
    )


def _money(usd: Decimal, currency: Currency) -> str:
    return f"{currency.code} {number(currency.amount(usd), 2)}"


def basis(plan: Plan, currency: Currency = USD) -> str:
    """What the amounts are: price basis with dates, fee basis, how many rates are estimated, currency."""
    fees = (
        "fees per calendar month" if plan.fee_basis == "month" else "fees prorated by the hours of each calendar month"
    )
    leases = "burst amounts are leases as billed: lead times, started hours" if plan.leases else ""
    parts = ["Basis: " + plan.price_basis, fees, leases, _rates_used(plan), currency.note]
    return "; ".join(part for part in parts if part) + "."


def _rates_used(plan: Plan) -> str:
    used = {offer for offer, count in plan.base.items() if count}
    used |= {offer for hour in plan.hours_detail for offer, count in hour.burst.items() if count}
    rates = [terms.rates[offer] for terms in plan.models.values() for offer in sorted(used) if offer in terms.rates]
    estimated = sum(rate.basis == "estimated" for rate in rates)
    return f"{estimated} of {len(rates)} rates used are estimated" if rates else ""


# The month at a glance


def _at_a_glance(plan: Plan, series: PlanSeries, screen: Screen) -> list[str]:
    """Demand, base capacity and burst nodes as sparklines; demand and base on one scale."""
    runs = buckets(len(series.hours), screen.spark_width)
    if not runs:
        return []
    demand = [float(series.tok_s.demand[list(run)].mean()) for run in runs]
    base = [_mean_known(series.tok_s.base_capacity, run) for run in runs]
    burst = sum(
        (nodes for offer, nodes in series.nodes.items() if offer not in series.base),
        np.zeros(len(series.hours), dtype=np.int64),
    )
    top = max(demand)
    low, high = float(series.tok_s.demand.min()), float(series.tok_s.demand.max())
    each = len(runs[0])
    by_base = sum(series.served_ratio(offer) for offer in series.base)
    lines = [f"demand  {sparkline(demand, top=top)}  {number(low, 0)} to {number(high, 0)} tok/s (input + output)"]
    if any(plan.base.values()):
        lines.append(f"base    {sparkline(base, top=top)}  serves {percent(by_base)} % of tokens")
    if burst.any():
        spark = sparkline([float(burst[list(run)].max()) for run in runs])
        lines.append(f"burst   {spark}  {counts([int(count) for count in burst])} nodes")
    lines.append(f"        {'one block per hour' if each == 1 else f'one block per {each} h'}")
    if plan.scenario_shown:
        lines[-1] += f", scenario {plan.scenario_shown}"
    return lines


def _mean_known(values: Floats, run: range) -> float:
    part = values[list(run)]
    known = part[~np.isnan(part)]
    return float(known.mean()) if len(known) else float("nan")
