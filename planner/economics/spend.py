"""Spend: what was or will be paid over a span, and what it served. The one input of unit cost, prices and break-even.

Pure. Money is USD in `Decimal`, net of VAT; utilization here is an outcome of cost and traffic, not an assumption.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


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
    """Calendar hours of the span; for a quote, one."""
    lines: tuple[SpendLine, ...]
    models: tuple[ModelSpend, ...]

    @property
    def cost_usd(self) -> Decimal:
        """Direct cost of the span."""
        return sum((line.amount_usd for line in self.lines), Decimal(0))

    @property
    def tokens(self) -> float:
        """Input and output tokens served."""
        return sum(model.input_tokens + model.output_tokens for model in self.models)
