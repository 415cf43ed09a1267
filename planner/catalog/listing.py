"""The rows of `baseload catalog list`: what can be rented, and a million tokens' cost on it. Pure; no rendering.

Cost per million tokens of a mix of `input_per_output` input tokens for each output token, on a node that is busy all
the time: (a/P + b/G) node-seconds per token × price per hour, a and b the shares of input and output. A base offer is
quoted at its monthly fee ÷ 720 h. Setup fees, egress and interruptions are not in it: a plan counts them, a list does
not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from planner.catalog.offer import Catalog, Offer, Role
from planner.catalog.select import only
from policies.billing import Billing
from policies.units import HOURS_PER_MONTH, SECONDS_PER_HOUR, TOKENS_PER_MTOK


class NodeRates(Protocol):
    """What a node sustains of a model; `planner.profile.model.Rates` is one (it stands above this package)."""

    @property
    def prefill_tok_s(self) -> float:
        """Input tok/s doing only prefill."""

    @property
    def decode_tok_s(self) -> float:
        """Output tok/s doing only decode."""

    @property
    def basis(self) -> str:
        """`measured` or `estimated`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingRow:
    """One offer as listed. Unknown is None."""

    id: str
    role: Role
    market: str
    """base, on-demand or spot."""
    region: str
    zone: str | None
    vcpu: int | None
    memory_gib: float | None
    gpu: str | None
    gpu_count: int
    gpu_memory_gib: float | None
    """Of one card."""
    price_usd_hour: Decimal | None
    """Price of an hour, for what is sold by the hour."""
    mean_days: float | None
    """Of how many days the price of an hour is the mean; None: it is the price of one day."""
    least_usd_hour: Decimal | None
    """In those days."""
    most_usd_hour: Decimal | None
    fee_usd_month: Decimal | None
    """Monthly fee, or the cap of an hourly price."""
    setup_fee_usd: Decimal
    quoted_usd_hour: Decimal
    """What the cost is reckoned with: the hourly price of a burst offer, the fee ÷ 720 of a base one."""
    billing: Billing
    egress_usd_gb: Decimal
    interruptions_per_hour: float | None
    price_date: date
    is_price_stale: bool
    source: str
    currency: str
    basis: str | None
    """measured or estimated; None without rates."""
    usd_mtok: float | None
    """USD per million tokens of the mix at full utilization; None without rates."""


def listing_rows(
    catalog: Catalog,
    *,
    rates: Mapping[str, NodeRates] | None = None,
    input_per_output: float = 1.0,
    selectors: Iterable[str] = (),
) -> list[ListingRow]:
    """The offers the selectors mean (all without any), cheapest per million tokens first, those without rates last.

    `rates` maps offer ids to a model's rates; without it rows go by quoted price per hour.
    """
    if not 0 <= input_per_output < float("inf"):
        raise ValueError(f"input_per_output must be 0 or more, got {input_per_output}")
    selectors = tuple(selectors)
    shown = only(catalog, selectors) if selectors else catalog
    rows = [_row(offer, (rates or {}).get(offer.id), input_per_output) for offer in shown]
    return sorted(rows, key=_rank)


def usd_mtok(quoted_usd_hour: Decimal, rates: NodeRates, input_per_output: float) -> float:
    """USD per million tokens of the mix on a node busy all the time: price × (a/P + b/G) ÷ 3600 × 10⁶."""
    output_share = 1 / (1 + input_per_output)
    node_s = (1 - output_share) / rates.prefill_tok_s + output_share / rates.decode_tok_s
    return float(quoted_usd_hour) * node_s * TOKENS_PER_MTOK / SECONDS_PER_HOUR


def quoted_usd_hour(offer: Offer) -> Decimal:
    """The price of an hour as quoted: a base offer's fee ÷ 720 h, any other's hourly price."""
    if offer.fee_usd_month is not None and (offer.role is Role.BASE or offer.price_usd_hour is None):
        return offer.fee_usd_month / HOURS_PER_MONTH
    assert offer.price_usd_hour is not None  # an offer has one of the two
    return offer.price_usd_hour


def _row(offer: Offer, rates: NodeRates | None, input_per_output: float) -> ListingRow:
    quoted, trailing = quoted_usd_hour(offer), offer.trailing
    return ListingRow(
        id=offer.id,
        role=offer.role,
        market=offer.market,
        region=offer.region,
        zone=offer.zone,
        vcpu=offer.vcpu,
        memory_gib=offer.memory_gib,
        gpu=offer.gpu,
        gpu_count=offer.gpu_count,
        gpu_memory_gib=offer.gpu_memory_gib,
        price_usd_hour=None if offer.role is Role.BASE else offer.price_usd_hour,
        mean_days=None if trailing is None else trailing.days,
        least_usd_hour=None if trailing is None else trailing.least_usd_hour,
        most_usd_hour=None if trailing is None else trailing.most_usd_hour,
        fee_usd_month=offer.fee_usd_month,
        setup_fee_usd=offer.setup_fee_usd,
        quoted_usd_hour=quoted,
        billing=offer.billing,
        egress_usd_gb=offer.egress_usd_gb,
        interruptions_per_hour=offer.interruptions_per_hour,
        price_date=offer.price_date,
        is_price_stale=offer.is_price_stale,
        source=offer.source,
        currency=offer.currency,
        basis=None if rates is None else str(rates.basis),
        usd_mtok=None if rates is None else usd_mtok(quoted, rates, input_per_output),
    )


def _rank(row: ListingRow) -> tuple[bool, float, Decimal, str]:
    return (row.usd_mtok is None, row.usd_mtok or 0.0, row.quoted_usd_hour, row.id)
