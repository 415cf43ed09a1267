"""Schedule: base servers to order, keep and cancel in each of several months, and what the months cost. Values only.

Money is USD in `Decimal`, net of VAT, expected over scenarios.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What ordering and cancelling is subject to."""

    notice_months: int = 0
    """From a cancellation to the server's end; a server bought is held for as long at least, and for one month."""
    min_saving_usd: Decimal = Decimal(0)
    """What each server bought or cancelled must save over all months; below it things are left as they are."""

    def __post_init__(self) -> None:
        if self.notice_months < 0:
            raise ValueError(f"notice_months must be 0 or more, got {self.notice_months}")
        if self.min_saving_usd < 0:
            raise ValueError(f"min_saving_usd must be 0 or more, got {self.min_saving_usd}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOrders:
    """One month: what is rented, what changes at its start, and what it costs."""

    month: str
    """Such as 2026-12."""
    start: datetime
    base: Mapping[str, int]
    """Option -> nodes; owned servers have a key of their own."""
    buy: Mapping[str, int]
    cancel: Mapping[str, int]
    """Servers that are not there any more from this month on."""
    fees_usd: Decimal
    """Each server's at the price of the month it was ordered in."""
    setup_due_usd: Decimal
    burst_usd: Decimal
    egress_usd: Decimal
    interruption_usd: Decimal
    unserved_penalty_usd: Decimal
    unserved_ratio: float

    @property
    def invoice_usd(self) -> Decimal:
        """What is invoiced for the month, setup fees as they fall due."""
        return self.fees_usd + self.setup_due_usd + self.burst_usd + self.egress_usd

    @property
    def total_usd(self) -> Decimal:
        """Invoice, unserved penalty and interruption cost."""
        return self.invoice_usd + self.interruption_usd + self.unserved_penalty_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The cheapest orders found for several months, and how good they are proven to be."""

    months: tuple[MonthOrders, ...]
    setup_left_usd: Decimal
    """The part of setup fees that months after these bear: what is still rented at the end, by its tenure."""
    bound_usd: Decimal
    """No orders, with whatever burst, cost less."""
    terms: Terms
    tenure_months: int
    as_it_is_usd: Decimal | None
    """Total with the servers owned now and no other, in all months; None: nothing is owned."""
    unhindered_usd: Decimal | None
    """Total where every change is made that saves anything; None: `min_saving_usd` is 0."""
    rounds: int
    remarks: tuple[str, ...] = ()

    @property
    def setup_due_usd(self) -> Decimal:
        """All setup fees that fall due."""
        return sum((one.setup_due_usd for one in self.months), Decimal(0))

    @property
    def bill_usd(self) -> Decimal:
        """Invoices of all months less what later months bear of setup fees."""
        return sum((one.invoice_usd for one in self.months), Decimal(0)) - self.setup_left_usd

    @property
    def total_usd(self) -> Decimal:
        """Bill, unserved penalty and interruption cost; what was minimised, where no saving is asked for."""
        return sum((one.total_usd for one in self.months), Decimal(0)) - self.setup_left_usd

    @property
    def gap_ratio(self) -> float:
        """(total - bound) / total: whole nodes and leases, against the best that is possible."""
        return float((self.total_usd - self.bound_usd) / self.total_usd) if self.total_usd else 0.0
