"""True cost: the pricing guide's full cost example, and lines over spans other than a month."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from planner.economics.quote import traffic_spend
from planner.economics.spend import ModelSpend, Spend, SpendBasis, SpendLine
from planner.economics.true_cost import true_cost
from policies.hidden import HiddenBasis, HiddenCost, HiddenKind
from policies.pricing import price_by_margin


def a_line(usd: str, basis: HiddenBasis = HiddenBasis.MONTH) -> HiddenCost:
    return HiddenCost(kind=HiddenKind.SUPPORT, basis=basis, price_usd=Decimal(usd))


def test_the_guides_full_cost_example() -> None:
    spend = traffic_spend(
        name="fleet", cost_usd_month=Decimal(500), mtok_month=Decimal(3000), mix=Decimal(1), price_basis="USD"
    )
    cost = true_cost(spend, [a_line("150"), a_line("50")])
    assert (cost.direct_usd, cost.hidden_usd, cost.true_usd) == (500, 200, 700)
    earned = cost.at_price(Decimal("0.25"))
    assert earned is not None
    assert (earned.revenue_usd, earned.true_profit_usd) == (750, 50)
    assert round(earned.true_margin_ratio, 2) == Decimal("0.07")
    assert round(earned.direct_margin_ratio, 2) == Decimal("0.33")
    unit = cost.per_mtok(cost.true_usd)
    assert unit is not None
    assert round(price_by_margin(unit, Decimal("0.5")), 2) == Decimal("0.47")


def a_week() -> Spend:
    """A week of February: a quarter of the month, 2 nodes on, 1,000 Mtok, 100 USD."""
    return Spend(
        basis=SpendBasis.PLAN,
        source="plan.json",
        price_basis="USD net of VAT",
        start=datetime(2026, 2, 1, tzinfo=UTC),
        end=datetime(2026, 2, 8, tzinfo=UTC),
        hours=Decimal(168),
        lines=(SpendLine(what="base fees", amount_usd=Decimal(100), grows_with_traffic=False),),
        models=(
            ModelSpend(
                model="m",
                cost_usd=Decimal(100),
                input_tokens=800e6,
                output_tokens=200e6,
                input_work_ratio=0.5,
                utilization=0.5,
            ),
        ),
        node_hours=Decimal(336),
    )


def test_lines_of_part_of_a_month_are_that_part() -> None:
    cost = true_cost(a_week(), [a_line("40"), a_line("10", HiddenBasis.SERVER), a_line("0.02", HiddenBasis.MTOK)])
    _, fixed, servers, tokens = cost.rows
    assert (fixed.amount_usd, servers.amount_usd, tokens.amount_usd) == (10, 5, 20)
    assert (fixed.usd_month, tokens.usd_month, cost.per_month(cost.direct_usd)) == (40, 80, 400)
    assert cost.per_mtok(cost.true_usd) == Decimal("0.135")


def test_a_price_per_server_needs_to_know_the_servers() -> None:
    spend = traffic_spend(
        name="fleet", cost_usd_month=Decimal(500), mtok_month=Decimal(3000), mix=Decimal(1), price_basis="USD"
    )
    with pytest.raises(ValueError, match="support is priced per server"):
        true_cost(spend, [a_line("1", HiddenBasis.SERVER)])
    with pytest.raises(ValueError, match="price_usd_mtok must be above 0"):
        true_cost(spend, []).at_price(Decimal(0))
