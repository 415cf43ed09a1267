"""Invoice: a provider's bill line by line, in its own currency. Values only; exchange/invoice.py reads them. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


class LineKind(StrEnum):
    """What a line is for."""

    SERVER = "server"
    """Time of a machine, or something not told apart from it."""
    SETUP = "setup"
    OTHER = "other"
    """Traffic, storage, addresses and the like."""
    CREDIT = "credit"
    TAX = "tax"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One line, or several of one resource and price that the reader added up."""

    row: int
    """Number of the line in the file; of several, the first."""
    kind: LineKind
    resource: str
    """Id of the machine or address as the provider writes it; "" where the line names none."""
    description: str
    amount: Decimal
    currency: str
    start: datetime | None = None
    end: datetime | None = None
    """Exclusive."""
    quantity: Decimal | None = None
    unit: str = ""
    """"hours", "months" or as written."""
    unit_price: Decimal | None = None
    lines: int = 1
    """Lines of the invoice that this one stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A bill as read."""

    source: str
    form: str
    """Name of the format it was read as, such as "hetzner"."""
    providers: tuple[str, ...]
    """Provider ids of our catalogs that it can be of; empty: it does not tell."""
    lines: tuple[InvoiceLine, ...]
    named: frozenset[str] = frozenset()
    """Providers its lines name as who asks for the money; whether the ledger knows them is not said."""
    remarks: tuple[str, ...] = ()
