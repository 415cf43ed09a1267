"""What the month cost and served: its spend, hour by hour, model by model, and the months before it. Pure."""

from decimal import Decimal

import numpy as np

from planner.economics.spend import ModelSpend, Spend, SpendBasis, SpendLine
from planner.economics.unit import UNKNOWN, UnitRow, per_mtok, unit_rows
from planner.month.demand import unserved_tok_s
from planner.month.facts import Floats, Reckoning
from planner.month.hindsight import is_egress
from planner.month.value import Hourly, ModelMonth, TrendPoint
from planner.plan import Utilization
from policies.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

ZERO = Decimal(0)
PRICE_BASIS = "USD net of VAT, calendar month (UTC), each lease at its own price in force"


def spend_of_month(month: Reckoning) -> Spend:
    """What was paid in the month, in lines that sum to its bill, and what it served.

    A model's cost is that of its own nodes and other costs, with its part of what is shared, by usage as the charges.
    """
    facts, hours = month.facts, month.hours
    own = {name: own_cost_usd(month, name) for name in hours.models}
    shared = month.bill.bill_usd - sum(own.values(), ZERO)
    usage = {name: sum((one.usage_usd for one in month.charges.charges if one.model == name), ZERO) for name in own}
    weights = usage if any(usage.values()) else own if any(own.values()) else dict.fromkeys(own, Decimal(1))
    total = sum(weights.values(), ZERO)
    return Spend(
        basis=SpendBasis.MONTH,
        source=f"month {facts.month}",
        price_basis=PRICE_BASIS,
        start=facts.start,
        end=facts.known_until,
        hours=Decimal(facts.past_hours),
        lines=_lines(month),
        models=tuple(
            ModelSpend(
                model=name,
                cost_usd=own[name] + (shared * weights[name] / total if total else ZERO),
                input_tokens=_tokens(hours.input_tok_s[m]),
                output_tokens=_tokens(hours.output_tok_s[m]),
                input_work_ratio=_input_work_ratio(month, m),
                utilization=hours.model_utilization(name),
                usage_usd=usage[name] if hours.model_utilization(name) is not None else None,
            )
            for m, name in enumerate(hours.models)
        ),
        node_hours=sum((one.node_hours for one in month.bill.leases), ZERO),
        remarks=month.charges.remarks,
    )


def unit_row(month: Reckoning, spend: Spend) -> UnitRow | None:
    """Unit costs of all models together, on both bases; None where no lease or no model is known."""
    if not month.bill.leases or not spend.models:
        return None
    return unit_rows(spend)[-1]


def own_cost_usd(month: Reckoning, model: str) -> Decimal:
    """What the model's own nodes and other costs came to, without setup fees."""
    leases = (one.amount_usd for one in month.bill.leases if one.lease.model == model)
    others = (one.amount_usd for one in month.bill.others if one.cost.model == model)
    return sum(leases, ZERO) + sum(others, ZERO)


def model_months(month: Reckoning, spend: Spend) -> tuple[ModelMonth, ...]:
    """Each model that was served or had nodes."""
    rows = {row.model: row for row in unit_rows(spend)} if spend.models else {}
    unserved = unserved_tok_s(month.facts, list(month.hours.models))
    return tuple(
        ModelMonth(
            model=one.model,
            input_tokens=round(one.input_tokens),
            output_tokens=round(one.output_tokens),
            unserved_tokens=None if unserved is None else round(_tokens(unserved[m])),
            cost_usd=own_cost_usd(month, one.model),
            utilization=one.utilization,
            unit=rows[one.model].allocation if month.bill.leases else UNKNOWN,
        )
        for m, one in enumerate(spend.models)
    )


