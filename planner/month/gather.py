"""The facts of a month, gathered from a ledger. Reads the database; the clock is an argument."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from planner.catalog.offer import Catalog
from planner.demand.horizon import month_span
from planner.economics.bill import month_bill
from planner.errors import InputError
from planner.exchange.plan_file import read_plan
from planner.fleet import Fleet
from planner.ledger import Lease, MonthOfFacts, OtherCost, PublishedPrice, ServedHours
from planner.month.facts import EarlierMonth, MonthFacts, PlanOfMonth
from planner.profile.curve import Profile

if TYPE_CHECKING:
    from planner.store import Ledger

TREND_MONTHS = 12
"""Months before this one that the trend shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the facts are reckoned with."""

    fleet: Fleet
    catalog: Catalog
    profiles: Mapping[str, Profile]


def gather(
    ledger: "Ledger",
    month: str,
    setting: Setting,
    *,
    as_of: datetime,
    planned: PlanOfMonth | None = None,
    with_earlier: bool = True,
    with_plan: bool = True,
) -> MonthFacts:
    """What the ledger holds of a calendar month.

    `planned`: instead of the plan it holds, which `with_plan` looks for. `with_earlier`: also the months before, for
    trend and prices.
    A month of which it holds nothing is an InputError that names the months it has.
    """
    start, end = month_span(month)
    if start > as_of:
        raise InputError(f"month {month}: has not begun; expected a month up to {as_of:%Y-%m}")
    held = {one.month: one for one in ledger.months()}
    before = _months_before(min((*held, month)), month) if with_earlier else ()
    first = month_span(before[0])[0] if before else start
    leases, others = ledger.leases(first, end), ledger.other_costs(first, end)
    touching, said = _of_only_model(_touching(leases, start, end), setting.fleet)
    served = _measured(ledger.served(start, end))
    if not touching and served is None and not any(one.start < end and one.end >= start for one in others):
        raise InputError(f"month {month}: {ledger.address} holds no lease, usage or cost of it; {_named(held)}")
    unpriced = ledger.unpriced_machines(start, end)
    if unpriced:
        named = ", ".join(unpriced[:3]) + (" ..." if len(unpriced) > 3 else "")
        text = f"no price is known of {len(unpriced)} machines that ran ({named}); import their leases to count them"
        said = (*said, text)
    remarks: tuple[str, ...] = ()
    if planned is None and with_plan:
        record, remarks = ledger.plan_of_month(month)
        if record is not None:
            planned = PlanOfMonth(
                plan=read_plan(record.document, source=f"plan of {month} in {ledger.address}"),
                saved_at=record.saved_at,
                source=f"recorded {record.saved_at:%Y-%m-%d}",
                forecast_source=record.forecast_source,
                forecast=record.forecast,
            )
    return MonthFacts(
        month=month,
        as_of=as_of,
        leases=touching,
        others=others,
        served=served,
        planned=planned,
        earlier=_earlier(ledger, before, (leases, others), as_of),
        previous_leases=_touching(leases, *month_span(before[-1])) if before else (),
        prices=ledger.prices(),
        published=ledger.published(start, end),
        announced=_announced(ledger, start, end),
        fleet=setting.fleet,
        catalog=setting.catalog,
        profiles=setting.profiles,
        remarks=(*said, *remarks),
    )


def _announced(ledger: "Ledger", start: datetime, end: datetime) -> tuple[PublishedPrice, ...]:
    """Prices that were announced in the time."""
    held = ledger.all_published()
    return tuple(one for one in held if one.announced_at is not None and start <= one.announced_at < end)


def gather_span(
    ledger: "Ledger", start: datetime, end: datetime, setting: Setting, *, as_of: datetime
) -> tuple[MonthFacts, ...]:
    """The facts of each month that [start, end) touches and of which something is held, without plans."""
    held = {one.month for one in ledger.months()}
    touched = {f"{start + timedelta(days=day):%Y-%m}" for day in range((end - start).days + 1)}
    return tuple(
        gather(ledger, month, setting, as_of=as_of, with_earlier=False, with_plan=False)
        for month in sorted(touched & held)
    )


def _of_only_model(leases: tuple[Lease, ...], fleet: Fleet) -> tuple[tuple[Lease, ...], tuple[str, ...]]:
    """Leases that name no model are the fleet's only model's where it has one; else their cost is shared."""
    bare = sum(lease.model is None for lease in leases)
    if not bare or len(fleet.models) != 1:
        return leases, ()
    name = fleet.models[0].name
    named = tuple(replace(one, model=name) if one.model is None else one for one in leases)
    return named, (f"{bare} of {len(leases)} leases name no model; taken as {name}'s, the fleet's only one",)


def _earlier(
    ledger: "Ledger",
    months: tuple[str, ...],
    rented: tuple[tuple[Lease, ...], tuple[OtherCost, ...]],
    as_of: datetime,
) -> tuple[EarlierMonth, ...]:
    """Those of the months of which something is held."""
    found = []
    for month in months:
        start, end = month_span(month)
        bill = month_bill(start, _touching(rented[0], start, end), rented[1], as_of=as_of)
        tokens = ledger.tokens_served(start, end)
        if tokens is not None or bill.leases or bill.others:
            found.append(EarlierMonth(month=month, bill_usd=bill.bill_usd, tokens=tokens))
    return tuple(found)


def _months_before(first: str, month: str) -> tuple[str, ...]:
    """The last months before one, from `first` on."""
    found: list[str] = []
    start, _ = month_span(month)
    while len(found) < TREND_MONTHS and f"{start:%Y-%m}" > first:
        start = month_span(f"{start - timedelta(days=1):%Y-%m}")[0]
        found.append(f"{start:%Y-%m}")
    return tuple(reversed(found))


def _touching(leases: tuple[Lease, ...], start: datetime, end: datetime) -> tuple[Lease, ...]:
    return tuple(one for one in leases if one.start < end and (one.end is None or one.end > start))


def _measured(served: ServedHours) -> ServedHours | None:
    """None where every hour is a gap."""
    return None if len(served.gaps) == served.hours and not len(served.hour) else served


def _named(held: Mapping[str, MonthOfFacts]) -> str:
    months = sorted(held)
    if not months:
        return "it is empty; expected facts, as `baseload ledger import` adds them"
    return f"it has {', '.join(months)}" if len(months) <= 6 else f"it has {months[0]} to {months[-1]}"
