"""Prices from cost and market: markup and margin apart, rounding shown, splits neutral at their mix."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.pricing import (
    Commitment,
    CostBasis,
    Direction,
    MarketPosition,
    PricingPolicy,
    Rounding,
    Tier,
    VolumeDiscount,
    average_price,
    billed_usd,
    cost_plus,
    discount_of,
    discounted_price,
    margin_of,
    markup_of,
    neutral_split,
    position_band,
    price_by_margin,
    price_by_markup,
    round_price,
    tier_price,
    with_sla_headroom,
)

USD = Decimal
COSTS = st.decimals(min_value="0.0001", max_value="1000", places=4)
RATIOS = st.decimals(min_value="0", max_value="0.99", places=2)
TOKENS = st.decimals(min_value="0.01", max_value="1000", places=2)


def test_a_markup_of_a_half_is_a_margin_of_a_third() -> None:
    price = price_by_markup(USD("0.30"), USD("0.5"))
    assert price == USD("0.45")  # the guide's example, which calls the markup a margin
    assert markup_of(price, USD("0.30")) == USD("0.5")
    assert margin_of(price, USD("0.30")) == pytest.approx(USD(1) / 3)
    assert price_by_margin(USD("0.30"), USD("0.5")) == USD("0.60")


@given(COSTS, RATIOS)
def test_a_price_by_margin_has_that_margin_and_one_by_markup_that_markup(cost: Decimal, ratio: Decimal) -> None:
    assert margin_of(price_by_margin(cost, ratio), cost) == pytest.approx(ratio)
    assert markup_of(price_by_markup(cost, ratio), cost) == pytest.approx(ratio)


def test_what_is_given_away_has_no_margin_and_what_costs_nothing_no_markup() -> None:
    assert margin_of(USD(0), USD("0.1")) is None
    assert markup_of(USD("0.1"), USD(0)) is None


@pytest.mark.parametrize(
    ("price", "step", "direction", "rounded", "percent"),
    [
        pytest.param("2.40", "0.5", "up", "2.50", "4.2", id="up to the next half"),
        pytest.param("2.40", "0.5", "down", "2.00", "-16.7", id="down to the last half"),
        pytest.param("2.25", "0.5", "nearest", "2.50", "11.1", id="half a step goes up"),
        pytest.param("2.40", "0.6", "up", "2.40", "0.0", id="a multiple stays"),
    ],
)
def test_rounding_goes_to_a_step_and_says_what_it_adds(
    price: str, step: str, direction: str, rounded: str, percent: str
) -> None:
    found = round_price(USD(price), Rounding(step_usd_mtok=USD(step), direction=Direction(direction)))
    assert found.price_usd_mtok == USD(rounded)
    assert found.effect_usd_mtok == USD(rounded) - USD(price)
    assert found.effect_ratio is not None
    assert f"{found.effect_ratio * 100:.1f}" == percent


def test_no_rounding_changes_nothing() -> None:
    found = round_price(USD("0.123456789"), None)
    assert (found.price_usd_mtok, found.effect_usd_mtok) == (USD("0.123456789"), 0)


@given(COSTS, st.sampled_from(Direction), st.sampled_from(["0.01", "0.05", "0.3"]))
def test_rounding_moves_less_than_a_step_the_way_it_says(price: Decimal, direction: Direction, step: str) -> None:
    found = round_price(price, Rounding(step_usd_mtok=USD(step), direction=direction))
    assert abs(found.effect_usd_mtok) < USD(step)
    assert found.price_usd_mtok % USD(step) == 0
    if direction is Direction.UP:
        assert found.effect_usd_mtok >= 0
    if direction is Direction.DOWN:
        assert found.effect_usd_mtok <= 0


@pytest.mark.parametrize(
    ("ratio", "input_price", "output_price"),
    [pytest.param(2, "0.20", "0.40", id="2:1"), pytest.param(4, "0.12", "0.48", id="4:1")],
)
def test_the_guides_splits_solved_at_equal_input_and_output(ratio: int, input_price: str, output_price: str) -> None:
    prices = neutral_split(USD("0.30"), input_tokens=USD(1), output_tokens=USD(1), output_price_ratio=USD(ratio))
    assert prices == (USD(input_price), USD(output_price))


@pytest.mark.parametrize(
    ("input_price", "output_price", "average"), [("0.15", "0.30", "0.225"), ("0.1", "0.4", "0.25")]
)
def test_the_guides_own_splits_bring_less_than_030(input_price: str, output_price: str, average: str) -> None:
    brought = average_price(USD(input_price), USD(output_price), input_tokens=USD(1), output_tokens=USD(1))
    assert brought == USD(average)


@given(COSTS, TOKENS, TOKENS, TOKENS)
def test_a_neutral_split_brings_what_one_price_brings(
    price: Decimal, input_tokens: Decimal, output_tokens: Decimal, ratio: Decimal
) -> None:
    mix = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    low, high = neutral_split(price, **mix, output_price_ratio=ratio)
    assert high == pytest.approx(low * ratio)
    assert average_price(low, high, **mix) == pytest.approx(price)


def test_a_mix_of_no_tokens_has_no_split() -> None:
    with pytest.raises(ValueError, match="needs tokens"):
        neutral_split(USD(1), input_tokens=USD(0), output_tokens=USD(0), output_price_ratio=USD(2))


@pytest.mark.parametrize(
    ("rule", "price"),
    [
        ({"at_cost": True}, "0.40"),
        ({"markup_ratio": USD("0.5")}, "0.60"),
        ({"margin_ratio": USD("0.5")}, "0.80"),
        ({"price_usd_mtok": USD("0.123")}, "0.123"),
        ({"market_ratio": USD("0.6")}, "0.12"),
    ],
    ids=lambda rule: next(iter(rule)) if isinstance(rule, dict) else rule,
)
def test_a_tiers_price_is_made_by_its_one_rule(rule: dict[str, Any], price: str) -> None:
    found = tier_price(
        Tier(name="t", **rule),
        cost_usd_mtok=USD("0.40"),
        reference_usd_mtok=USD("0.20"),
        rounding=Rounding(step_usd_mtok=USD("0.01")),
    )
    assert found is not None
    assert found.price_usd_mtok == USD(price)


def test_a_share_of_an_unknown_market_is_no_price() -> None:
    tier = Tier(name="t", market_ratio=USD("0.6"))
    assert tier_price(tier, cost_usd_mtok=USD(1), reference_usd_mtok=None) is None


def test_a_quarter_kept_free_makes_a_token_a_third_dearer() -> None:
    assert with_sla_headroom(USD("0.30"), USD("0.25")) == USD("0.40")


def test_the_budget_position_is_half_to_seven_tenths_of_the_reference() -> None:
    (budget, value, premium) = PricingPolicy(margin_ratio=USD("0.5")).positions
    assert position_band(budget, USD("0.20")) == (USD("0.10"), USD("0.14"))
    assert position_band(value, USD("0.20")) == (USD("0.20"), USD("0.20"))
    assert premium.market_class == "frontier-small"


DISCOUNTS = (
    VolumeDiscount(from_mtok_month=USD(1000), discount_ratio=USD("0.05")),
    VolumeDiscount(from_mtok_month=USD(5000), discount_ratio=USD("0.1")),
)


@pytest.mark.parametrize(("mtok", "ratio"), [(999, "0"), (1000, "0.05"), (4999, "0.05"), (5000, "0.1"), (9**9, "0.1")])
def test_a_discount_holds_from_its_volume_on(mtok: int, ratio: str) -> None:
    assert discount_of(DISCOUNTS, USD(mtok)) == USD(ratio)
    assert discounted_price(USD(1), DISCOUNTS, USD(mtok)) == 1 - USD(ratio)


def test_a_commitment_is_paid_whether_it_is_used_or_not() -> None:
    tokens = Commitment(name="a", min_mtok_month=USD(500))
    money = Commitment(name="b", min_usd_month=USD(100))
    assert billed_usd(USD("0.30"), USD(200), tokens) == 150  # 500 x 0.30
    assert billed_usd(USD("0.30"), USD(600), tokens) == 180
    assert billed_usd(USD("0.30"), USD(200), money) == 100
    assert billed_usd(USD("0.30"), USD(200)) == 60
    assert money.minimum_mtok(USD("0.25")) == 400


def test_cost_plus_is_by_the_one_ratio_of_the_policy_then_rounded() -> None:
    rounding = Rounding(step_usd_mtok=USD("0.05"), direction=Direction.UP)
    by_margin = cost_plus(PricingPolicy(margin_ratio=USD("0.5"), rounding=rounding), USD("0.26"))
    by_markup = cost_plus(PricingPolicy(markup_ratio=USD("0.5"), rounding=rounding), USD("0.26"))
    assert (by_margin.exact_usd_mtok, by_margin.price_usd_mtok) == (USD("0.52"), USD("0.55"))
    assert (by_markup.exact_usd_mtok, by_markup.price_usd_mtok) == (USD("0.39"), USD("0.40"))


WRONG: list[tuple[Any, dict[str, Any], str]] = [
    (PricingPolicy, {}, "neither given; expected exactly one"),
    (PricingPolicy, {"markup_ratio": USD(1), "margin_ratio": USD(0)}, "both given; expected exactly one"),
    (PricingPolicy, {"margin_ratio": USD(1)}, "margin_ratio must be below 1"),
    (PricingPolicy, {"markup_ratio": USD(-1)}, "markup_ratio must be above -1"),
    (PricingPolicy, {"margin_ratio": USD(0), "sla_headroom_ratio": USD(1)}, "sla_headroom_ratio must be in"),
    (PricingPolicy, {"margin_ratio": USD(0), "reference_quantile": USD(2)}, "reference_quantile must be in"),
    (PricingPolicy, {"margin_ratio": USD(0), "split_ratios": (USD(0),)}, "split_ratios must be above 0"),
    (
        PricingPolicy,
        {"margin_ratio": USD(0), "min_price_usd_mtok": USD(2), "max_price_usd_mtok": USD(1)},
        "max_price_usd_mtok must be min_price_usd_mtok or more",
    ),
    (
        PricingPolicy,
        {"margin_ratio": USD(0), "tiers": (Tier(name="a", at_cost=True), Tier(name="a", at_cost=True))},
        "tier 'a' appears twice",
    ),
    (PricingPolicy, {"margin_ratio": USD(0), "volume_discounts": DISCOUNTS[::-1]}, "must rise in from_mtok_month"),
    (
        PricingPolicy,
        {"margin_ratio": USD(0), "volume_discounts": (DISCOUNTS[0], replace(DISCOUNTS[1], discount_ratio=USD("0.04")))},
        "must rise in discount_ratio",
    ),
    (Tier, {"name": "a"}, "must have one of .* got none"),
    (Tier, {"name": "a", "at_cost": True, "margin_ratio": USD(0)}, "got at_cost and margin_ratio"),
    (Tier, {"name": " ", "at_cost": True}, "name is empty"),
    (Rounding, {"step_usd_mtok": USD(0)}, "step_usd_mtok must be above 0"),
    (MarketPosition, {"name": "a", "low_ratio": USD(1), "high_ratio": USD("0.5")}, "high_ratio must be low_ratio or"),
    (VolumeDiscount, {"from_mtok_month": USD(1), "discount_ratio": USD(1)}, r"discount_ratio must be in \(0, 1\)"),
    (Commitment, {"name": "a"}, "must have one of"),
    (Commitment, {"name": "a", "min_usd_month": USD("NaN")}, "min_usd_month must be above 0"),
]


@pytest.mark.parametrize(("kind", "values", "said"), WRONG, ids=[case[2] for case in WRONG])
def test_a_policy_that_cannot_be_meant_is_refused_by_name(kind: Any, values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        kind(**values)


def test_prices_are_made_of_true_cost_unless_told_otherwise() -> None:
    assert PricingPolicy(margin_ratio=USD(0)).cost_basis is CostBasis.TRUE
