"""Facts: what was rented, what was served, what else was invoiced, and the prices in force. Pure: values and checks.

Money is USD net of VAT, as everywhere inside; what an invoice says in another currency keeps that currency and the
dated rate it was converted at, so that the invoice's own amount can be given back. Times are UTC, spans half-open.
Tags say whose a thing is (`team`, `product`); nothing of a prompt or a person is a tag unless someone names it so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from policies.billing import Tariff

Tags = tuple[tuple[str, str], ...]
"""Tag -> value, sorted by tag; empty: untagged."""

TEAM = "team"
"""The tag charges are allocated by unless another is named."""


def tags_of(tags: Mapping[str, str]) -> Tags:
    """The tags of a mapping, sorted; empty values are no tags."""
    return tuple(sorted((name, value) for name, value in tags.items() if value))


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceInForce:
    """What an offer costs whoever ordered it from a date on."""

    offer: str
    """Id of the offer in the catalog, such as hetzner/ax102."""
    provider: str
    tariff: Tariff
    setup_fee_usd: Decimal = Decimal(0)
    invoice_currency: str = "USD"
    usd_per_unit: Decimal = Decimal(1)
    """USD for one unit of the invoice's currency."""
    rate_date: date | None = None
    """Date of that rate; None for USD."""
    effective_from: date | None = None
    """Orders from this date on pay it; None: unknown, since ever."""
    source: str = ""

    def __post_init__(self) -> None:
        if self.usd_per_unit <= 0:
            raise ValueError(f"usd_per_unit must be above 0, got {self.usd_per_unit}")
        if self.setup_fee_usd < 0:
            raise ValueError(f"setup_fee_usd must be 0 or more, got {self.setup_fee_usd}")
        if self.invoice_currency == "USD" and self.usd_per_unit != 1:
            raise ValueError(f"usd_per_unit of USD must be 1, got {self.usd_per_unit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptionClass:
    """How often nodes of a spot offer were taken back in the month before a day."""

    offer: str
    """Id of the offer in the catalog, such as aws/r7a.4xlarge/spot."""
    interruption_range: str
    """Share of nodes in a month, as the catalog's `interruption_range`: <5%, 5-10%, 10-15%, 15-20%, >20%."""
    said_on: date
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotPrice:
    """The price of a type's spot in a zone, from a moment until the next one of the same type and zone."""

    provider: str
    product: str
    zone: str
    since: datetime
    usd_hour: Decimal

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.since.utcoffset() != timedelta(0):
            raise ValueError(f"spot price of {self.product}@{self.zone}: since must be UTC, got {self.since}")
        if self.usd_hour <= 0:
            raise ValueError(f"spot price of {self.product}@{self.zone}: must be above 0, got {self.usd_hour}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotMean:
    """What a spot offer cost over the days before a day."""

    offer: str
    zone: str
    """Whose prices they are: the offer's, or the one of its zones with the dearest mean."""
    said_on: date
    days: float
    """How many are known of, at most those asked for."""
    mean_usd_hour: Decimal
    """Weighed by time."""
    least_usd_hour: Decimal
    most_usd_hour: Decimal
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotFacts:
    """What is recorded of spot beside prices in force."""

    interruptions: tuple[InterruptionClass, ...] = ()
    prices: tuple[SpotPrice, ...] = ()
    means: tuple[SpotMean, ...] = ()


NOTHING_OF_SPOT = SpotFacts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """One node over a span, as billed."""

    id: str
    """Unique in the ledger: the provider's own id of the machine, or ours of the intent."""
    offer: str
    provider: str
    start: datetime
    end: datetime | None = None
    """None: still running."""
    is_base: bool = False
    """Rented by the month, on in every hour; else burst."""
    model: str | None = None
    """What it served; None: not known, or nothing in particular (then its cost is shared)."""
    region: str | None = None
    tags: Tags = ()
    interrupted: bool = False
    """Taken back by the provider."""
    price: PriceInForce

    def __post_init__(self) -> None:
        for name, moment in (("start", self.start), ("end", self.end)):
            if moment is not None and (moment.tzinfo is None or moment.utcoffset() != timedelta(0)):
                raise ValueError(f"lease {self.id}: {name} must be UTC, got {moment}")
        if self.end is not None and self.end < self.start:
            raise ValueError(f"lease {self.id}: end must not be before start, got {self.start} to {self.end}")
        if self.price.offer != self.offer:
            raise ValueError(f"lease {self.id}: the price in force is of {self.price.offer}, expected {self.offer}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPrice:
    """What a gateway was told to charge for a model, from a moment until the next one of the same gateway and name.

    Or what it will be told to: an announcement is charged only once the same price is there as told. Or a review.
    """

    gateway: str
    """The file or the URL, without a password."""
    name: str
    """What requests ask for."""
    model: str
    """Of the fleet."""
    policy: str
    input_usd_token: Decimal
    output_usd_token: Decimal
    effective_at: datetime
    description: str = ""
    why: str = ""
    """What has changed since the price before; "": not kept."""
    announced_at: datetime | None = None
    """When it was announced for `effective_at`; None: it was told to the gateway then."""
    is_review: bool = False
    """Whether nothing was told: where a smoothed price stood then on its way, too near to what is charged."""

    def __post_init__(self) -> None:
        for what in ("effective_at", "announced_at"):
            moment = getattr(self, what)
            if moment is not None and (moment.tzinfo is None or moment.utcoffset() != timedelta(0)):
                raise ValueError(f"{self.name}: {what} must be UTC, got {moment}")
        for what in ("input_usd_token", "output_usd_token"):
            if getattr(self, what) <= 0:
                raise ValueError(f"{self.name}: {what} must be above 0, got {getattr(self, what)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCost:
    """What is invoiced beside leases: traffic, storage, addresses, monitoring."""

    id: str
    provider: str
    what: str
    """In words, such as "egress" or "primary IPv4"."""
    start: datetime
    end: datetime
    amount_usd: Decimal
    invoice_currency: str = "USD"
    usd_per_unit: Decimal = Decimal(1)
    rate_date: date | None = None
    model: str | None = None
    tags: Tags = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedHours:
    """Tokens served, by hour, model and tags: R rows in columns, because a month of many teams is a million of them.

    A row is one (hour, model, tags); the order is free and a triple may appear more than once (its tokens add up).
    """

    start: datetime
    """The hour that index 0 of `hour` means, aware UTC."""
    hours: int
    """Hours covered from `start`; an hour without any row was measured as empty unless it is in `gaps`."""
    models: tuple[str, ...]
    tags: tuple[Tags, ...]
    """Distinct tag sets."""
    hour: NDArray[np.int32]
    """(R,) hours from `start`."""
    model: NDArray[np.int32]
    """(R,) index into `models`."""
    tag: NDArray[np.int32]
    """(R,) index into `tags`."""
    input_tokens: NDArray[np.int64]
    """(R,) served, cached ones included."""
    output_tokens: NDArray[np.int64]
    cached_input_tokens: NDArray[np.int64] | None = None
    """(R,) of the input tokens, those found in the prefix cache; None: not recorded."""
    unserved_tokens: NDArray[np.int64] | None = None
    """(R,) input + output tokens asked for and not served; None: not recorded."""
    gaps: frozenset[int] = field(default_factory=frozenset)
    """Hours from `start` in which the collector was off: unknown, never 0."""
    source: str = ""

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.start.utcoffset() != timedelta(0):
            raise ValueError(f"start must be UTC, got {self.start}")
        rows = self.hour.shape
        for name in ("model", "tag", "input_tokens", "output_tokens", "cached_input_tokens", "unserved_tokens"):
            column = getattr(self, name)
            if column is not None and column.shape != rows:
                raise ValueError(f"{name} has the shape {column.shape}, expected {rows}")

    def at(self, index: int) -> datetime:
        """Start of the hour at `index`."""
        return (self.start + timedelta(hours=index)).astimezone(UTC)


class BatchKind(StrEnum):
    """What the facts of a batch are."""

    LEASES = "leases"
    USAGE = "usage"
    COSTS = "costs"
    PRICES = "prices"
    PLAN = "plan"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the facts of a batch come from."""

    source: str
    """What a person calls it: the name of the file, or "plan"."""
    sha256: str
    """Of the text that was read, in hex; the same text is not taken twice."""
    added_at: datetime
    """UTC."""
    tags: tuple[str, ...] = ()
    """Names of the tags that were kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Facts that came in together, and stay or are retracted together."""

    id: int
    """From 1, in the order they came."""
    kind: BatchKind
    origin: Origin
    rows: int
    start: datetime | None
    """Start of the time the facts speak of; of usage, the first hour measured. None: no time, or no facts."""
    end: datetime | None
    """Its end; None also where a lease is still running."""
    retracted_at: datetime | None = None
    why_retracted: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecord:
    """A plan as it was recorded, with the forecast it was made for."""

    batch: int
    start: datetime
    """Of the plan's horizon."""
    end: datetime
    saved_at: datetime
    document: str
    """The plan's JSON, `baseload.plan/1`, as saved; exchange/plan_file.py reads it."""
    forecast: str | None
    """Text of the forecast file; None: not recorded."""
    forecast_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfFacts:
    """How much the ledger holds of a calendar month (UTC)."""

    month: str
    """Such as 2026-11."""
    leases: int
    """That touch it."""
    hours: int
    """Of the calendar."""
    gap_hours: int
    """Of them, those in which usage is unknown."""
    usage_rows: int
    other_costs: int
    plans: int
    """Whose horizon touches it."""
