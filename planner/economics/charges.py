"""Charges: a bill allocated to models and teams. Values only; economics/chargeback.py makes them. Pure.

Usage basis: who caused the work pays for it, what idled stays a line of its own. Allocation basis: idle and shared cost
are spread over those who used the fleet, so that the charges alone sum to the bill (OpenCost's two views).
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One team's part of a model's cost. Amounts are USD, whole cents."""

    model: str
    tag: str
    """Value of the tag charged by, such as a team's name; "" for untagged usage."""
    input_tokens: int
    output_tokens: int
    work_node_hours: float
    """Node-hours its tokens kept busy."""
    usage_usd: Decimal
    """Its part of the busy time."""
    idle_usd: Decimal
    """Its part of the idle time, by usage; on the allocation basis only."""
    shared_usd: Decimal
    """Its part of what is shared, by usage; on the allocation basis only."""

    @property
    def allocated_usd(self) -> Decimal:
        """Usage, idle and shared."""
        return self.usage_usd + self.idle_usd + self.shared_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class Chargeback:
    """A bill allocated: sum of usage + idle + shared = bill, and sum of allocated = bill - unallocated, to the cent."""

    by: str
    """The tag charged by, such as "team"."""
    bill_usd: Decimal
    charges: tuple[Charge, ...]
    idle_usd: dict[str, Decimal]
    """By model: paid and not used."""
    shared_usd: Decimal
    """Paid for no model in particular: setup, egress, monitoring, leases without a model."""
    unallocated_usd: Decimal = Decimal(0)
    """Idle or shared cost for which there was no usage at all to allocate it by."""
    remarks: tuple[str, ...] = ()
