"""Variance: why the month's bill is not the planned one. Pure; Decimal, to a millionth of a dollar.

For each model, C the planned cost of its nodes, s the input's part of its planned work, and planned and actual tokens:

    volume      = sum of C (s I / I_planned + (1 - s) O / O_planned - 1)     planned unit costs times the difference
    price       = sum over leases of (charge - charge of the same lease at the planned price)
    utilization = nodes_actual - nodes_planned - volume - price
    other       = setup fees, egress and other costs, actual less planned

With one model the first is c_in (I - I_planned) + c_out (O - O_planned), c_in and c_out the plan's unit costs of nodes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import numpy as np

from planner.economics.bill import LeaseCharge, lease_charge
from planner.economics.plan_spend import spend_of_plan
from planner.economics.spend import ModelSpend
from planner.month.facts import HOUR, MonthFacts, Reckoning
from planner.month.value import Variance
from planner.plan import OfferTerms, Plan
from policies.billing import Billing, Tariff, charge_usd, horizon_fee_usd, months_in
from policies.units import SECONDS_PER_HOUR

ZERO = Decimal(0)
MILLIONTH = Decimal("0.000001")


def variance(month: Reckoning) -> tuple[Variance | None, tuple[str, ...]]:
    """The variance of a month with a plan; or None, and why there is none."""
    facts = month.facts
    if facts.planned is None:
        return None, (f"no plan is recorded for {facts.month}: no variance, and nothing to compare the month with",)
    plan = facts.planned.plan
    if plan.start > facts.start or plan.end < facts.known_until:
        return None, (
            f"the plan covers {plan.start:%Y-%m-%d} to {plan.end:%Y-%m-%d}, not all of the month: no variance",
        )
    if not month.bill.leases:
        return None, ("no lease is recorded in the month: its bill is not known, so there is no variance",)
    if not month.has_usage:
        return None, ("nothing was measured in the month: volume is unknown, so there is no variance",)
    window = _Window(facts=facts, plan=plan, start=facts.start, end=facts.known_until)
    planned = _planned(window)
    traffic, said = _traffic(month, window)
    priced, unpriced = _price_effect(month, plan)
    nodes_planned, nodes_actual = _fine(planned.nodes_usd), _fine(month.bill.leases_usd)
    volume = _fine(_volume(planned, traffic))
    price = _fine(priced)
    other_planned = _fine(planned.setup_usd + planned.egress_usd)
    other_actual = _fine(month.bill.setup_usd + month.bill.others_usd)
    return Variance(
        planned_usd=nodes_planned + other_planned,
        actual_usd=nodes_actual + other_actual,
        nodes_planned_usd=nodes_planned,
        nodes_actual_usd=nodes_actual,
        volume_usd=volume,
        price_usd=price,
        utilization_usd=nodes_actual - nodes_planned - volume - price,
        other_usd=other_actual - other_planned,
        remarks=(*_remarks(month, window, planned), *said, *unpriced),
    ), ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """What is compared: the month, up to where it is known, and the plan's hours in it."""

    facts: MonthFacts
    plan: Plan
    start: datetime
    end: datetime

    @property
    def is_whole_month(self) -> bool:
        return self.end == self.facts.end

    @property
    def is_whole_plan(self) -> bool:
        return self.start == self.plan.start and self.end == self.plan.end


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """The plan's costs in the window, and what each model was to cost and serve over the whole plan."""

    nodes_usd: Decimal
    setup_usd: Decimal
    egress_usd: Decimal
    models: tuple[ModelSpend, ...]
    """Their costs say how the nodes' cost divides among models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traffic:
    """One model's tokens over the hours that were measured, planned and served."""

    planned_input: float
    planned_output: float
    input: float
    output: float


def _planned(window: _Window) -> _Planned:
    plan = window.plan
    models = spend_of_plan(plan).models
    cost = plan.cost
    if window.is_whole_plan:
        return _Planned(
            nodes_usd=cost.base_fees_usd + cost.burst_usd,
            setup_usd=cost.setup_usd,
            egress_usd=cost.egress_usd,
            models=models,
        )
    part = months_in(window.start, window.end) / months_in(plan.start, plan.end)
    base = sum((count * _base_usd(window, key) for key, count in plan.base.items()), ZERO)
    return _Planned(
        nodes_usd=base + _burst_usd(window),
        setup_usd=cost.setup_usd * part,
        egress_usd=cost.egress_usd * part,
        models=models,
    )


