"""Next month: its plan with the servers now rented as owned, and what it saves against staying as is. Solves two plans.

Traffic: the forecast given, else the month's last whole week over and over. Staying as is: every base server kept, and
of burst only the offers that were used in the month. Both are planned by the same policy and prices, so the saving is
what the changes bring. A third plan is solved where nodes were measured to do something else than their profiles say.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from planner.case import Case, solve_case
from planner.demand.forecast import Forecast
from planner.errors import InputError
from planner.fleet import Owned
from planner.month.demand import WEEK_H, Asked, repeated_week
from planner.month.facts import HOUR, MonthFacts, Reckoning
from planner.month.remeasured import at_measured_rates
from planner.month.servers import Servers, held_at, is_of_fleet, staying, with_owned
from planner.month.value import NextMonth
from planner.optimize.prepare import OWNED
from planner.optimize.walk import Effort
from planner.plan import OfferTerms, OwnedChanges, Plan
from planner.profile.model import Unfit
from planner.profile.rate import rates_for
from policies.billing import horizon_fee_usd

ZERO = Decimal(0)


def next_month(
    month: Reckoning, came: Asked | None, forecast: Forecast | None = None, effort: Effort | None = None
) -> tuple[NextMonth | None, tuple[str, ...]]:
    """The plan of the month after; or None, and why. `forecast` is of that month, by the fleet's models."""
    facts = month.facts
    name = f"{facts.end:%Y-%m}"
    traffic, said = _traffic(facts, came, forecast, name)
    if traffic is None:
        return None, said
    now = _now(facts)
    case = Case(
        fleet=with_owned(facts.fleet, now.owned), catalog=facts.catalog, forecast=traffic, profiles=facts.profiles
    )
    try:
        plan = solve_case(case, effort).plan
    except InputError as error:
        return None, (f"{name} is not planned: {error}",)
    measured, no_measured = at_measured_rates(case, facts.use, effort)
    used = frozenset(one.lease.offer for one in month.bill.leases if not one.lease.is_base)
    stay, why = _staying(case, used, effort)
    if stay.plan is not None and stay.plan.total_usd < plan.total_usd:
        plan = stay.plan
        why = (*why, "staying as is costs no more than any change that was found, so it is the plan")
    return NextMonth(
        month=name,
        plan=plan,
        changes=netted(plan),
        staying_usd=stay.bill_usd,
        at_measured_rates=measured,
        remarks=(*said, *now.remarks, *why, *no_measured, *_left_alone(facts)),
    ), ()


def netted(plan: Plan) -> OwnedChanges:
    """The plan's changes without buying a server that is cancelled at the same price: to the plan they are equal."""
    changes = plan.owned_changes
    keep, buy, cancel = dict(changes.keep), dict(changes.buy), dict(changes.cancel)
    for new in changes.buy:
        for owned in changes.cancel:
            terms, other = plan.offers[new], plan.offers.get(owned)
            if other is None or other.offer_id != terms.offer_id or _horizon_usd(other) > _horizon_usd(terms):
                continue
            count = min(buy[new], cancel[owned])
            buy[new], cancel[owned], keep[owned] = buy[new] - count, cancel[owned] - count, keep.get(owned, 0) + count
    return OwnedChanges(keep=_counted(keep), buy=_counted(buy), cancel=_counted(cancel))


def _horizon_usd(terms: OfferTerms) -> Decimal:
    return (terms.fee_usd_horizon or ZERO) + (terms.setup_usd_horizon or ZERO)


