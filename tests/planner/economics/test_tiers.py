"""Tiers against direct and true cost, at the real mix; discounts and commitments."""

from decimal import Decimal
from typing import Any

import pytest

from planner.economics.tiers import (
    CostPoint,
    InBand,
    ModelCost,
    all_splits,
    in_band,
    split_price,
    suggested_price,
    tier_rows,
)
from planner.economics.volume import commitment_rows, discount_rows
from policies.pricing import Commitment, CostBasis, Direction, PricingPolicy, Rounding, Tier, VolumeDiscount

USD = Decimal


def a_cost(direct: str = "0.30", hidden: str | None = None, **changes: Any) -> ModelCost:
    point = CostPoint(label="", direct_usd_mtok=USD(direct), hidden_usd_mtok=None if hidden is None else USD(hidden))
    values: dict[str, Any] = {
        "model": "chat",
        "points": (point,),
        "input_tokens": 1e9,
        "output_tokens": 1e9,
        "input_work_ratio": 0.25,
    }
    return ModelCost(**values | changes)


def a_policy(**changes: Any) -> PricingPolicy:
    return PricingPolicy(**{"margin_ratio": USD("0.5")} | changes)


def test_a_tier_at_cost_earns_nothing_on_the_true_cost_and_something_on_the_direct() -> None:
    (row,) = tier_rows(a_policy(tiers=(Tier(name="dev", at_cost=True),)), a_cost("0.30", "0.10"), None)
    (margin,) = row.margins
    assert row.price is not None
    assert row.price.price_usd_mtok == USD("0.40")
    assert (margin.true_ratio, margin.direct_ratio, margin.is_loss) == (0, USD("0.25"), False)


def test_a_policy_on_direct_cost_leaves_the_hidden_cost_to_the_margin() -> None:
    policy = a_policy(cost_basis=CostBasis.DIRECT)
    assert suggested_price(policy, a_cost("0.30", "0.10")).price_usd_mtok == USD("0.60")
    assert suggested_price(a_policy(), a_cost("0.30", "0.10")).price_usd_mtok == USD("0.80")


def test_a_fixed_price_under_cost_is_a_loss_at_every_assumption_it_is_held_against() -> None:
    points = tuple(CostPoint(label=at, direct_usd_mtok=USD(usd)) for at, usd in (("80 %", "0.25"), ("50 %", "0.40")))
    policy = a_policy(
        tiers=(
            Tier(name="developer", price_usd_mtok=USD("0.05")),
            Tier(name="business", price_usd_mtok=USD("0.30")),
            Tier(name="enterprise", price_usd_mtok=USD("0.50")),
        )
    )
    margins = [
        [f"{margin.true_ratio:.2f}" for margin in row.margins] for row in tier_rows(policy, a_cost(points=points), None)
    ]
    # The guide calls them break-even, 70-80 % and 80 %.
    assert margins == [["-4.00", "-7.00"], ["0.17", "-0.33"], ["0.50", "0.20"]]


def test_a_service_level_pays_for_its_headroom() -> None:
    policy = a_policy(sla_headroom_ratio=USD("0.25"), tiers=(Tier(name="sla", at_cost=True, has_sla=True),))
    (row,) = tier_rows(policy, a_cost("0.30"), None)
    assert row.price is not None
    assert row.price.price_usd_mtok == USD("0.40")
    assert row.margins[0].true_ratio == 0


def test_a_tier_by_the_market_has_no_price_without_one() -> None:
    policy = a_policy(tiers=(Tier(name="budget", market_ratio=USD("0.6")),))
    (row,) = tier_rows(policy, a_cost(), None)
    assert (row.price, row.split, row.margins, row.in_band) == (None, None, (), None)
    (row,) = tier_rows(policy, a_cost(), USD("0.20"))
    assert row.price is not None
    assert row.price.price_usd_mtok == USD("0.12")
    assert row.margins[0].is_loss


@pytest.mark.parametrize(
    ("price", "where"),
    [("0.19", InBand.BELOW), ("0.20", InBand.INSIDE), ("0.30", InBand.INSIDE), ("0.31", InBand.ABOVE)],
)
def test_the_band_includes_its_ends(price: str, where: InBand) -> None:
    assert in_band(a_policy(min_price_usd_mtok=USD("0.2"), max_price_usd_mtok=USD("0.3")), USD(price)) is where


def test_without_a_band_a_price_is_neither_inside_nor_outside() -> None:
    assert in_band(a_policy(), USD(1)) is None
    assert in_band(a_policy(min_price_usd_mtok=USD("0.5")), USD(9)) is InBand.INSIDE


