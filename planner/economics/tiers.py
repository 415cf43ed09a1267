"""Tiers: prices made from a cost by a pricing policy, and the true margin of each. Pure.

A price stands against two costs: direct (what providers bill for the nodes) and true (with support, monitoring and the
other hidden lines); a tier with a service level also pays for the headroom kept free for it. Margins are
(price - cost) / price at the real mix of tokens.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from policies.pricing import (
    CostBasis,
    PricingPolicy,
    Rounded,
    Tier,
    average_price,
    cost_plus,
    margin_of,
    markup_of,
    neutral_split,
    round_price,
    tier_price,
    with_sla_headroom,
)

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPoint:
    """What a million tokens costs under one assumption: a plan's, a month's, or a quote's utilization."""

    label: str
    """In words, such as "at 70 %"; empty where there is one."""
    direct_usd_mtok: Decimal
    hidden_usd_mtok: Decimal | None = None
    """The hidden lines per million tokens; None: none are stated."""

    @property
    def true_usd_mtok(self) -> Decimal:
        """Direct and hidden."""
        return self.direct_usd_mtok + (self.hidden_usd_mtok or ZERO)

    def usd_mtok(self, basis: CostBasis) -> Decimal:
        """The cost prices are made of."""
        return self.direct_usd_mtok if basis is CostBasis.DIRECT else self.true_usd_mtok


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCost:
    """One model's cost, at the mix of tokens it serves."""

    model: str
    points: tuple[CostPoint, ...]
    """The first is the one prices are made from; the others are other assumptions to hold them against."""
    input_tokens: float
    output_tokens: float
    input_work_ratio: float | None
    """Input's part of the measured work; None: unknown."""

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError(f"{self.model}: no cost; expected one at least")

    @property
    def mix(self) -> tuple[Decimal, Decimal]:
        """Input and output tokens; equal parts where nothing is served."""
        if self.input_tokens + self.output_tokens <= 0:
            return Decimal(1), Decimal(1)
        return Decimal(repr(float(self.input_tokens))), Decimal(repr(float(self.output_tokens)))


class InBand(StrEnum):
    """Where a price stands against the policy's band."""

    BELOW = "below"
    INSIDE = "inside"
    ABOVE = "above"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPrice:
    """One price as an input and an output price that bring the same at the real mix."""

    rule: str
    input: Rounded
    output: Rounded
    rounding_ratio: Decimal | None
    """What rounding the two adds to the revenue at the real mix; None: there is none."""

    @property
    def input_usd_mtok(self) -> Decimal:
        """As asked, rounded."""
        return self.input.price_usd_mtok

    @property
    def output_usd_mtok(self) -> Decimal:
        """As asked, rounded."""
        return self.output.price_usd_mtok


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What a price leaves against one cost."""

    label: str
    cost_usd_mtok: Decimal
    """True cost, with the tier's headroom where it has a service level."""
    direct_ratio: Decimal | None
    """Margin on direct cost."""
    true_ratio: Decimal | None
    """Margin on true cost."""
    markup_ratio: Decimal | None
    """Markup on true cost."""

    @property
    def is_loss(self) -> bool:
        """Whether each token costs more than it brings."""
        return self.true_ratio is not None and self.true_ratio < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRow:
    """One tier: its rule, its price, what it leaves. A price is None where its market reference is unknown."""

    name: str
    customers: str
    rule: str
    has_sla: bool
    price: Rounded | None
    split: SplitPrice | None
    margins: tuple[Margin, ...]
    in_band: InBand | None
    """None: the policy has no band, or there is no price."""


def suggested_price(policy: PricingPolicy, cost: ModelCost) -> Rounded:
    """What the policy's markup or margin makes of the first cost, rounded."""
    return cost_plus(policy, cost.points[0].usd_mtok(policy.cost_basis))


def tier_rows(policy: PricingPolicy, cost: ModelCost, reference_usd_mtok: Decimal | None) -> tuple[TierRow, ...]:
    """The policy's tiers at this cost."""
    return tuple(_row(policy, tier, cost, reference_usd_mtok) for tier in policy.tiers)


def margin_on(policy: PricingPolicy, price_usd_mtok: Decimal, point: CostPoint, *, has_sla: bool = False) -> Margin:
    """What a price leaves against a cost."""
    direct, true = (_with_headroom(policy, one, has_sla) for one in (point.direct_usd_mtok, point.true_usd_mtok))
    return Margin(
        label=point.label,
        cost_usd_mtok=true,
        direct_ratio=margin_of(price_usd_mtok, direct),
        true_ratio=margin_of(price_usd_mtok, true),
        markup_ratio=markup_of(price_usd_mtok, true),
    )