def hourly(month: Reckoning) -> Hourly:
    """The month hour by hour; what is not over yet is unknown."""
    hours, facts = month.hours, month.facts
    past = np.arange(hours.hours) < facts.past_hours
    measured = hours.is_measured & past
    unserved = unserved_tok_s(facts, list(hours.models))

    def known(values: Floats, where: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Floats:
        return np.where(where, values, np.nan)

    missing = None
    if unserved is not None:
        missing = np.full(hours.hours, np.nan)
        missing[: facts.past_hours] = unserved.sum(axis=0)
        missing = known(missing, measured)
    return Hourly(
        start=facts.start,
        input_tok_s=known(np.nansum(hours.input_tok_s, axis=0), measured),
        output_tok_s=known(np.nansum(hours.output_tok_s, axis=0), measured),
        utilization=known(hours.fleet_utilization, measured),
        base_nodes=known(hours.base_nodes, past),
        burst_nodes={offer: known(nodes, past) for offer, nodes in hours.burst_nodes.items()},
        cost_usd=known(hours.cost_usd.sum(axis=0) + hours.shared_cost_usd, past),
        unserved_tok_s=missing,
    )


def utilization(month: Reckoning) -> Utilization | None:
    """Busy over paid node-hours of all models where both are known, and of the busiest hour."""
    hours = month.hours
    known = ~np.isnan(hours.busy_nodes)
    on = float(hours.nodes.sum(axis=1)[known].sum())
    peaks = hours.fleet_utilization[: month.facts.past_hours]
    if on <= 0 or np.isnan(peaks).all():
        return None
    return Utilization(mean=float(hours.busy_nodes[known].sum()) / on, peak=float(np.nanmax(peaks)))


def unserved_ratio(month: Reckoning) -> float | None:
    """Tokens not served over tokens asked for; None: not recorded, or nothing asked for."""
    unserved = unserved_tok_s(month.facts, list(month.hours.models))
    if unserved is None:
        return None
    asked = float(np.nansum(month.hours.input_tok_s) + np.nansum(month.hours.output_tok_s) + unserved.sum())
    return float(unserved.sum()) / asked if asked > 0 else None


def trend(month: Reckoning) -> tuple[TrendPoint, ...]:
    """Cost per million tokens of the months before and of this one."""
    facts = month.facts
    tokens = _tokens(month.hours.input_tok_s) + _tokens(month.hours.output_tok_s)
    points = [(one.month, one.bill_usd, one.tokens) for one in facts.earlier]
    points.append((facts.month, month.bill.bill_usd, round(tokens) if month.has_usage else None))
    return tuple(
        TrendPoint(
            month=name, bill_usd=bill, cost_usd_mtok=None if not count or not bill else per_mtok(bill, float(count))
        )
        for name, bill, count in points
    )


def _lines(month: Reckoning) -> tuple[SpendLine, ...]:
    """The bill by kind; what grows with traffic is burst and egress."""
    bill = month.bill
    base = sum((one.amount_usd for one in bill.leases if one.lease.is_base), ZERO)
    lines = [("base fees", base, False), ("burst", bill.leases_usd - base, True), ("setup fees", bill.setup_usd, False)]
    for what in dict.fromkeys(one.cost.what for one in bill.others):
        amount = sum((one.amount_usd for one in bill.others if one.cost.what == what), ZERO)
        lines.append((what, amount, is_egress(what)))
    return tuple(
        SpendLine(what=what, amount_usd=amount, grows_with_traffic=grows) for what, amount, grows in lines if amount
    )


def _input_work_ratio(month: Reckoning, m: int) -> float | None:
    """Input's part of the model's busy time: what output does not take of it."""
    hours = month.hours
    known = hours.is_measured & ~np.isnan(hours.busy_nodes[m]) & ~np.isnan(hours.output_node_s[m])
    busy = float(hours.busy_nodes[m][known].sum()) * SECONDS_PER_HOUR
    if busy <= 0:
        return None
    mtok = hours.output_tok_s[m][known] * SECONDS_PER_HOUR / TOKENS_PER_MTOK
    return min(max(1 - float((hours.output_node_s[m][known] * mtok).sum()) / busy, 0.0), 1.0)


def _tokens(tok_s: Floats) -> float:
    return float(np.nansum(tok_s)) * SECONDS_PER_HOUR
