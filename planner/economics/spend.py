"""Spend: what was or will be paid over a span, and what it served. The one input of unit cost, prices and break-even.

Pure. Money is USD in `Decimal`, net of VAT; utilization here is an outcome of cost and traffic, not an assumption.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from policies.billing import months_in
from policies.units import HOURS_PER_MONTH


class SpendBasis(StrEnum):
    """Where a spend comes from."""

    QUOTE = "quote"
    """A price per hour, a rate and an assumed utilization: no traffic is known."""
    PLAN = "plan"
    """Expected, from a plan."""
    MONTH = "month"
    """As billed, from the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLine:
    """One direct cost of a span."""

    what: str
    """In words, such as "base fees", "burst", "egress"."""
    amount_usd: Decimal
    grows_with_traffic: bool
    """Whether more traffic makes it larger (burst, egress), or not (base fees, setup)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpend:
    """What one model's nodes cost, and what they served."""

    model: str
    cost_usd: Decimal
    """Direct cost of its nodes, idle time included, with its part of what is shared."""
    input_tokens: float
    """Served."""
    output_tokens: float
    input_work_ratio: float | None
    """Input's part of the measured work, sum of I (1 - hit) / P over sum of I (1 - hit) / P + O / G; None: unknown."""
    utilization: float | None
    """Busy node-hours over paid node-hours; None: unknown."""
    usage_usd: Decimal | None = None
    """The part of `cost_usd` that paid for busy time; None: `cost_usd` x `utilization`."""

    @property
    def busy_usd(self) -> Decimal | None:
        """Cost of the busy time; None: unknown."""
        if self.usage_usd is not None:
            return self.usage_usd
        return None if self.utilization is None else self.cost_usd * Decimal(repr(self.utilization))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What is paid over [start, end), and what it serves."""

    basis: SpendBasis
    source: str
    """What a person calls it: "plan.json", "month 2026-11", "USD 0.214/h at 300 tok/s"."""
    price_basis: str
    """Currency, VAT, hours and dates of the prices, for every amount made from it."""
    start: datetime | None
    end: datetime | None
    hours: Decimal
    """Calendar hours of the span; for a quote, the 720 of the month it is quoted for."""
    lines: tuple[SpendLine, ...]
    models: tuple[ModelSpend, ...]
    node_hours: Decimal | None = None
    """Paid for, base and burst; None: unknown."""
    remarks: tuple[str, ...] = ()
    """What a reader must know of the figures."""

    @property
    def cost_usd(self) -> Decimal:
        """Direct cost of the span."""
        return sum((line.amount_usd for line in self.lines), Decimal(0))

    @property
    def tokens(self) -> float:
        """Input and output tokens served."""
        return sum(model.input_tokens + model.output_tokens for model in self.models)

    @property
    def months(self) -> Decimal:
        """Calendar months in the span, parts by their hours; a quote's hours in months of 720 h."""
        if self.start is None or self.end is None:
            return self.hours / HOURS_PER_MONTH
        return months_in(self.start, self.end)