def _base_usd(window: _Window, key: str) -> Decimal:
    """What the plan's fee of one base node comes to in the window, by the rule it is billed by."""
    plan, terms = window.plan, window.plan.offers[key]
    fee = _planned_fee(plan, terms)
    if window.is_whole_month or fee is None:
        hours = Decimal((window.end - window.start) // HOUR)
        return (terms.fee_usd_horizon or ZERO) * hours / plan.hours if fee is None else fee
    price = _catalog_price(window.facts, terms, fee)
    if terms.billing is Billing.MONTH or price is not None:
        tariff = Tariff(billing=terms.billing, price_usd_hour=price, fee_usd_month=fee)
        return charge_usd(tariff, window.start, window.end)
    return horizon_fee_usd(Tariff(billing=Billing.MONTH, fee_usd_month=fee), window.start, window.end)


def _planned_fee(plan: Plan, terms: OfferTerms) -> Decimal | None:
    """Fee of a calendar month; None for an offer without fees, such as a base node by the hour."""
    if terms.fee_usd_horizon is None or terms.billing in (Billing.STARTED_HOUR, Billing.SECOND):
        return None
    return terms.fee_usd_horizon / months_in(plan.start, plan.end)


def _catalog_price(facts: MonthFacts, terms: OfferTerms, fee: Decimal) -> Decimal | None:
    """Hourly price beside a planned cap, as the catalog's stands to the catalog's cap."""
    if terms.billing is not Billing.STARTED_HOUR_CAPPED or terms.offer_id not in facts.catalog:
        return None
    offer = facts.catalog[terms.offer_id]
    if offer.price_usd_hour is None or not offer.fee_usd_month:
        return None
    return offer.price_usd_hour * fee / offer.fee_usd_month


def _burst_usd(window: _Window) -> Decimal:
    """Planned burst in the window: the scenario shown says when, the plan's expectation how much."""
    charged = held = ZERO
    for lease in window.plan.leases:
        length = lease.end - lease.start
        inside = max(min(lease.end, window.end) - max(lease.start, window.start), length * 0)
        charged += lease.charge_usd
        held += lease.charge_usd * Decimal(inside.total_seconds()) / Decimal(length.total_seconds())
    return window.plan.cost.burst_usd * held / charged if charged else ZERO


def _traffic(month: Reckoning, window: _Window) -> tuple[dict[str, _Traffic], tuple[str, ...]]:
    """Tokens by model in the hours both planned and measured."""
    hours, plan = month.hours, window.plan
    known = hours.is_measured.copy()
    known[month.facts.past_hours :] = False
    first = (window.start - plan.start) // HOUR
    found = {}
    for name in {*plan.models, *hours.models}:
        planned = np.zeros((2, hours.hours))
        for index, hour in enumerate(plan.hours_detail[first : first + hours.hours]):
            part = hour.by_model.get(name)
            if part is not None:
                served = 1 - part.unserved_ratio
                planned[:, index] = part.input_tok_s * served, part.output_tok_s * served
        actual = np.zeros((2, hours.hours))
        if name in hours.models:
            m = hours.models.index(name)
            actual = np.stack([hours.input_tok_s[m], hours.output_tok_s[m]])
        totals = [float(row[known].sum()) * SECONDS_PER_HOUR for row in (*planned, *actual)]
        found[name] = _Traffic(planned_input=totals[0], planned_output=totals[1], input=totals[2], output=totals[3])
    said = tuple(
        f"{name}: was not planned; the nodes it used stand under utilization"
        for name, one in sorted(found.items())
        if one.planned_input + one.planned_output == 0 and one.input + one.output > 0
    )
    return found, said


def _volume(planned: _Planned, traffic: Mapping[str, _Traffic]) -> Decimal:
    """What the traffic that came would have cost at planned unit costs, less what was planned."""
    total = sum((model.cost_usd for model in planned.models), ZERO)
    effect = ZERO
    for model in planned.models:
        one = traffic[model.model]
        share = _input_share(model)
        if not total or share is None:
            continue
        grown = ZERO
        for part, came, expected in (
            (share, one.input, one.planned_input),
            (1 - share, one.output, one.planned_output),
        ):
            if expected > 0:
                grown += part * (Decimal(repr(came)) / Decimal(repr(expected)) - 1)
        effect += planned.nodes_usd * model.cost_usd / total * grown
    return effect


def _input_share(model: ModelSpend) -> Decimal | None:
    return None if model.input_work_ratio is None else Decimal(repr(model.input_work_ratio))


def _price_effect(month: Reckoning, plan: Plan) -> tuple[Decimal, tuple[str, ...]]:
    """Charges less the charges of the same leases at planned prices; and what had no planned price."""
    effect, unknown = ZERO, dict[str, Decimal]()
    for charge in month.bill.leases:
        tariff = _planned_tariff(month.facts, plan, charge)
        if tariff is None:
            offer = charge.lease.offer
            unknown[offer] = unknown.get(offer, ZERO) + charge.amount_usd
            continue
        lease = replace(charge.lease, price=replace(charge.lease.price, tariff=tariff))
        planned = lease_charge(lease, month.bill.start, month.bill.end, as_of=month.bill.as_of)
        effect += charge.amount_usd - (planned.amount_usd if planned is not None else ZERO)
    return effect, tuple(
        f"{offer}: neither the plan nor a price of its time says what it was to cost; its USD {usd:,.2f} have no "
        "price effect"
        for offer, usd in sorted(unknown.items())
    )


def _planned_tariff(facts: MonthFacts, plan: Plan, charge: LeaseCharge) -> Tariff | None:
    """The lease's own rule at the planned price: of the plan's terms, else of the catalog where its price is as old."""
    tariff = charge.lease.price.tariff
    if charge.lease.is_base:
        fee = _mean_fee(plan, charge.lease.offer)
        if fee is not None and tariff.fee_usd_month is not None:
            return _scaled(tariff, fee / tariff.fee_usd_month)
        hourly = _mean_hourly(plan, charge.lease.offer)
        if fee is None and hourly is not None and tariff.price_usd_hour is not None:
            return _scaled(tariff, hourly / tariff.price_usd_hour)
    else:
        terms = next((one for one in _terms_of(plan, charge.lease.offer) if one.rate_usd_hour is not None), None)
        if terms is not None and terms.rate_usd_hour is not None and tariff.price_usd_hour is not None:
            cap = terms.cap_usd_month or tariff.fee_usd_month
            return replace(tariff, price_usd_hour=terms.rate_usd_hour, fee_usd_month=cap)
    if charge.lease.offer in facts.catalog:
        offer = facts.catalog[charge.lease.offer]
        for known, asked in (
            (offer.fee_usd_month, tariff.fee_usd_month),
            (offer.price_usd_hour, tariff.price_usd_hour),
        ):
            if offer.price_date <= plan.start.date() and known is not None and asked is not None:
                return _scaled(tariff, known / asked)
    return None


def _terms_of(plan: Plan, offer: str) -> Iterator[OfferTerms]:
    return (terms for terms in plan.offers.values() if terms.offer_id == offer)


def _mean_fee(plan: Plan, offer: str) -> Decimal | None:
    """Planned fee of a month of the offer's base nodes, mean of those in the plan: owned ones may differ."""
    return _mean(plan, offer, {key: _planned_fee(plan, terms) for key, terms in plan.offers.items()})


def _mean_hourly(plan: Plan, offer: str) -> Decimal | None:
    """Planned price of an hour of a base node without a fee."""
    return _mean(
        plan,
        offer,
        {
            key: None if terms.fee_usd_horizon is None else terms.fee_usd_horizon / plan.hours
            for key, terms in plan.offers.items()
        },
    )


def _mean(plan: Plan, offer: str, usd: Mapping[str, Decimal | None]) -> Decimal | None:
    keys = [key for key, terms in plan.offers.items() if terms.offer_id == offer and usd[key] is not None]
    counts = {key: plan.base.get(key, 0) for key in keys}
    if not any(counts.values()):
        counts = dict.fromkeys(keys, 1)
    total = sum(counts.values())
    return sum((count * (usd[key] or ZERO) for key, count in counts.items()), ZERO) / total if total else None


def _scaled(tariff: Tariff, factor: Decimal) -> Tariff:
    """The same rule with every price multiplied."""
    return replace(
        tariff,
        price_usd_hour=None if tariff.price_usd_hour is None else tariff.price_usd_hour * factor,
        fee_usd_month=None if tariff.fee_usd_month is None else tariff.fee_usd_month * factor,
    )


def _remarks(month: Reckoning, window: _Window, planned: _Planned) -> tuple[str, ...]:
    plan, facts = window.plan, month.facts
    said = []
    if not window.is_whole_month:
        said.append(
            f"the month is not over: compared is {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC, "
            "planned and actual"
        )
    if month.gap_hours:
        said.append(
            f"in {month.gap_hours} of {facts.past_hours} hours nothing was measured; volume takes them to differ from "
            "the plan as the measured hours do"
        )
    if len(plan.scenarios) > 1:
        said.append(f"planned traffic by the hour is that of scenario {plan.scenario_shown!r}")
    if len(plan.models) > 1:
        said.append("volume is reckoned model by model, at each model's planned unit costs")
    if month.bill.setup_usd or planned.setup_usd:
        said.append(
            f"the plan spreads setup fees over {plan.policy.tenure_months} months, the bill has them in the month they "
            "fall due; the difference stands under other"
        )
    return tuple(said)


def _fine(usd: Decimal) -> Decimal:
    return usd.quantize(MILLIONTH)