def _counted(counts: dict[str, int]) -> dict[str, int]:
    return {key: count for key, count in counts.items() if count}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Now:
    """What is rented by the month as the next one begins."""

    owned: tuple[Owned, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staying:
    """Every server kept, and the burst offers that were used."""

    bill_usd: Decimal | None
    """None: they cannot serve the traffic."""
    plan: Plan | None = None
    """As a plan with these servers as owned; None also where one of them can serve no model."""


def _traffic(
    facts: MonthFacts, came: Asked | None, forecast: Forecast | None, name: str
) -> tuple[Forecast | None, tuple[str, ...]]:
    if forecast is not None:
        return forecast, forecast.remarks
    if came is None:
        return None, (f"no forecast is given and no traffic of {facts.month} is known: {name} is not planned",)
    repeated = repeated_week(came.forecast, name)
    if repeated is None:
        return None, (
            f"no forecast is given, and {facts.month} has {came.forecast.hours} hours of traffic, less than a week to "
            f"repeat: {name} is not planned",
        )
    first = came.forecast.end - WEEK_H * HOUR
    return repeated, (
        f"no forecast is given: the last whole week of traffic ({first:%Y-%m-%d %H:%M} to "
        f"{came.forecast.end:%Y-%m-%d %H:%M} UTC) is repeated, without growth or season",
    )


def owned_remarks(facts: MonthFacts) -> tuple[str, ...]:
    """Where the fleet's [[owned]] are not the base servers the ledger has: what the next month is planned with."""
    if not facts.fleet.owned or not facts.leases:
        return ()
    servers = _running(facts)
    named = _by_offer((block.offer, block.count) for block in facts.fleet.owned)
    held = _by_offer(
        [
            *((block.offer, block.count) for block in servers.owned),
            *((lease.offer, 1) for lease in servers.unknown),
        ]
    )
    if named == held:
        return ()
    return (
        f"the next month is planned from [[owned]] of {facts.fleet.source}, {_counts(named)}, though the ledger has "
        f"{_counts(held)} running at {facts.known_until:%Y-%m-%d %H:%M} UTC; leave [[owned]] out to plan from those",
    )


def _running(facts: MonthFacts) -> Servers:
    """The base leases that run at the end of what is known, of the fleet's models."""
    moment = facts.known_until
    running = (one for one in facts.leases if one.end is None or one.end > moment)
    return held_at((one for one in running if is_of_fleet(one, facts.fleet)), moment, facts.catalog)


def _left_alone(facts: MonthFacts) -> tuple[str, ...]:
    """Base servers that run for models the fleet does not name."""
    moment = facts.known_until
    counts = Counter(
        one.model
        for one in facts.leases
        if one.is_base and (one.end is None or one.end > moment) and not is_of_fleet(one, facts.fleet)
    )
    return tuple(
        f"{model}: not in the fleet; its {count} base server{'s are' if count > 1 else ' is'} left alone, and in "
        "neither bill"
        for model, count in sorted(counts.items(), key=lambda item: item[0] or "")
    )


def _by_offer(counted: Iterable[tuple[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for offer, count in counted:
        found[offer] += count
    return found


def _counts(nodes: Counter[str]) -> str:
    return " and ".join(f"{count} {offer}" for offer, count in sorted(nodes.items())) or "none"


def _now(facts: MonthFacts) -> _Now:
    """The fleet's [[owned]], else the base leases that run at the end of what is known."""
    if facts.fleet.owned:
        return _Now(owned=facts.fleet.owned, remarks=owned_remarks(facts))
    servers = _running(facts)
    said = []
    if servers.unknown:
        said.append(
            f"{', '.join(sorted({lease.offer for lease in servers.unknown}))}: rented by the month and not among the "
            "catalog's base offers; planned without, their fees are in neither bill"
        )
    return _Now(owned=servers.owned, remarks=tuple(said))


def _staying(case: Case, used: frozenset[str], effort: Effort | None) -> tuple[_Staying, tuple[str, ...]]:
    """Keeping every server and the burst offers used; and why they cannot serve the traffic where they cannot."""
    idle = [block for block in case.fleet.owned if not _can_serve(case, block)]
    kept = tuple(block for block in case.fleet.owned if block not in idle)
    allowed = staying(case.catalog, kept, used)
    fixed = sum((_fees_usd(case, block) for block in idle), ZERO)
    what = "the servers now rented" + (f" and {', '.join(sorted(used))}" if used else ", without burst,")
    try:
        plan = solve_case(replace(case, fleet=with_owned(case.fleet, ()), catalog=allowed), effort).plan
    except InputError:
        return _Staying(bill_usd=None), (f"staying as is: {what} cannot serve the traffic",)
    if plan.unserved_ratio > plan.policy.max_unserved_ratio:
        why = f"staying as is: {what} would leave {plan.unserved_ratio:.1%} of the tokens unserved"
        return _Staying(bill_usd=None), (why,)
    return _Staying(bill_usd=plan.bill_usd + fixed, plan=None if idle else _as_owned(plan)), ()


def _as_owned(plan: Plan) -> Plan:
    """The plan of kept servers, said as a plan says it of owned ones."""
    offers = {
        key: replace(terms, offer_id=terms.offer_id.partition(OWNED)[0], min_count=0)
        for key, terms in plan.offers.items()
    }
    return replace(plan, offers=offers, owned_changes=OwnedChanges(keep=plan.base, buy={}, cancel={}))


def _can_serve(case: Case, block: Owned) -> bool:
    offer = case.catalog[block.offer]
    return any(
        not isinstance(rates_for(model, offer, case.profiles, measured_only=case.fleet.policy.measured_only), Unfit)
        for model in case.models
    )


def _fees_usd(case: Case, block: Owned) -> Decimal:
    """Fees of owned servers over the forecast's hours."""
    offer = case.catalog[block.offer]
    fee = block.fee_in_force_usd(case.catalog.usd_per_eur)
    tariff = (offer if fee is None else replace(offer, fee_usd_month=fee)).tariff
    return block.count * horizon_fee_usd(tariff, case.forecast.start, case.forecast.end)
