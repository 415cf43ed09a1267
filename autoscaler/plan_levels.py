"""A saved plan as a controller reads it: the levels of each hour. Pure.

A plan of other dates than those replayed or run is laid over them: by hour of the week where it has a whole week,
else from its first hour on, again and again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from autoscaler.fleet import FleetPlan, PlannedHour
from planner.dispatch import work_nodes
from planner.plan import HourDetail, Plan
from policies.billing import Tariff

HOUR = timedelta(hours=1)
WEEK_H = 168


def laid_over(plan: Plan, start: datetime, hours: int, *, models: Sequence[str]) -> tuple[FleetPlan, tuple[str, ...]]:
    """The plan's levels for `models` over so many hours from `start`, which begins an hour; and remarks."""
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
    return FleetPlan(hours=levels), tuple(remarks)


def lasting(plan: Plan, now: datetime, *, models: Sequence[str], ahead: timedelta) -> FleetPlan:
    """The plan's levels for `models` on its own hours, and beyond them so far from `now` as if it went on.

    Whoever runs a plan past its end, or before its start, gets its hours laid over the dates, as a replay does.
    """
    here = now.replace(minute=0, second=0, microsecond=0)
    chosen = {hour.hour: hour for hour in plan.hours_detail}
    for index in range(-1, ahead // HOUR):
        moment = here + index * HOUR
        if moment not in chosen:
            chosen[moment] = plan.hours_detail[_place(plan, moment, plan.start)]
    return FleetPlan(
        hours={
            model: {moment: _planned(plan, hour, model, reference) for moment, hour in chosen.items()}
            for model in models
            if model in plan.models
            for reference in (reference_of(plan, model),)
        }
    )


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


def _place(plan: Plan, moment: datetime, start: datetime) -> int:
    """Index of the plan's hour that stands for `moment`."""
    if plan.hours >= WEEK_H:
        return ((moment - plan.start) // HOUR) % WEEK_H
    return ((moment - start) // HOUR) % plan.hours
