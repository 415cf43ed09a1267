"""Offer and Catalog: what can be rented, at which price, on a date. Pure: values and checks.

An offer's `id` is `provider/product`, with `@zone` where a zone is named, `/spot` for a spot pool and `/month` for the
base twin of an hourly offer with a monthly cap: `hetzner/ax102`, `hetzner-cloud/ccx43`, `hetzner-cloud/ccx43/month`,
`ovh/b3-64`, `aws/r7a.4xlarge`, `aws/r7a.4xlarge/spot`, `aws/r7a.4xlarge@us-east-1a/spot`. `offer_id` takes it apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from policies.billing import Billing, Tariff

GPU_NAMES = ("T4", "V100S", "A10", "A10G", "L4", "L40S", "A100-40", "A100-80", "H100", "H200")
"""The words of the shipped catalogs and profiles for a card; a file of one's own may name others."""


class Role(StrEnum):
    """How an offer is rented."""

    BASE = "base"
    """A fixed monthly node, on in every hour of the plan."""
    BURST = "burst"
    """By the hour or second, on when dispatch wants it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trailing:
    """The days whose mean a price is, and between which prices it lay."""

    days: float
    least_usd_hour: Decimal
    most_usd_hour: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing that can be rented. Prices in USD net of VAT, converted at load; unknown is None, never 0."""

    id: str
    provider: str
    product: str
    role: Role
    region: str
    zone: str | None = None
    is_spot: bool = False
    vcpu: int | None = None
    cores: int | None = None
    cpu: str | None = None
    arch: str = "x86_64"
    memory_gib: float | None = None
    gpu: str | None = None
    """Name of the card, in the words of GPU_NAMES; None: no GPU."""
    gpu_count: int = 0
    gpu_memory_gib: float | None = None
    """Memory of one GPU as its driver reports it, which is below the figure on the box."""
    billing: Billing
    price_usd_hour: Decimal | None = None
    trailing: Trailing | None = None
    """Of which days `price_usd_hour` is the mean; None: it is the price of one day."""
    fee_usd_month: Decimal | None = None
    """Monthly fee, or the monthly cap of an hourly price."""
    setup_fee_usd: Decimal = Decimal(0)
    min_count: int = 0
    max_count: int | None = None
    """None: no limit."""
    count_group: str | None = None
    """Offers of one group share `Catalog.group_max[count_group]` nodes."""
    lead_time_s: float | None = None
    """Request to a node that runs our start-up script; the model's own load time comes on top. None: unknown."""
    interruptions_per_hour: float | None = None
    """Expected interruptions of a node per hour; None for an offer that is never taken back."""
    egress_usd_gb: Decimal = Decimal(0)
    """Per GB beyond the free part; 0 where traffic is included."""
    price_date: date
    source: str
    currency: str = "USD"
    """Currency of the source; the prices here are converted."""
    is_price_stale: bool = False
    """Whether the price is older than the fleet allows; False too where nobody asked on which day."""
    note: str = ""

    def __post_init__(self) -> None:
        if self.price_usd_hour is None and self.fee_usd_month is None:
            raise ValueError(f"offer {self.id}: a price is missing; expected price_usd_hour or fee_usd_month")
        try:
            self.tariff  # noqa: B018  the tariff checks its prices
        except ValueError as error:
            raise ValueError(f"offer {self.id}: {error}") from error
        self._check_sizes()
        if self.is_spot and self.role is not Role.BURST:
            raise ValueError(f"offer {self.id}: a spot offer is burst, got role {self.role.value!r}")
        if (self.gpu is None) != (self.gpu_count == 0):
            raise ValueError(f"offer {self.id}: gpu and gpu_count go together, got {self.gpu} and {self.gpu_count}")
        if self.max_count is not None and self.max_count < self.min_count:
            raise ValueError(f"offer {self.id}: max_count {self.max_count} is below min_count {self.min_count}")

    def _check_sizes(self) -> None:
        """What is counted or paid beside the price is 0 or more; what is a size is above 0."""
        for name in (
            "setup_fee_usd",
            "egress_usd_gb",
            "min_count",
            "gpu_count",
            "lead_time_s",
            "interruptions_per_hour",
        ):
            value = getattr(self, name)
            if value is not None and not 0 <= value < Decimal("Infinity"):
                raise ValueError(f"offer {self.id}: {name} must be 0 or more, got {value}")
        for name in ("vcpu", "cores", "memory_gib", "gpu_memory_gib"):
            value = getattr(self, name)
            if value is not None and not 0 < value < Decimal("Infinity"):
                raise ValueError(f"offer {self.id}: {name} must be above 0, got {value}; leave it out where unknown")

    @property
    def tariff(self) -> Tariff:
        """What a lease of this offer is charged by."""
        return Tariff(
            billing=self.billing,
            price_usd_hour=self.price_usd_hour,
            fee_usd_month=self.fee_usd_month,
            is_spot=self.is_spot,
        )

    @property
    def market(self) -> str:
        """How it is sold: "base", "on-demand" or "spot"."""
        if self.role is Role.BASE:
            return "base"
        return "spot" if self.is_spot else "on-demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A product that is known but has no offer, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All of what can be rented on a date."""

    offers: tuple[Offer, ...]
    group_max: dict[str, int] = field(default_factory=dict)
    """Nodes all offers of a count group may have together, base and burst."""
    usd_per_eur: Decimal | None = None
    usd_per_eur_date: date | None = None
    usd_per_eur_source: str = ""
    left_out: tuple[LeftOut, ...] = ()

    _by_id: dict[str, Offer] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for offer in self.offers:
            if offer.id in self._by_id:
                raise ValueError(f"offer {offer.id} appears twice in the catalog")
            self._by_id[offer.id] = offer
            if offer.count_group is not None and offer.count_group not in self.group_max:
                raise ValueError(f"offer {offer.id}: count_group {offer.count_group!r} has no maximum")
        for name, maximum in self.group_max.items():
            if maximum < 0:
                raise ValueError(f"group_max {name}: must be 0 or more, got {maximum}")
        for left_out in self.left_out:
            if left_out.id in self._by_id:
                raise ValueError(f"offer {left_out.id} is both in the catalog and left out of it")

    def __iter__(self) -> Iterator[Offer]:
        return iter(self.offers)

    def __len__(self) -> int:
        return len(self.offers)

    def __contains__(self, offer_id: object) -> bool:
        return offer_id in self._by_id

    def __getitem__(self, offer_id: str) -> Offer:
        return self._by_id[offer_id]
