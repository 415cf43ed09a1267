"""What prices are made of where hours gone by are: a calendar month as its report has it, or the last days. Pure.

A month is its bill over what it served, as `report` says. The last days are the hours in which usage was measured:
what their nodes cost, those without a model shared by use, other costs by time, setup fees over the policy's tenure,
over the tokens of the same hours. Hours in which the collector was off count neither way.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from planner.catalog.offer_id import OfferId
from planner.economics.bill import LeaseCharge
from planner.economics.spend import ModelSpend
from planner.economics.unit import exact
from planner.errors import InputError
from planner.month.facts import Reckoning
from planner.month.spend import spend_of_month
from planner.publish.basis import MachineUse, PriceBasis, by_use
from policies.billing import months_in
from policies.units import SECONDS_PER_HOUR

HOUR = timedelta(hours=1)
ZERO = Decimal(0)
Mask = NDArray[np.bool_]


def month_basis(month: Reckoning) -> PriceBasis:
    """A calendar month, up to now where it is not over. Raises InputError where no usage of it was measured."""
    if not month.has_usage:
        raise InputError(f"month {month.facts.month}: no usage of it was measured; expected some, to price a token by")
    spend = spend_of_month(month)
    past = np.arange(month.hours.hours) < month.facts.past_hours
    span = f"month {month.facts.month}"
    if month.facts.known_until < month.facts.end:
        span += f" up to {month.facts.known_until:%Y-%m-%d %H:%M} UTC"
    return _basis(span, span, spend.models, [(month, past)], month.charges.remarks)


def trailing_basis(months: Sequence[Reckoning], start: datetime, end: datetime) -> PriceBasis:
    """The measured hours of [start, end), full hours UTC, of the months it touches.

    Raises InputError where none was measured.
    """
    parts = [(month, _inside(month, start, end) & month.hours.is_measured) for month in months]
    measured = sum(int(mask.sum()) for _, mask in parts)
    span = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    if not measured:
        raise InputError(f"{span}: no usage of it was measured; expected some, to price a token by")
    hours = (end - start) // HOUR
    remarks = [remark for month in months for remark in month.hours.remarks]
    if measured < hours:
        span += f" ({measured} of {hours} hours measured)"
        remarks.append(f"{hours - measured} of {hours} hours were not measured: neither cost nor tokens of them count")
    totals: dict[str, _Total] = {}
    shared = ZERO
    for month, mask in parts:
        _add(totals, month, mask)
        shared += exact(float(month.hours.shared_cost_usd[mask].sum())) + _setup_usd(month, mask, start, end)
    weights = _weights(totals)
    models = tuple(one.spend(name, shared * weights[name]) for name, one in sorted(totals.items()))
    return _basis(span, span, models, parts, tuple(dict.fromkeys(remarks)))


@dataclass(slots=True)
class _Total:
    """One model over the hours that count."""

    own_usd: float = 0.0
    usage_usd: float = 0.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    busy_node_h: float = 0.0
    """Of hours in which it is known, as of the next two."""
    on_node_h: float = 0.0
    output_node_h: float = 0.0
    is_known: bool = False

    def spend(self, name: str, shared_usd: Decimal) -> ModelSpend:
        """Its cost with its part of what is shared."""
        ratio = None
        if self.busy_node_h > 0:
            ratio = min(max(1 - self.output_node_h / self.busy_node_h, 0.0), 1.0)
        return ModelSpend(
            model=name,
            cost_usd=exact(self.own_usd) + shared_usd,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            input_work_ratio=ratio,
            utilization=self.busy_node_h / self.on_node_h if self.on_node_h > 0 else None,
            usage_usd=exact(self.usage_usd) if self.is_known else None,
        )


def _add(totals: dict[str, _Total], month: Reckoning, mask: Mask) -> None:
    """A month's hours that count, model by model."""
    hours = month.hours
    for m, name in enumerate(hours.models):
        one = totals.setdefault(name, _Total())
        cost, on, busy = hours.cost_usd[m], hours.nodes[m].sum(axis=0), hours.busy_nodes[m]
        known = mask & ~np.isnan(busy)
        one.own_usd += float(cost[mask].sum())
        one.input_tokens += float(np.nansum(hours.input_tok_s[m][mask])) * SECONDS_PER_HOUR
        one.output_tokens += float(np.nansum(hours.output_tok_s[m][mask])) * SECONDS_PER_HOUR
        one.busy_node_h += float(busy[known].sum())
        one.on_node_h += float(on[known].sum())
        one.usage_usd += float((cost * np.nan_to_num(hours.utilization[m]))[known].sum())
        one.output_node_h += float(np.nansum((hours.output_node_s[m] * hours.output_tok_s[m] / 1e6)[known]))
        one.is_known = one.is_known or bool((on[known] > 0).any())


