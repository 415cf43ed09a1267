"""MonthFacts: what is known of a month, and what it is reckoned with; Reckoning: its bill, hours and charges. Pure.

The leases are those that touch the month, the served hours those of the month. A month of which nothing is known has no
report; what is known in part has one that says what is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from planner.catalog.offer import Catalog
from planner.demand.horizon import month_span
from planner.economics.bill import MonthBill, month_bill
from planner.economics.chargeback import chargeback
from planner.economics.charges import Chargeback
from planner.economics.fleet_hours import FleetHours, fleet_hours
from planner.economics.market import HostedPrices
from planner.errors import InputError
from planner.fleet import Fleet
from planner.ledger import TEAM, Lease, OtherCost, PriceInForce, PublishedPrice, ServedHours
from planner.measure.offer_use import FleetUse
from planner.plan import Plan
from planner.profile.curve import Profile
from planner.profile.model import Rates
from planner.profile.rate import rates_for

HOUR = timedelta(hours=1)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierMonth:
    """A month before, for the trend."""

    month: str
    bill_usd: Decimal
    tokens: int | None
    """Input and output tokens served; None: not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOfMonth:
    """The plan recorded for the month."""

    plan: Plan
    saved_at: datetime | None
    """When it was recorded; None: unknown."""
    source: str
    """What a person calls it."""
    forecast_source: str | None = None
    forecast: str | None = None
    """Text of the file it was made for; None: not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFacts:
    """One calendar month (UTC): what was rented, served and planned, and the fleet it is reckoned with."""

    month: str
    """Such as 2026-11."""
    as_of: datetime
    """When the facts were read. Before the month's end it is not over."""
    leases: tuple[Lease, ...]
    """Those that touch the month."""
    others: tuple[OtherCost, ...] = ()
    served: ServedHours | None = None
    """None: nothing was measured in the month."""
    planned: PlanOfMonth | None = None
    earlier: tuple[EarlierMonth, ...] = ()
    """Of the ledger, oldest first."""
    previous_leases: tuple[Lease, ...] = ()
    """Those that touch the month before, for what prices did since."""
    prices: tuple[PriceInForce, ...] = ()
    """Prices the ledger knows beside those of leases, by offer and date; the newest of an offer last."""
    published: tuple[PublishedPrice, ...] = ()
    """What gateways charged in the month, as far as it was recorded."""
    announced: tuple[PublishedPrice, ...] = ()
    """What was announced in the month, to be charged from a day of its own."""
    use: FleetUse | None = None
    """What nodes did by offer and model; None: nobody was asked."""
    fleet: Fleet
    catalog: Catalog
    profiles: Mapping[str, Profile]
    hosted: HostedPrices | None = None
    """What hosted models cost, for tiers that are shares of the market; None: not looked up."""
    remarks: tuple[str, ...] = ()

    @property
    def start(self) -> datetime:
        """First instant of the month."""
        return month_span(self.month)[0]

    @property
    def end(self) -> datetime:
        """First instant of the month after."""
        return month_span(self.month)[1]

    @property
    def hours(self) -> int:
        """Hours of the calendar month."""
        return (self.end - self.start) // HOUR

    @property
    def known_until(self) -> datetime:
        """Up to when the month can be known: its end, or `as_of` where it is not over."""
        return min(self.end, max(self.as_of.astimezone(UTC), self.start))

    @property
    def past_hours(self) -> int:
        """Whole hours of the month that are over."""
        return (self.known_until - self.start) // HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """The month's bill, its hours, and who is charged."""

    facts: MonthFacts
    bill: MonthBill
    hours: FleetHours
    charges: Chargeback
    rates: Mapping[tuple[str, str], Rates]
    """(model, offer id) of what was rented; absent: unknown."""
    cache_hit_ratio: Mapping[str, float]

    @property
    def has_usage(self) -> bool:
        """Whether any hour of the month was measured."""
        return bool(self.hours.is_measured.any())

    @property
    def gap_hours(self) -> int:
        """Hours of the past part of the month that were not measured."""
        return int((~self.hours.is_measured[: self.facts.past_hours]).sum())


def reckon(facts: MonthFacts, *, by: str = TEAM) -> Reckoning:
    """Bill, hours and charges of the facts; a month of which nothing is known is an InputError."""
    bill = month_bill(facts.start, facts.leases, facts.others, as_of=facts.as_of)
    has_rows = facts.served is not None and bool(_tokens_in(facts, facts.served))
    if not bill.leases and not bill.others and not has_rows:
        raise InputError(f"month {facts.month}: no lease, no cost and no usage of it is recorded; {_recorded(facts)}")
    rates = rates_of(facts)
    hits = {model.name: model.cache_hit_ratio for model in facts.fleet.models}
    hours = fleet_hours(bill, facts.served, rates, cache_hit_ratio=hits)
    charges = chargeback(bill, hours, facts.served, by=by, cache_hit_ratio=hits)
    return Reckoning(facts=facts, bill=bill, hours=hours, charges=charges, rates=rates, cache_hit_ratio=hits)


def rates_of(facts: MonthFacts) -> dict[tuple[str, str], Rates]:
    """What each rented offer sustains of each model: by the catalog and the profiles, else as the plan assumed it."""
    found: dict[tuple[str, str], Rates] = {}
    planned = {} if facts.planned is None else facts.planned.plan.models
    for offer in sorted({lease.offer for lease in facts.leases}):
        for model in facts.fleet.models:
            rates = None
            if offer in facts.catalog:
                rates = rates_for(model, facts.catalog[offer], facts.profiles, measured_only=False)
            if not isinstance(rates, Rates) and model.name in planned:
                rates = planned[model.name].rates.get(offer)
            if isinstance(rates, Rates):
                found[model.name, offer] = rates
    return found


def _tokens_in(facts: MonthFacts, served: ServedHours) -> int:
    """Tokens served in the month."""
    hour = served.hour + (served.start - facts.start) // HOUR
    inside = (hour >= 0) & (hour < facts.hours)
    return int(np.sum(served.input_tokens[inside]) + np.sum(served.output_tokens[inside]))


def _recorded(facts: MonthFacts) -> str:
    """Which months the ledger does hold."""
    months = [one.month for one in facts.earlier]
    if not months:
        return "expected leases or usage, as `baseload ledger import` adds them"
    return f"recorded are {months[0]} to {months[-1]}" if len(months) > 1 else f"recorded is {months[0]}"
