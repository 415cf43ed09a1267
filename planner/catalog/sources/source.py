"""What a provider says of a pool right now: its price, whether it can be had, how many more. Pure: values.

One module beside this one speaks to each provider; they only read. What a source does not know it leaves None, and
where it cannot be reached it raises SourceError: the caller keeps what it knew, with its age.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from planner.errors import PlannerError


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolAsked:
    """A pool in its provider's words, as a source is asked about it."""

    pool: str
    """Key of the pool, such as aws/r7a.4xlarge@us-east-1a/spot."""
    product: str
    """Such as r7a.4xlarge, b3-64, ccx43."""
    zone: str | None = None
    """None: any of the zones that are configured."""
    is_spot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNow:
    """What one source said of one pool."""

    pool: str
    """Key of the pool."""
    price_usd_hour: Decimal | None = None
    """Of one node started now; None: the source does not say."""
    is_available: bool | None = None
    """Whether a node can be had now; None: the source does not say."""
    quota_left: int | None = None
    """Nodes the account may still start; None: the source does not say."""
    as_of: datetime
    """When the source said so, aware UTC."""
    source: str
    """Such as EC2 DescribeSpotPriceHistory."""

    def __post_init__(self) -> None:
        if self.as_of.tzinfo is None:
            raise ValueError(f"as_of must be aware UTC, got {self.as_of}")
        if self.price_usd_hour is not None and self.price_usd_hour <= 0:
            raise ValueError(f"price_usd_hour of {self.pool} must be above 0, got {self.price_usd_hour}")
        if self.quota_left is not None and self.quota_left < 0:
            raise ValueError(f"quota_left of {self.pool} must be 0 or more, got {self.quota_left}")


class Source(Protocol):
    """Where prices and stock are read."""

    def now(self, pools: Sequence[PoolAsked]) -> tuple[PoolNow, ...]:
        """What is known of each pool that the source knows anything of, in the order asked. Raises SourceError."""
        ...


class SourceError(PlannerError):
    """A source of prices and stock cannot be reached, refused, or answered what cannot be read. Exit code 5."""
