"""What leases and other costs add to one calendar month's bill. Pure.

USD net of VAT, unrounded: the rules of policies/billing.py, each lease at its own price in force.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from planner.ledger import Lease, OtherCost
from policies.billing import charges_by_month, month_span

_FINEST_USD = Decimal("1e-18")
"""Parts of a cost that spans months are cut here, so that they add up to it without rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCharge:
    """One lease in one calendar month."""

    lease: Lease
    month: datetime
    """First instant of the month, UTC."""
    held_from: datetime
    held_until: datetime
    """The part of the lease in the month, up to when it was looked at."""
    amount_usd: Decimal
    """Its charge by the billing rule, setup fee apart."""
    setup_usd: Decimal
    """The setup fee, in the month the lease starts in."""

    @property
    def held(self) -> timedelta:
        """Time held in the month."""
        return self.held_until - self.held_from

    @property
    def node_hours(self) -> Decimal:
        """Hours held in the month, not rounded up."""
        return Decimal(self.held // timedelta(microseconds=1)) / Decimal(3_600_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCharge:
    """One other cost in one calendar month."""

    cost: OtherCost
    month: datetime
    charged_from: datetime
    charged_until: datetime
    amount_usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthBill:
    """One calendar month's bill, line by line."""

    start: datetime
    end: datetime
    as_of: datetime
    """Before `end` the month is not over: leases still running are charged up to here."""
    leases: tuple[LeaseCharge, ...]
    others: tuple[OtherCharge, ...]

    @property
    def leases_usd(self) -> Decimal:
        """Charges of leases, setup fees apart."""
        return sum((one.amount_usd for one in self.leases), Decimal(0))

    @property
    def setup_usd(self) -> Decimal:
        """Setup fees of leases that start in the month."""
        return sum((one.setup_usd for one in self.leases), Decimal(0))

    @property
    def others_usd(self) -> Decimal:
        """What is invoiced beside leases."""
        return sum((one.amount_usd for one in self.others), Decimal(0))

    @property
    def bill_usd(self) -> Decimal:
        """All of it."""
        return self.leases_usd + self.setup_usd + self.others_usd


def month_bill(
    month: datetime, leases: Iterable[Lease], others: Iterable[OtherCost] = (), *, as_of: datetime
) -> MonthBill:
    """The bill of the calendar month (UTC) that holds `month`, as known at `as_of`; what does not touch it is left out.

    A lease without an end, or with one after `as_of`, is charged up to `as_of`. An other cost that spans months falls
    on them by time; one of no length on the month it starts in.
    """
    start, end = month_span(month)
    as_of = as_of.astimezone(UTC)
    charged = (lease_charge(lease, start, end, as_of=as_of) for lease in leases)
    apart = (other_charge(cost, start, end) for cost in others)
    return MonthBill(
        start=start,
        end=end,
        as_of=as_of,
        leases=tuple(one for one in charged if one is not None),
        others=tuple(one for one in apart if one is not None),
    )


def lease_charge(lease: Lease, start: datetime, end: datetime, *, as_of: datetime) -> LeaseCharge | None:
    """What a lease adds to the month [start, end); None if it was not held in it."""
    until = as_of if lease.end is None else min(lease.end, as_of)
    held_from, held_until = max(lease.start, start), min(until, end)
    if held_from >= held_until:
        return None
    was_taken = lease.interrupted and lease.end == until
    charges = charges_by_month(lease.price.tariff, lease.start, until, interrupted=was_taken)
    return LeaseCharge(
        lease=lease,
        month=start,
        held_from=held_from,
        held_until=held_until,
        amount_usd=charges[start],
        setup_usd=lease.price.setup_fee_usd if lease.start >= start else Decimal(0),
    )


def other_charge(cost: OtherCost, start: datetime, end: datetime) -> OtherCharge | None:
    """What another cost adds to the month [start, end), by time; None if it does not touch it."""
    if cost.start == cost.end:
        if not start <= cost.start < end:
            return None
        return OtherCharge(
            cost=cost, month=start, charged_from=cost.start, charged_until=cost.end, amount_usd=cost.amount_usd
        )
    charged_from, charged_until = max(cost.start, start), min(cost.end, end)
    if charged_from >= charged_until:
        return None
    return OtherCharge(
        cost=cost,
        month=start,
        charged_from=charged_from,
        charged_until=charged_until,
        amount_usd=_by_usd(cost, charged_until) - _by_usd(cost, charged_from),
    )


def _by_usd(cost: OtherCost, moment: datetime) -> Decimal:
    """What of a cost falls before `moment`."""
    if moment >= cost.end:
        return cost.amount_usd
    tick = timedelta(microseconds=1)
    part = cost.amount_usd * ((moment - cost.start) // tick) / ((cost.end - cost.start) // tick)
    return part.quantize(_FINEST_USD)
