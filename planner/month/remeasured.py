"""The next month at what nodes were measured to do, where that is not what their profiles say. Solves a plan.

A row of `FleetUse` that has drifted scales the rates of its offer for its model; all else stays as planned.
"""

from collections.abc import Mapping
from dataclasses import replace

from planner.case import Case, solve_case
from planner.errors import InputError
from planner.measure.offer_use import FleetUse, OfferUse
from planner.month.value import AtMeasuredRates, MeasuredFactor
from planner.optimize.walk import Effort
from planner.profile.model import Model

PLACES = 3
"""Of a factor: what was measured is not known to more."""


def at_measured_rates(
    case: Case, use: FleetUse | None, effort: Effort | None
) -> tuple[AtMeasuredRates | None, tuple[str, ...]]:
    """The plan of the case at the measured rates, and why there is none; None without remark: nothing has drifted."""
    drifted = {} if use is None else _drifted(case, use)
    if not drifted:
        return None, ()
    factors = tuple(_factor(case, row) for row in drifted.values())
    models = tuple(_at(model, factors) for model in case.fleet.models)
    try:
        plan = solve_case(replace(case, fleet=replace(case.fleet, models=models)), effort).plan
    except InputError as error:
        return AtMeasuredRates(factors=factors, plan=None), (f"not planned at the measured rates: {error}",)
    return AtMeasuredRates(factors=factors, plan=plan), ()


def _drifted(case: Case, use: FleetUse) -> Mapping[tuple[str, str], OfferUse]:
    """Rows of the fleet's models whose offers may be rented."""
    names = {model.name for model in case.fleet.models}
    return {
        (row.model, row.offer): row
        for row in use.rows
        if row.has_drifted and row.model in names and row.offer in case.catalog
    }


def _factor(case: Case, row: OfferUse) -> MeasuredFactor:
    """What the offer's factor is to be: what it is, times what was measured over what it was rated at by it."""
    if row.throughput_ratio is None:
        raise ValueError(f"{row.offer} with {row.model}: has drifted, yet no throughput was measured")
    (model,) = (one for one in case.fleet.models if one.name == row.model)
    held = model.throughput_factor_by_offer.get(row.offer, 1.0)
    return MeasuredFactor(
        model=row.model,
        offer=row.offer,
        throughput_ratio=row.throughput_ratio,
        throughput_factor=round(held * row.throughput_ratio, PLACES),
    )


def _at(model: Model, factors: tuple[MeasuredFactor, ...]) -> Model:
    own = {one.offer: one.throughput_factor for one in factors if one.model == model.name}
    return replace(model, throughput_factor_by_offer={**model.throughput_factor_by_offer, **own}) if own else model
