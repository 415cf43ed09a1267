"""A saved plan as a controller reads it: levels by hour, base nodes, and the pools it may launch from. Pure.

A plan of other dates than those replayed (or run) is laid over them: by hour of the week where it has a whole week,
else from its first hour on, again and again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from autoscaler.fleet import FleetPlan, PlannedHour
from autoscaler.replay.world import BaseNodes
from planner.dispatch import work_nodes
from planner.plan import HourDetail, Plan
from policies.billing import Tariff

HOUR = timedelta(hours=1)
WEEK_H = 168


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """A plan over [start, start + hours)."""

    levels: FleetPlan
    base: tuple[BaseNodes, ...]
    remarks: tuple[str, ...]


def laid_over(plan: Plan, start: datetime, hours: int, *, models: Sequence[str]) -> Laid:
    """The plan's levels and base nodes for `models` over so many hours from `start`, which begins an hour."""
    remarks: list[str] = []
    at = [start + index * HOUR for index in range(hours)]
    if start >= plan.start and at[-1] < plan.end:
        chosen = [plan.hours_detail[(moment - plan.start) // HOUR] for moment in at]
    else:
        chosen = [plan.hours_detail[_place(plan, moment, start)] for moment in at]
        how = "by hour of the week" if plan.hours >= WEEK_H else "from its first hour on"
        remarks.append(f"the plan is of {plan.start:%Y-%m-%d} to {plan.end:%Y-%m-%d}; it is laid over the dates {how}")
    levels = {
        model: {moment: _planned(plan, hour, model, reference) for moment, hour in zip(at, chosen, strict=True)}
        for model in models
        if model in plan.models
        for reference in (reference_of(plan, model),)
    }
    base = base_nodes(plan, hours, models)
    if hours != plan.hours and base:
        remarks.append(
            f"base fees are those of the plan's {plan.hours} hours in proportion to the {hours} hours replayed"
        )
    return Laid(levels=FleetPlan(hours=levels), base=base, remarks=tuple(remarks))


def reference_of(plan: Plan, model: str) -> str:
    """The offer whose node is work 1.0: the pool with most planned node-hours, else the cheapest that serves it."""
    rates = plan.models[model].rates
    planned: dict[str, int] = {}
    for hour in plan.hours_detail:
        for pool, count in _burst(hour, model).items():
            planned[pool] = planned.get(pool, 0) + count
    if planned:
        return max(sorted(planned), key=lambda pool: planned[pool])
    able = [key for key in sorted(plan.offers) if key in rates]
    burst = [key for key in able if plan.offers[key].role == "burst"]
    if not burst:
        return able[0]
    return min(burst, key=lambda key: float(plan.offers[key].rate_usd_hour or 0) / rates[key].decode_tok_s)


def tariff_of(plan: Plan, key: str) -> Tariff:
    """What a lease of a burst offer is charged by."""
    terms = plan.offers[key]
    return Tariff(
        billing=terms.billing,
        price_usd_hour=terms.rate_usd_hour,
        fee_usd_month=terms.cap_usd_month,
        is_spot=terms.is_spot,
    )


def base_nodes(plan: Plan, hours: int, models: Sequence[str]) -> tuple[BaseNodes, ...]:
    """The plan's base nodes over so many hours, by offer and the model each serves in most hours.

    Their bill is the plan's, setup spread as in it, in proportion to the hours.
    """
    found = []
    for offer, count in plan.base.items():
        terms = plan.offers[offer]
        each = ((terms.fee_usd_horizon or Decimal(0)) + (terms.setup_usd_horizon or Decimal(0))) * hours / plan.hours
        for model, nodes in _shared(plan, offer, count, models).items():
            if nodes:
                found.append(BaseNodes(offer=offer, model=model, count=nodes, bill_usd=each * nodes))
    return tuple(found)


def _shared(plan: Plan, offer: str, count: int, models: Sequence[str]) -> Mapping[str, int]:
    """The offer's nodes by model: their mean over the plan's hours, rounded so that they sum to `count`."""
    able = [model for model in models if model in plan.models and offer in plan.models[model].rates]
    if not able:
        return {}
    mean = {model: sum(_base(hour, model).get(offer, 0) for hour in plan.hours_detail) / plan.hours for model in able}
    total = sum(mean.values())
    if total <= 0:
        return {able[0]: count}
    share = {model: count * mean[model] / total for model in able}
    nodes = {model: int(share[model]) for model in able}
    for model in sorted(able, key=lambda one: nodes[one] - share[one])[: count - sum(nodes.values())]:
        nodes[model] += 1
    return nodes


def _planned(plan: Plan, hour: HourDetail, model: str, reference: str) -> PlannedHour:
    part = hour.by_model.get(model)
    if part is None:
        return PlannedHour(work_nodes=0.0, burst={})
    terms = plan.models[model]
    rates = terms.rates[reference]
    return PlannedHour(
        work_nodes=work_nodes(part.input_tok_s, part.output_tok_s, terms.cache_hit_ratio, rates),
        burst=dict(part.burst),
    )


def _burst(hour: HourDetail, model: str) -> Mapping[str, int]:
    return hour.by_model[model].burst if model in hour.by_model else {}


def _base(hour: HourDetail, model: str) -> Mapping[str, int]:
    return hour.by_model[model].base if model in hour.by_model else {}


def _place(plan: Plan, moment: datetime, start: datetime) -> int:
    """Index of the plan's hour that stands for `moment`."""
    if plan.hours >= WEEK_H:
        return ((moment - plan.start) // HOUR) % WEEK_H
    return ((moment - start) // HOUR) % plan.hours