def _weights(totals: dict[str, _Total]) -> dict[str, Decimal]:
    """What is shared by use; where no use is known by own cost; else evenly. They sum to 1."""
    if not totals:
        return {}
    for values in (
        {name: one.usage_usd for name, one in totals.items()},
        {name: one.own_usd for name, one in totals.items()},
        dict.fromkeys(totals, 1.0),
    ):
        total = sum(values.values())
        if total > 0:
            return {name: exact(value) / exact(total) for name, value in values.items()}
    raise AssertionError("one each is above 0")


def _setup_usd(month: Reckoning, mask: Mask, start: datetime, end: datetime) -> Decimal:
    """The part of setup fees that falls on the hours that count, each fee spread over the tenure from its order."""
    inside = int(_inside(month, start, end).sum())
    if not inside:
        return ZERO
    tenure = month.facts.fleet.policy.tenure_months
    total = ZERO
    for charge in month.bill.leases:
        fee = charge.lease.price.setup_fee_usd
        begins, until = max(charge.held_from, start), min(charge.held_until, end)
        if not fee or begins >= until:
            continue
        at, left = months_in(charge.lease.start, begins), months_in(charge.lease.start, until)
        total += fee * (min(left, Decimal(tenure)) - min(at, Decimal(tenure))) / tenure
    return total * int(mask.sum()) / inside


def _inside(month: Reckoning, start: datetime, end: datetime) -> Mask:
    first, last = (start - month.hours.start) // HOUR, (end - month.hours.start) // HOUR
    at = np.arange(month.hours.hours)
    inside: Mask = (at >= first) & (at < last)
    return inside


def _basis(
    source: str,
    span: str,
    models: Iterable[ModelSpend],
    parts: Sequence[tuple[Reckoning, Mask]],
    remarks: tuple[str, ...],
) -> PriceBasis:
    """The fleet's models; one it does not know is said, and has no price."""
    known = {model.name for month, _ in parts for model in month.facts.fleet.models}
    models = tuple(models)
    strangers = [one.model for one in models if one.model not in known]
    said = tuple(f"{name} was served and is no model of the fleet: it gets no price" for name in strangers)
    kept = tuple(one for one in models if one.model in known)
    machines = {one.model: _machines(one.model, parts) for one in kept}
    return PriceBasis(source=source, span=span, models=kept, machines=machines, remarks=(*remarks, *said))


def _machines(model: str, parts: Sequence[tuple[Reckoning, Mask]]) -> tuple[MachineUse, ...]:
    """The nodes of the model in the hours that count; without any, those of no model in particular."""
    own: dict[str, float] = {}
    shared: dict[str, float] = {}
    for month, mask in parts:
        hours = month.hours
        for p, pool in enumerate(hours.pools):
            shared[pool.offer] = shared.get(pool.offer, 0.0) + float(hours.shared_nodes[p][mask].sum())
            if model in hours.models:
                nodes = hours.nodes[hours.models.index(model), p][mask]
                own[pool.offer] = own.get(pool.offer, 0.0) + float(nodes.sum())
    held = own if any(own.values()) else shared
    return by_use(_machine(model, offer, node_h, parts) for offer, node_h in held.items() if node_h > 0)


def _machine(model: str, offer: str, node_h: float, parts: Sequence[tuple[Reckoning, Mask]]) -> MachineUse:
    """At what an hour of it was charged on average in the hours that count, with the rates it was reckoned with."""
    charged_usd, charged_h = ZERO, ZERO
    rates = None
    for month, mask in parts:
        for charge in month.bill.leases:
            if charge.lease.offer == offer and charge.lease.model in (model, None):
                held_h, counted_h = exact((charge.held_until - charge.held_from) / HOUR), _counted_h(charge, mask)
                charged_usd += charge.amount_usd * counted_h / held_h
                charged_h += counted_h
        rates = month.rates.get((model, offer), rates)
    return MachineUse(
        offer=offer,
        usd_hour=charged_usd / charged_h if charged_h else None,
        node_hours=exact(node_h),
        is_spot=OfferId.of(offer).is_spot,
        rates=rates,
    )


def _counted_h(charge: LeaseCharge, mask: Mask) -> Decimal:
    """Hours the lease was held in those that count."""
    first, last = (charge.held_from - charge.month) / HOUR, (charge.held_until - charge.month) / HOUR
    return exact(float(np.diff(np.clip(np.arange(len(mask) + 1), first, last))[mask].sum()))
