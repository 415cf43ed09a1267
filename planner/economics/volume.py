"""Volume discounts and minimum commitments: what they do to the margin, and to how busy the fleet is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from policies.pricing import Commitment, PricingPolicy, billed_usd, discount_of, discounted_price, margin_of

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountRow:
    """One step of the volume discounts."""

    from_mtok_month: Decimal
    discount_ratio: Decimal
    price_usd_mtok: Decimal
    margin_ratio: Decimal | None
    """Against the cost, at the volume of the whole fleet: a discount does not make a token cheaper to serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentRow:
    """One commitment, used to a share: take or pay."""

    name: str
    used_ratio: Decimal
    """Tokens used over tokens committed."""
    minimum_usd: Decimal
    minimum_mtok: Decimal
    billed_usd: Decimal
    effective_usd_mtok: Decimal | None
    """What a used million tokens brings; None: nothing is used."""
    margin_ratio: Decimal | None
    """(billed - cost of the tokens used at the unit cost) / billed."""
    utilization_ratio: Decimal | None
    """How busy the committed tokens alone keep the fleet, where its capacity is known."""


def discount_rows(policy: PricingPolicy, price_usd_mtok: Decimal, cost_usd_mtok: Decimal) -> tuple[DiscountRow, ...]:
    """The price list by volume, from no discount on."""
    steps = [ZERO, *(one.from_mtok_month for one in policy.volume_discounts)]
    rows = []
    for volume in steps:
        ratio = discount_of(policy.volume_discounts, volume)
        price = discounted_price(price_usd_mtok, policy.volume_discounts, volume)
        rows.append(
            DiscountRow(
                from_mtok_month=volume,
                discount_ratio=ratio,
                price_usd_mtok=price,
                margin_ratio=margin_of(price, cost_usd_mtok),
            )
        )
    return tuple(rows)


def commitment_rows(
    commitments: Sequence[Commitment],
    price_usd_mtok: Decimal,
    cost_usd_mtok: Decimal,
    *,
    capacity_mtok_month: Decimal | None,
    used_ratios: Sequence[Decimal] = (Decimal(0), Decimal("0.5"), Decimal(1)),
) -> tuple[CommitmentRow, ...]:
    """Each commitment, used to each share."""
    return tuple(
        _commitment(one, price_usd_mtok, cost_usd_mtok, used, capacity_mtok_month)
        for one in commitments
        for used in used_ratios
    )


def _commitment(
    one: Commitment, price: Decimal, cost: Decimal, used_ratio: Decimal, capacity_mtok: Decimal | None
) -> CommitmentRow:
    committed = one.minimum_mtok(price)
    used = committed * used_ratio
    billed = billed_usd(price, used, one)
    return CommitmentRow(
        name=one.name,
        used_ratio=used_ratio,
        minimum_usd=one.minimum_usd(price),
        minimum_mtok=committed,
        billed_usd=billed,
        effective_usd_mtok=billed / used if used else None,
        margin_ratio=margin_of(billed, used * cost),
        utilization_ratio=committed / capacity_mtok if capacity_mtok else None,
    )
