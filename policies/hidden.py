"""Hidden costs: what a service costs beside its nodes, as lines with a basis. Pure; standard library only.

The pricing guide's kinds: bandwidth, storage, monitoring, support labour, development, compliance. Direct cost is what
providers bill for the nodes; true cost is direct cost and these lines. Money is USD in `Decimal`, net of VAT.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from policies.units import BYTES_PER_GB, TOKENS_PER_MTOK

BYTES_PER_OUTPUT_TOKEN = 250
"""Of an answer streamed as JSON chunks, the planner's own assumption."""


class HiddenKind(StrEnum):
    """What a line is for."""

    BANDWIDTH = "bandwidth"
    STORAGE = "storage"
    MONITORING = "monitoring"
    SUPPORT = "support"
    DEVELOPMENT = "development"
    COMPLIANCE = "compliance"
    OTHER = "other"


class HiddenBasis(StrEnum):
    """What a line's price is multiplied by."""

    MONTH = "month"
    """Fixed: once per month."""
    GB = "gb"
    """Per GB and month: `gb_month` of it."""
    SERVER = "server"
    """Per server and month, base and burst by the time they are on."""
    MTOK = "mtok"
    """Per million tokens served."""


GROWS_WITH_TRAFFIC = frozenset({HiddenBasis.MTOK})


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenCost:
    """One line."""

    kind: HiddenKind
    basis: HiddenBasis
    price_usd: Decimal
    """Per month, GB and month, server and month, or million tokens."""
    gb_month: Decimal | None = None
    """GB per month, of the basis gb alone; None: of bandwidth, 250 bytes per output token."""
    what: str = ""
    """In words, where the kind does not say enough."""

    def __post_init__(self) -> None:
        if not (self.price_usd.is_finite() and self.price_usd >= 0):
            raise ValueError(f"price_usd must be 0 or more, got {self.price_usd}")
        if self.gb_month is not None:
            if self.basis is not HiddenBasis.GB:
                raise ValueError(f"gb_month belongs to a price per GB, got one per {self.basis}")
            if not (self.gb_month.is_finite() and self.gb_month >= 0):
                raise ValueError(f"gb_month must be 0 or more, got {self.gb_month}")
        elif self.basis is HiddenBasis.GB and self.kind is not HiddenKind.BANDWIDTH:
            raise ValueError(f"gb_month is missing; {self.kind} per GB needs it")

    @property
    def label(self) -> str:
        """The kind, and the words for it."""
        return f"{self.kind}, {self.what}" if self.what else str(self.kind)

    @property
    def grows_with_traffic(self) -> bool:
        """Whether more tokens make it larger."""
        return self.basis in GROWS_WITH_TRAFFIC or (self.basis is HiddenBasis.GB and self.gb_month is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What lines are multiplied by: a span and what was served in it."""

    months: Decimal
    servers: Decimal | None
    """Mean nodes on; None: unknown."""
    mtok: Decimal
    output_mtok: Decimal


def hidden_usd(line: HiddenCost, served: Served) -> Decimal | None:
    """The line over a span, USD; None where the number of servers it needs is unknown."""
    match line.basis:
        case HiddenBasis.MONTH:
            return line.price_usd * served.months
        case HiddenBasis.SERVER:
            return None if served.servers is None else line.price_usd * served.servers * served.months
        case HiddenBasis.MTOK:
            return line.price_usd * served.mtok
        case HiddenBasis.GB:
            if line.gb_month is not None:
                return line.price_usd * line.gb_month * served.months
            return line.price_usd * served.output_mtok * TOKENS_PER_MTOK * BYTES_PER_OUTPUT_TOKEN / BYTES_PER_GB
