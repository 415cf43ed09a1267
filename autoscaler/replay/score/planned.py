"""Planned against replayed: the two bills line by line, and where burst came to cost more or less. Pure.

Of each pool the difference has six causes, in this order, each with all before it taken as replayed:

- price: the leases held, at the prices of the replay less the same at the plan's;
- taken back: what was not charged because the provider took nodes back (AWS: the first hour of spot);
- waiting: time paid from order to first work, less what the plan allowed for;
- serving: time in which nodes were needed, less the plan's time of serving;
- idle: time in which nodes served and the fleet would have sufficed without them;
- started hours: what is left: hours paid to their end, least charges, monthly caps.

Time is valued at the plan's hourly price of the pool; the six sum to the difference exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from decimal import Decimal

from autoscaler.plan_levels import tariff_of
from autoscaler.replay.result import Replayed, ReplayedLease
from planner.plan import Plan, PlannedLease, ScenarioOutcome
from policies.billing import Tariff, charge_usd
from policies.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

MICROSECOND = timedelta(microseconds=1)
PER_HOUR = SECONDS_PER_HOUR * 10**6
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstCauses:
    """Why burst of a pool, or of all, cost other than planned, USD; they sum to replayed - planned."""

    price_usd: Decimal = ZERO
    taken_back_usd: Decimal = ZERO
    waiting_usd: Decimal = ZERO
    serving_usd: Decimal = ZERO
    idle_usd: Decimal = ZERO
    started_hours_usd: Decimal = ZERO

    @property
    def total_usd(self) -> Decimal:
        """All of them."""
        return sum((getattr(self, one.name) for one in fields(self)), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One line of both bills."""

    what: str
    """base, burst, egress, or unserved (a penalty beside the bill)."""
    offer: str = ""
    planned_usd: Decimal
    replayed_usd: Decimal
    causes: BurstCauses | None = None
    """Of a burst line."""

    @property
    def difference_usd(self) -> Decimal:
        """Replayed less planned."""
        return self.replayed_usd - self.planned_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReplayed:
    """A plan's bill against what its replay came to, for one scenario."""

    scenario: str
    probability: float
    planned_bill_usd: Decimal
    replayed_bill_usd: Decimal
    planned_unserved_ratio: float
    replayed_unserved_ratio: float
    lines: tuple[BillLine, ...]
    """Those of the bill sum to the two bills; empty for a scenario whose leases the plan does not hold."""
    share: Decimal = Decimal(1)
    """Of the plan's horizon that was replayed; planned amounts are in proportion."""

    @property
    def causes(self) -> BurstCauses:
        """Of all pools together."""
        found = [line.causes for line in self.lines if line.causes is not None]
        return BurstCauses(
            **{one.name: sum((getattr(causes, one.name) for causes in found), ZERO) for one in fields(BurstCauses)}
        )


def compared(plan: Plan, one: Replayed, *, scenario: str, replayed_s: float) -> PlannedReplayed:
    """The plan's bill in a scenario against its replay over so many seconds of the plan's horizon.

    Traffic without scenarios is held against what a plan of several expects.
    """
    outcome = next((each for each in plan.scenarios if each.name == scenario), None)
    if outcome is None:
        outcome = ScenarioOutcome(
            name=scenario,
            probability=1.0,
            bill_usd=plan.bill_usd,
            total_usd=plan.total_usd,
            unserved_ratio=plan.unserved_ratio,
        )
    share = (Decimal(repr(replayed_s)) / (plan.hours * SECONDS_PER_HOUR)).normalize()
    lines = _lines(plan, one, outcome, share) if outcome.name == plan.scenario_shown else ()
    return PlannedReplayed(
        scenario=scenario,
        probability=outcome.probability,
        planned_bill_usd=outcome.bill_usd * share,
        replayed_bill_usd=one.bill_usd,
        planned_unserved_ratio=outcome.unserved_ratio,
        replayed_unserved_ratio=one.unserved_ratio,
        lines=lines,
        share=share,
    )


def _lines(plan: Plan, one: Replayed, outcome: ScenarioOutcome, share: Decimal) -> tuple[BillLine, ...]:
    offers = dict.fromkeys([lease.offer for lease in plan.leases] + [lease.offer for lease in one.leases])
    base = (plan.cost.base_fees_usd + plan.cost.setup_usd) * share
    burst = [_burst_line(plan, one, offer, share) for offer in offers]
    egress = outcome.bill_usd * share - base - sum((line.planned_usd for line in burst), ZERO)
    return (
        BillLine(what="base", planned_usd=base, replayed_usd=one.base_usd),
        *sorted(burst, key=lambda line: (-abs(line.difference_usd), line.offer)),
        BillLine(what="egress", planned_usd=egress, replayed_usd=one.egress_usd),
        _penalty(plan, one, share),
    )