def test_by_work_input_and_output_earn_the_same_margin() -> None:
    split = split_price(a_policy(), USD("0.60"), a_cost("0.30"))
    assert split is not None
    # At 1:1, a quarter of the work is input: cost 0.15 and 0.45 a million; price twice that.
    assert (split.input_usd_mtok, split.output_usd_mtok) == (USD("0.30"), USD("0.90"))
    assert split.rounding_ratio == 0


def test_by_a_ratio_the_split_is_solved_at_the_real_mix() -> None:
    split = split_price(a_policy(output_price_ratio=USD(4)), USD("0.30"), a_cost(input_tokens=3e9))
    assert split is not None
    # 0.30 x 4 / (3 + 4): three inputs and one output bring 0.30 each on average.
    assert split.input_usd_mtok == pytest.approx(USD("0.171428"), abs=USD("0.000001"))
    assert (3 * split.input_usd_mtok + split.output_usd_mtok) / 4 == pytest.approx(USD("0.30"))


def test_the_other_splits_are_listed_once_each() -> None:
    rules = [split.rule for split in all_splits(a_policy(output_price_ratio=USD(2)), USD(1), a_cost())]
    assert rules == ["output 2 x input", "output 4 x input"]
    assert [split.rule for split in all_splits(a_policy(), USD(1), a_cost(input_work_ratio=None))] == rules


def test_a_discount_comes_out_of_the_margin() -> None:
    policy = a_policy(volume_discounts=(VolumeDiscount(from_mtok_month=USD(1000), discount_ratio=USD("0.2")),))
    rows = discount_rows(policy, USD("0.50"), USD("0.30"))
    assert [(row.from_mtok_month, row.price_usd_mtok, row.margin_ratio) for row in rows] == [
        (0, USD("0.50"), USD("0.4")),
        (1000, USD("0.40"), USD("0.25")),
    ]


def test_an_unused_commitment_is_all_margin_and_a_used_one_the_prices_own() -> None:
    commitment = Commitment(name="startup", min_mtok_month=USD(500))
    unused, half, whole = commitment_rows([commitment], USD("0.30"), USD("0.20"), capacity_mtok_month=USD(1000))
    assert (unused.billed_usd, unused.margin_ratio, unused.effective_usd_mtok) == (150, 1, None)
    assert (half.billed_usd, half.effective_usd_mtok) == (150, USD("0.60"))
    assert half.margin_ratio == pytest.approx(USD("0.666667"), abs=USD("0.000001"))
    assert whole.margin_ratio == pytest.approx(USD("0.333333"), abs=USD("0.000001"))
    # How busy what is committed keeps the fleet: the same however much of it is used.
    assert [row.utilization_ratio for row in (unused, half, whole)] == [USD("0.5")] * 3
    (row,) = commitment_rows([commitment], USD(1), USD(1), capacity_mtok_month=None, used_ratios=[USD(1)])
    assert row.utilization_ratio is None


def test_rounding_of_a_tier_is_shown_with_its_effect() -> None:
    policy = a_policy(
        rounding=Rounding(step_usd_mtok=USD("0.05")), tiers=(Tier(name="startup", margin_ratio=USD("0.3")),)
    )
    (row,) = tier_rows(policy, a_cost("0.30"), None)
    assert row.price is not None
    assert (row.price.price_usd_mtok, f"{row.price.exact_usd_mtok:.4f}") == (USD("0.45"), "0.4286")
    assert f"{row.price.effect_ratio:.3f}" == "0.050"


@pytest.mark.parametrize(
    ("hourly", "step", "prices", "added"),
    [
        # The chargeback guide: 9.62 a million output tokens, 25 % and 75 % of it, "rounded to" 3.00 and 9.00.
        pytest.param("1.212", "3", ("3", "9"), "0.2475", id="to threes"),
        # 3.22 and 9.67, "rounded to" 3.50 and 10.00.
        pytest.param("1.624", "0.5", ("3.5", "10.0"), "0.0474", id="to halves"),
    ],
)
def test_the_chargeback_guides_rounding_is_a_policy_with_a_price(
    hourly: str, step: str, prices: tuple[str, str], added: str
) -> None:
    blended = USD(hourly) / (35 * 3600) * 1_000_000 / 2  # 35 output tokens a second, an input token beside each
    policy = a_policy(
        margin_ratio=USD(0),
        output_price_ratio=USD(3),
        rounding=Rounding(step_usd_mtok=USD(step), direction=Direction.UP),
    )
    split = split_price(policy, blended, a_cost(str(blended)))
    assert split is not None
    assert (split.input_usd_mtok, split.output_usd_mtok) == tuple(USD(price) for price in prices)
    assert f"{split.rounding_ratio:.4f}" == added
