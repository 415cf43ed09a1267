"""The next month at what nodes were measured to do, where that is not what their profiles say. Solves a plan.

A row of `FleetUse` that has drifted scales the rates of its offer for its model; all else stays as planned.
"""

from dataclasses import replace

from planner.case import Case, solve_case
from planner.errors import InputError
from planner.measure.offer_use import FleetUse, OfferUse
from planner.month.value import AtMeasuredRates, MeasuredFactor
from planner.optimize.walk import Effort
from planner.profile.model import Model, Unfit
from planner.profile.rate import rates_for

PLACES = 3
"""Of a factor: what was measured is not known to more."""


def at_measured_rates(
    case: Case, use: FleetUse | None, effort: Effort | None
) -> tuple[AtMeasuredRates | None, tuple[str, ...]]:
    """The plan of the case at the measured rates, and why there is none; None without remark: nothing has drifted."""
    if use is None:
        return None, ()
    said = _not_planned(case, use)
    factors = tuple(one for row in use.rows if (one := _factor(case, row)) is not None)
    if not factors:
        return None, said
    models = tuple(_at(model, factors) for model in case.fleet.models)
    try:
        plan = solve_case(replace(case, fleet=replace(case.fleet, models=models)), effort).plan
    except InputError as error:
        return AtMeasuredRates(factors=factors, plan=None), (*said, f"not planned at the measured rates: {error}")
    return AtMeasuredRates(factors=factors, plan=plan), said


def _not_planned(case: Case, use: FleetUse) -> tuple[str, ...]:
    """Rows that have drifted and cannot be planned with: of another fleet's models, or offers that are left out."""
    names = {model.name for model in case.fleet.models}
    return tuple(
        f"{row.offer} with {row.model}: has drifted from its profile, and is not among what the next month may rent"
        for row in use.rows
        if row.has_drifted and (row.model not in names or row.offer not in case.catalog)
    )


def _factor(case: Case, row: OfferUse) -> MeasuredFactor | None:
    """What the offer's factor is to be: what it is, times what was measured over what it is rated at by it.

    None where that is no drift, or the offer is not planned with.
    """
    model = next((one for one in case.fleet.models if one.name == row.model), None)
    if model is None or row.offer not in case.catalog:
        return None
    rates = rates_for(model, case.catalog[row.offer], case.profiles, measured_only=False)
    ratio = row.throughput_ratio if isinstance(rates, Unfit) else row.ratio_to(rates.decode_tok_s)
    if ratio is None or not row.is_drift(ratio):
        return None
    return MeasuredFactor(
        model=row.model,
        offer=row.offer,
        throughput_ratio=ratio,
        throughput_factor=round(model.own_factor_on(row.offer) * ratio, PLACES),
    )


def _at(model: Model, factors: tuple[MeasuredFactor, ...]) -> Model:
    own = {one.offer: one.throughput_factor for one in factors if one.model == model.name}
    return replace(model, throughput_factor_by_offer={**model.throughput_factor_by_offer, **own}) if own else model