def in_band(policy: PricingPolicy, price_usd_mtok: Decimal) -> InBand | None:
    """Where the price stands against the band; None: there is no band."""
    low, high = policy.min_price_usd_mtok, policy.max_price_usd_mtok
    if low is None and high is None:
        return None
    if low is not None and price_usd_mtok < low:
        return InBand.BELOW
    return InBand.ABOVE if high is not None and price_usd_mtok > high else InBand.INSIDE


def split_price(policy: PricingPolicy, exact_usd_mtok: Decimal, cost: ModelCost) -> SplitPrice | None:
    """Input and output price by the policy's rule, each rounded; None: by work, which is not known."""
    if policy.output_price_ratio is not None:
        return ratio_split(policy, exact_usd_mtok, cost, policy.output_price_ratio)
    share = cost.input_work_ratio
    tokens_in, tokens_out = cost.mix
    if share is None or not tokens_in or not tokens_out:
        return None
    brought = exact_usd_mtok * (tokens_in + tokens_out)
    part = Decimal(repr(share))
    return _rounded_split(
        policy, "by measured work", (brought * part / tokens_in, brought * (1 - part) / tokens_out), cost
    )


def ratio_split(
    policy: PricingPolicy, exact_usd_mtok: Decimal, cost: ModelCost, output_price_ratio: Decimal
) -> SplitPrice:
    """Input and output price at a ratio of the two that bring what one price brings at the real mix."""
    tokens_in, tokens_out = cost.mix
    prices = neutral_split(
        exact_usd_mtok, input_tokens=tokens_in, output_tokens=tokens_out, output_price_ratio=output_price_ratio
    )
    return _rounded_split(policy, f"output {_plain(output_price_ratio)} x input", prices, cost)


def all_splits(policy: PricingPolicy, exact_usd_mtok: Decimal, cost: ModelCost) -> tuple[SplitPrice, ...]:
    """The policy's own split first, then its other ratios, each neutral at the real mix."""
    own = split_price(policy, exact_usd_mtok, cost)
    others = [ratio_split(policy, exact_usd_mtok, cost, ratio) for ratio in policy.split_ratios]
    return tuple({one.rule: one for one in [*([own] if own else []), *others]}.values())


def rule_of(tier: Tier) -> str:
    """How the tier's price is made, in words."""
    if tier.price_usd_mtok is not None:
        return "fixed price"
    if tier.at_cost:
        return "at cost"
    if tier.markup_ratio is not None:
        return f"markup {_percent(tier.markup_ratio)} %"
    if tier.margin_ratio is not None:
        return f"margin {_percent(tier.margin_ratio)} %"
    assert tier.market_ratio is not None  # Tier has one rule
    return f"{_percent(tier.market_ratio)} % of the market"


def _row(policy: PricingPolicy, tier: Tier, cost: ModelCost, reference_usd_mtok: Decimal | None) -> TierRow:
    made_of = _with_headroom(policy, cost.points[0].usd_mtok(policy.cost_basis), tier.has_sla)
    price = tier_price(tier, cost_usd_mtok=made_of, reference_usd_mtok=reference_usd_mtok, rounding=policy.rounding)
    asked = None if price is None else price.price_usd_mtok
    return TierRow(
        name=tier.name,
        customers=tier.customers,
        rule=rule_of(tier),
        has_sla=tier.has_sla,
        price=price,
        split=None if price is None else split_price(policy, price.exact_usd_mtok, cost),
        margins=()
        if asked is None
        else tuple(margin_on(policy, asked, point, has_sla=tier.has_sla) for point in cost.points),
        in_band=None if asked is None else in_band(policy, asked),
    )


def _with_headroom(policy: PricingPolicy, cost_usd_mtok: Decimal, has_sla: bool) -> Decimal:
    return with_sla_headroom(cost_usd_mtok, policy.sla_headroom_ratio) if has_sla else cost_usd_mtok


def _rounded_split(policy: PricingPolicy, rule: str, prices: tuple[Decimal, Decimal], cost: ModelCost) -> SplitPrice:
    tokens_in, tokens_out = cost.mix
    low, high = (round_price(one, policy.rounding) for one in prices)
    exact = average_price(*prices, input_tokens=tokens_in, output_tokens=tokens_out)
    asked = average_price(low.price_usd_mtok, high.price_usd_mtok, input_tokens=tokens_in, output_tokens=tokens_out)
    return SplitPrice(rule=rule, input=low, output=high, rounding_ratio=asked / exact - 1 if exact else None)


def _percent(ratio: Decimal) -> str:
    return _plain(ratio * 100)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