def _burst_line(plan: Plan, one: Replayed, offer: str, share: Decimal) -> BillLine:
    planned = [lease for lease in plan.leases if lease.offer == offer]
    held = [lease for lease in one.leases if lease.offer == offer]
    tariff = tariff_of(plan, offer) if offer in plan.offers else None
    planned_usd = sum((lease.charge_usd for lease in planned), ZERO) * share
    replayed_usd = sum((lease.charge_usd for lease in held), ZERO)
    return BillLine(
        what="burst",
        offer=offer,
        planned_usd=planned_usd,
        replayed_usd=replayed_usd,
        causes=_causes(plan, one, offer, tariff, planned, held, share, replayed_usd - planned_usd),
    )


def _causes(
    plan: Plan,
    one: Replayed,
    offer: str,
    tariff: Tariff | None,
    planned: Sequence[PlannedLease],
    held: Sequence[ReplayedLease],
    share: Decimal,
    difference_usd: Decimal,
) -> BurstCauses:
    """The difference of one pool by cause; of a pool that the plan does not know all of it is time that served."""
    if tariff is None or tariff.price_usd_hour is None:
        return BurstCauses(serving_usd=difference_usd)
    price = tariff.price_usd_hour
    charged = sum((lease.charge_usd for lease in held), ZERO)
    at_plan = sum((lease.count * _charge(tariff, one, lease, whole=False) for lease in held), ZERO)
    unrefunded = sum((lease.count * _charge(tariff, one, lease, whole=True) for lease in held), ZERO)
    times = [_times(lease) for lease in held]
    waiting, needed, idle = (sum(part) for part in zip(*times, strict=True)) if times else (0, 0, 0)
    lead_us, whole_us = _planned_times(plan, offer, planned)
    found = {
        "price_usd": charged - at_plan,
        "taken_back_usd": at_plan - unrefunded,
        "waiting_usd": price * (waiting - lead_us * share) / PER_HOUR,
        "serving_usd": price * (needed - (whole_us - lead_us) * share) / PER_HOUR,
        "idle_usd": price * idle / PER_HOUR,
    }
    return BurstCauses(**found, started_hours_usd=difference_usd - sum(found.values(), ZERO))


def _charge(tariff: Tariff, one: Replayed, lease: ReplayedLease, *, whole: bool) -> Decimal:
    """One node of the lease at the plan's prices; `whole`: as if nothing had been taken back."""
    start, end = (one.start + timedelta(minutes=minutes) for minutes in (lease.start_min, lease.end_min))
    return charge_usd(tariff, start, end, interrupted=lease.how_it_ended == "taken back" and not whole)


def _times(lease: ReplayedLease) -> tuple[int, int, int]:
    """Microseconds of all its nodes: waiting for their first work, needed, idle."""
    length = lease.end_min - lease.start_min
    waiting = length if lease.ready_min is None else lease.ready_min - lease.start_min
    serving = length - waiting
    wasted = float(lease.wasted_usd / lease.charge_usd) if lease.charge_usd > 0 else 0.0
    needed = min(serving, length * (1 - wasted))
    if lease.charge_usd <= 0:
        needed = serving
    us = [round(part * 60e6) * lease.count for part in (waiting, needed, length)]
    return us[0], us[1], us[2] - us[0] - us[1]


def _planned_times(plan: Plan, offer: str, planned: Sequence[PlannedLease]) -> tuple[int, int]:
    """Microseconds of lead time and of the whole of the plan's leases."""
    leads = plan.offers[offer].lead_time_s
    lead = whole = 0
    for lease in planned:
        length = (lease.end - lease.start) // MICROSECOND
        lead += lease.count * min(length, round(leads.get(lease.model, 0.0) * 1e6))
        whole += lease.count * length
    return lead, whole


def _penalty(plan: Plan, one: Replayed, share: Decimal) -> BillLine:
    """Unserved tokens in no bill, each model's at its own penalty."""
    missed = sum(
        (Decimal(repr(tokens)) * plan.models[model].unserved_usd_mtok for model, tokens in one.unserved_tokens.items()),
        ZERO,
    )
    shown = ZERO
    for hour in plan.hours_detail:
        for model, part in hour.by_model.items():
            tokens = Decimal(repr((part.input_tok_s + part.output_tok_s) * part.unserved_ratio * SECONDS_PER_HOUR))
            shown += tokens * plan.models[model].unserved_usd_mtok
    return BillLine(
        what="unserved",
        planned_usd=shown * share / TOKENS_PER_MTOK,
        replayed_usd=missed / TOKENS_PER_MTOK,
    )
