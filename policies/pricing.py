"""What to charge for a million tokens: cost-plus, rounding, splits, tiers, market positions, discounts, commitments.

Pure; standard library only. Prices and costs are USD per million tokens in `Decimal`, net of VAT, unrounded unless a
`Rounding` says otherwise. Markup is (price - cost) / cost, margin (price - cost) / price; neither is ever called the
other: a markup of 50 % is a margin of a third.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum

from policies.hidden import HiddenCost


def _above_zero(name: str, value: Decimal | None) -> None:
    if value is not None and not (value.is_finite() and value > 0):
        raise ValueError(f"{name} must be above 0, got {value}")


def _check_ratios(markup_ratio: Decimal | None, margin_ratio: Decimal | None) -> None:
    if markup_ratio is not None and not markup_ratio > -1:
        raise ValueError(f"markup_ratio must be above -1, got {markup_ratio}")
    if margin_ratio is not None and not margin_ratio < 1:
        raise ValueError(f"margin_ratio must be below 1 (all of the price), got {margin_ratio}")


class Direction(StrEnum):
    """Where a price between two steps goes."""

    UP = "up"
    DOWN = "down"
    NEAREST = "nearest"
    """Half a step goes up."""


_ROUNDING = {Direction.UP: ROUND_CEILING, Direction.DOWN: ROUND_FLOOR, Direction.NEAREST: ROUND_HALF_UP}


class CostBasis(StrEnum):
    """Which cost a price is made of, and held against."""

    DIRECT = "direct"
    """What providers bill for the nodes."""
    TRUE = "true"
    """Direct cost and the hidden lines: support, monitoring, development ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """Prices are multiples of a step."""

    step_usd_mtok: Decimal
    direction: Direction = Direction.NEAREST

    def __post_init__(self) -> None:
        _above_zero("step_usd_mtok", self.step_usd_mtok)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounded:
    """A price before and after rounding."""

    exact_usd_mtok: Decimal
    price_usd_mtok: Decimal

    @property
    def effect_usd_mtok(self) -> Decimal:
        """What rounding adds; below 0: takes away."""
        return self.price_usd_mtok - self.exact_usd_mtok

    @property
    def effect_ratio(self) -> Decimal | None:
        """The same as a share of the exact price; None of a price of nothing."""
        return None if self.exact_usd_mtok == 0 else self.effect_usd_mtok / self.exact_usd_mtok


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One price list entry: for whom, and exactly one rule by which its price is made."""

    name: str
    customers: str = ""
    """For whom it is, in words."""
    price_usd_mtok: Decimal | None = None
    """A fixed price."""
    at_cost: bool = False
    """What it costs us, nothing on top."""
    markup_ratio: Decimal | None = None
    margin_ratio: Decimal | None = None
    market_ratio: Decimal | None = None
    """A share of the market reference: 0.6 is 60 % of what others ask."""
    has_sla: bool = False
    """Sold with a service level: its cost includes the headroom kept for it."""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("a tier's name is empty; expected a word such as developer")
        given = {name: getattr(self, name) for name in RULES}
        rules = [name for name, value in given.items() if value is not None and value is not False]
        if len(rules) != 1:
            got = " and ".join(rules) if rules else "none"
            raise ValueError(f"tier {self.name!r} must have one of {', '.join(RULES)}; got {got}")
        _above_zero("price_usd_mtok", self.price_usd_mtok)
        _above_zero("market_ratio", self.market_ratio)
        _check_ratios(self.markup_ratio, self.margin_ratio)


RULES = ("price_usd_mtok", "at_cost", "markup_ratio", "margin_ratio", "market_ratio")
"""The keys a tier's price may be made by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPosition:
    """Where to stand against what others ask: between two shares of a reference price."""

    name: str
    low_ratio: Decimal
    high_ratio: Decimal
    market_class: str | None = None
    """The class of models compared with; None: the one the price is for."""

    def __post_init__(self) -> None:
        _above_zero("low_ratio", self.low_ratio)
        if self.high_ratio < self.low_ratio:
            raise ValueError(f"high_ratio must be low_ratio or more, got {self.high_ratio} under {self.low_ratio}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeDiscount:
    """A lower price from a monthly volume on."""

    from_mtok_month: Decimal
    discount_ratio: Decimal

    def __post_init__(self) -> None:
        _above_zero("from_mtok_month", self.from_mtok_month)
        if not 0 < self.discount_ratio < 1:
            raise ValueError(f"discount_ratio must be in (0, 1), got {self.discount_ratio}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """A month's minimum a customer pays for whether it is used or not (take or pay): tokens or USD."""

    name: str
    min_mtok_month: Decimal | None = None
    min_usd_month: Decimal | None = None

    def __post_init__(self) -> None:
        if (self.min_mtok_month is None) == (self.min_usd_month is None):
            raise ValueError(f"commitment {self.name!r} must have one of min_mtok_month and min_usd_month")
        _above_zero("min_mtok_month", self.min_mtok_month)
        _above_zero("min_usd_month", self.min_usd_month)

    def minimum_usd(self, price_usd_mtok: Decimal) -> Decimal:
        """What is paid at least, USD a month."""
        if self.min_usd_month is not None:
            return self.min_usd_month
        assert self.min_mtok_month is not None  # checked above
        return self.min_mtok_month * price_usd_mtok

    def minimum_mtok(self, price_usd_mtok: Decimal) -> Decimal:
        """The tokens that are paid for at least, millions a month."""
        return self.minimum_usd(price_usd_mtok) / price_usd_mtok


DEFAULT_POSITIONS = (
    MarketPosition(name="budget", low_ratio=Decimal("0.5"), high_ratio=Decimal("0.7")),
    MarketPosition(name="value", low_ratio=Decimal(1), high_ratio=Decimal(1)),
    MarketPosition(name="premium", low_ratio=Decimal(1), high_ratio=Decimal(1), market_class="frontier-small"),
)
"""The pricing guide's three: 50-70 % of the hosted open models, match them, match the large vendors' small models."""


DEFAULT_TIERS = (
    Tier(name="developer", customers="hobbyists, testing", at_cost=True),
    Tier(name="startup", customers="early-stage startups", margin_ratio=Decimal("0.5")),
    Tier(name="business", customers="production apps", margin_ratio=Decimal("0.7")),
    Tier(name="enterprise", customers="SLA, support, compliance", margin_ratio=Decimal("0.8"), has_sla=True),
)
"""The pricing guide's four tiers, each priced by the margin it claims (the lower end), so that the margin is true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingPolicy:
    """How prices are made. Ratios are 0-1, money is USD, net of VAT. Exactly one of markup_ratio and margin_ratio."""

    markup_ratio: Decimal | None = None
    """On top of cost, as a share of cost."""
    margin_ratio: Decimal | None = None
    """Of the price, what is not cost."""
    cost_basis: CostBasis = CostBasis.TRUE
    hidden: tuple[HiddenCost, ...] = ()
    """Costs beside the nodes, which make the true cost: support, monitoring, development ..."""
    rounding: Rounding | None = None
    output_price_ratio: Decimal | None = None
    """Output price over input price; None: by the measured work, so that both earn the same margin."""
    split_ratios: tuple[Decimal, ...] = (Decimal(2), Decimal(4))
    """Further output:input price ratios shown beside it."""
    tiers: tuple[Tier, ...] = DEFAULT_TIERS
    market_class: str | None = None
    """The class of hosted models compared with, such as 7-8B; None: told by the models' names."""
    reference_usd_mtok: Decimal | None = None
    """A market reference of one's own; None: the quantile below of the class, at the real mix of tokens."""
    reference_quantile: Decimal = Decimal("0.5")
    positions: tuple[MarketPosition, ...] = DEFAULT_POSITIONS
    volume_discounts: tuple[VolumeDiscount, ...] = ()
    """By the month's volume, for all of its tokens."""
    commitments: tuple[Commitment, ...] = ()
    min_price_usd_mtok: Decimal | None = None
    """The price band: a price outside of it is said to be, and left as it is."""
    max_price_usd_mtok: Decimal | None = None
    sla_headroom_ratio: Decimal = Decimal(0)
    """Capacity kept free for those sold a service level: their cost is cost / (1 - headroom)."""

    def __post_init__(self) -> None:
        if (self.markup_ratio is None) == (self.margin_ratio is None):
            given = "both" if self.markup_ratio is not None else "neither"
            raise ValueError(f"markup_ratio and margin_ratio: {given} given; expected exactly one")
        _check_ratios(self.markup_ratio, self.margin_ratio)
        for name in ("output_price_ratio", "reference_usd_mtok", "min_price_usd_mtok", "max_price_usd_mtok"):
            _above_zero(name, getattr(self, name))
        for ratio in self.split_ratios:
            _above_zero("split_ratios", ratio)
        if not 0 <= self.reference_quantile <= 1:
            raise ValueError(f"reference_quantile must be in [0, 1], got {self.reference_quantile}")
        if not 0 <= self.sla_headroom_ratio < 1:
            raise ValueError(f"sla_headroom_ratio must be in [0, 1), got {self.sla_headroom_ratio}")
        low, high = self.min_price_usd_mtok, self.max_price_usd_mtok
        if low is not None and high is not None and high < low:
            raise ValueError(f"max_price_usd_mtok must be min_price_usd_mtok or more, got {high} under {low}")
        names = [tier.name for tier in self.tiers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"tier {name!r} appears twice; expected each name once")
        volumes = [one.from_mtok_month for one in self.volume_discounts]
        if volumes != sorted(set(volumes)):
            raise ValueError("volume_discounts must rise in from_mtok_month, each once")
        ratios = [one.discount_ratio for one in self.volume_discounts]
        if ratios != sorted(ratios):
            raise ValueError("volume_discounts must rise in discount_ratio too: more tokens, no dearer")


DEFAULT_PRICING = PricingPolicy(margin_ratio=Decimal("0.5"))
"""What is used where no policy says otherwise: half of the price is margin, as in the guide's full-cost example."""


# Cost-plus


def price_by_markup(cost_usd_mtok: Decimal, markup_ratio: Decimal) -> Decimal:
    """Cost x (1 + markup)."""
    return cost_usd_mtok * (1 + markup_ratio)


def price_by_margin(cost_usd_mtok: Decimal, margin_ratio: Decimal) -> Decimal:
    """Cost / (1 - margin)."""
    return cost_usd_mtok / (1 - margin_ratio)


def markup_of(price_usd_mtok: Decimal, cost_usd_mtok: Decimal) -> Decimal | None:
    """(price - cost) / cost; None: what costs nothing has no markup."""
    return None if cost_usd_mtok == 0 else (price_usd_mtok - cost_usd_mtok) / cost_usd_mtok


def margin_of(price_usd_mtok: Decimal, cost_usd_mtok: Decimal) -> Decimal | None:
    """(price - cost) / price; None: what is given away has no margin."""
    return None if price_usd_mtok == 0 else (price_usd_mtok - cost_usd_mtok) / price_usd_mtok


def cost_plus(policy: PricingPolicy, cost_usd_mtok: Decimal) -> Rounded:
    """The price the policy asks for what costs this much, before and after rounding."""
    if policy.margin_ratio is not None:
        exact = price_by_margin(cost_usd_mtok, policy.margin_ratio)
    else:
        assert policy.markup_ratio is not None  # checked by PricingPolicy
        exact = price_by_markup(cost_usd_mtok, policy.markup_ratio)
    return round_price(exact, policy.rounding)


def round_price(price_usd_mtok: Decimal, rounding: Rounding | None) -> Rounded:
    """The price as the nearest, next or last multiple of the step; without a rounding, as it is."""
    if rounding is None:
        return Rounded(exact_usd_mtok=price_usd_mtok, price_usd_mtok=price_usd_mtok)
    steps = (price_usd_mtok / rounding.step_usd_mtok).to_integral_value(_ROUNDING[rounding.direction])
    return Rounded(exact_usd_mtok=price_usd_mtok, price_usd_mtok=steps * rounding.step_usd_mtok)


def with_sla_headroom(cost_usd_mtok: Decimal, headroom_ratio: Decimal) -> Decimal:
    """What a token costs where a share of the capacity is kept free for it: cost / (1 - headroom)."""
    return cost_usd_mtok / (1 - headroom_ratio)


# Tiers


def tier_price(
    tier: Tier, *, cost_usd_mtok: Decimal, reference_usd_mtok: Decimal | None, rounding: Rounding | None = None
) -> Rounded | None:
    """The tier's price; None: it is a share of a market reference, and there is none. A fixed price is not rounded."""
    if tier.price_usd_mtok is not None:
        return round_price(tier.price_usd_mtok, None)
    if tier.at_cost:
        exact = cost_usd_mtok
    elif tier.markup_ratio is not None:
        exact = price_by_markup(cost_usd_mtok, tier.markup_ratio)
    elif tier.margin_ratio is not None:
        exact = price_by_margin(cost_usd_mtok, tier.margin_ratio)
    else:
        assert tier.market_ratio is not None  # checked by Tier
        if reference_usd_mtok is None:
            return None
        exact = reference_usd_mtok * tier.market_ratio
    return round_price(exact, rounding)


# Input and output


def neutral_split(
    price_usd_mtok: Decimal, *, input_tokens: Decimal, output_tokens: Decimal, output_price_ratio: Decimal
) -> tuple[Decimal, Decimal]:
    """Input and output price that bring at this mix what one price brings: p (I + O) / (I + r O), and r times that.

    At 1:1 a price of 0.30 is 0.20 / 0.40 for r = 2 and 0.12 / 0.48 for r = 4.
    """
    weighted = input_tokens + output_price_ratio * output_tokens
    if weighted <= 0:
        raise ValueError("a split needs tokens; got a mix of none")
    input_price = price_usd_mtok * (input_tokens + output_tokens) / weighted
    return input_price, input_price * output_price_ratio


def average_price(
    input_usd_mtok: Decimal, output_usd_mtok: Decimal, *, input_tokens: Decimal, output_tokens: Decimal
) -> Decimal:
    """What a million tokens of this mix bring on average: (p_in I + p_out O) / (I + O)."""
    tokens = input_tokens + output_tokens
    if tokens <= 0:
        raise ValueError("an average price needs tokens; got a mix of none")
    return (input_usd_mtok * input_tokens + output_usd_mtok * output_tokens) / tokens


# Market


def position_band(position: MarketPosition, reference_usd_mtok: Decimal) -> tuple[Decimal, Decimal]:
    """The lowest and the highest price of a position."""
    return reference_usd_mtok * position.low_ratio, reference_usd_mtok * position.high_ratio


# Volume


def discount_of(discounts: Sequence[VolumeDiscount], mtok_month: Decimal) -> Decimal:
    """The discount a month's volume earns, 0-1: that of the highest volume reached, for all of the month's tokens."""
    return max((one.discount_ratio for one in discounts if one.from_mtok_month <= mtok_month), default=Decimal(0))


def discounted_price(price_usd_mtok: Decimal, discounts: Sequence[VolumeDiscount], mtok_month: Decimal) -> Decimal:
    """The price a month's volume earns."""
    return price_usd_mtok * (1 - discount_of(discounts, mtok_month))


def billed_usd(price_usd_mtok: Decimal, mtok_month: Decimal, commitment: Commitment | None = None) -> Decimal:
    """What a customer pays for a month: the tokens used, or the minimum where that is more."""
    used = price_usd_mtok * mtok_month
    return used if commitment is None else max(used, commitment.minimum_usd(price_usd_mtok))
