"""What prices are made of: each model's spend, and the machines that served it, of a plan or of hours gone by. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from planner.catalog.stale import stale_remarks
from planner.economics.plan_spend import spend_of_plan
from planner.economics.spend import ModelSpend
from planner.plan import Plan
from planner.profile.model import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineUse:
    """One offer, as far as it serves one model."""

    offer: str
    """Id in the catalog."""
    usd_hour: Decimal | None
    """None: unknown."""
    node_hours: Decimal
    is_spot: bool
    rates: Rates | None
    """Of the model on it; None: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBasis:
    """What a price per token rests on."""

    source: str
    """What a person calls it, for errors: plan.json, month 2026-11."""
    span: str
    """In words, for descriptions: "plan for 2026-12-01 to 2026-12-31"."""
    models: tuple[ModelSpend, ...]
    machines: Mapping[str, tuple[MachineUse, ...]]
    """By model, the most node-hours first."""
    remarks: tuple[str, ...] = ()


def plan_basis(plan: Plan, *, source: str) -> PriceBasis:
    """What a plan expects to pay and to serve."""
    return PriceBasis(
        source=source,
        span=f"plan for {plan.start:%Y-%m-%d} to {plan.end:%Y-%m-%d}",
        models=spend_of_plan(plan, source=source).models,
        machines={name: _machines(plan, name) for name in plan.models},
        remarks=stale_remarks(plan.rented.items()),
    )


def _machines(plan: Plan, model: str) -> tuple[MachineUse, ...]:
    """In the scenario shown."""
    hours: dict[str, Decimal] = {}
    for hour in plan.hours_detail:
        part = hour.by_model.get(model)
        if part is None:
            continue
        for key, count in (*part.base.items(), *part.burst.items()):
            hours[key] = hours.get(key, Decimal(0)) + count
    found: dict[str, MachineUse] = {}
    for key, held in hours.items():
        terms = plan.offers[key]
        usd = terms.rate_usd_hour
        if usd is None and terms.fee_usd_horizon is not None:
            usd = terms.fee_usd_horizon / plan.hours
        if held:
            before = found.get(terms.offer_id)
            found[terms.offer_id] = MachineUse(
                offer=terms.offer_id,
                usd_hour=usd if before is None else before.usd_hour,
                node_hours=held + (Decimal(0) if before is None else before.node_hours),
                is_spot=terms.is_spot,
                rates=plan.models[model].rates.get(key),
            )
    return by_use(found.values())


def by_use(machines: Iterable[MachineUse]) -> tuple[MachineUse, ...]:
    """The most node-hours first."""
    return tuple(sorted(machines, key=lambda one: (-one.node_hours, one.offer)))
