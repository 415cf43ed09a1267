"""Break-even: the guide's table with constant burst, and what becomes of it when burst grows with traffic."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.economics.breakeven import TrafficCost, break_even, break_even_rows, linear_cost

USD = Decimal
GUIDE = linear_cost(USD(258), USD(0))  # AX102 154 + AX42 54 + monitoring 20 + burst 30, whatever the traffic


@pytest.mark.parametrize(
    ("price", "mtok", "requests"),
    [
        pytest.param("0.10", 2580, 172_000, id="0.10"),
        pytest.param("0.20", 1290, 86_000, id="0.20"),
        pytest.param("0.30", 860, 57_333, id="0.30"),
        pytest.param("0.50", 516, 34_400, id="0.50"),
        pytest.param("1.00", 258, 17_200, id="1.00"),
    ],
)
def test_the_guides_table_of_constant_burst(price: str, mtok: int, requests: int) -> None:
    row = break_even(GUIDE, USD(price), tokens_per_request=USD(500))
    assert row.mtok_month == mtok
    assert row.requests_day == pytest.approx(USD(requests), abs=USD(1))


def test_860_million_tokens_a_month_are_287_million_a_day_and_332_a_second() -> None:
    row = break_even(GUIDE, USD("0.30"))
    assert row.tokens_day == pytest.approx(USD("28_666_667"), abs=USD("1"))
    assert row.tok_s == pytest.approx(USD("331.8"), abs=USD("0.05"))  # the guide: about 330
    assert row.cost_usd_month == 258
    assert row.requests_day is None


def test_burst_that_grows_with_traffic_moves_break_even_up() -> None:
    row = break_even(linear_cost(USD(228), USD("0.06")), USD("0.30"))
    assert row.mtok_month == 950  # 228 / (0.30 - 0.06), not 860


def test_a_price_at_or_under_the_cost_of_a_token_never_breaks_even() -> None:
    for price in ("0.05", "0.06"):
        row = break_even(linear_cost(USD(228), USD("0.06")), USD(price))
        assert (row.mtok_month, row.tok_s, row.tokens_day) == (None, None, None)
        assert row.why_never == "each token costs more than it brings"


def test_what_the_fleet_cannot_serve_does_not_break_even() -> None:
    served = linear_cost(USD(154), USD(0), capacity_mtok=USD("777.6"))  # 300 tok/s over 720 h
    assert break_even(served, USD("0.19")).why_never == "not even with all the fleet can serve"
    row = break_even(served, USD("0.20"))
    assert row.mtok_month == 770
    assert row.capacity_ratio == pytest.approx(USD("0.990"), abs=USD("0.001"))


def test_a_price_between_two_slopes_pays_only_up_to_some_traffic() -> None:
    # Base carries 1000 Mtok for 100 USD; each further one costs 0.50 as burst.
    cost = TrafficCost(points=((USD(0), USD(100)), (USD(1000), USD(100))), beyond_usd_mtok=USD("0.5"))
    row = break_even(cost, USD("0.2"))
    assert row.mtok_month == 500
    assert row.until_mtok_month == pytest.approx(USD("1333.33"), abs=USD("0.01"))  # 0.2 t = 100 + 0.5 (t - 1000)
    assert break_even(cost, USD("0.6")).until_mtok_month is None


def test_break_even_where_two_slopes_meet_is_one_point() -> None:
    # 100 USD up to 1000 Mtok, then 0.05 each: at 0.10 revenue meets cost just there, and stays above it.
    cost = TrafficCost(points=((USD(0), USD(100)), (USD(1000), USD(100))), beyond_usd_mtok=USD("0.05"))
    row = break_even(cost, USD("0.1"))
    assert (row.mtok_month, row.until_mtok_month) == (1000, None)


def test_a_price_that_only_touches_its_cost_is_a_loss_again_at_once() -> None:
    cost = TrafficCost(points=((USD(0), USD(100)), (USD(1000), USD(100))), beyond_usd_mtok=USD("0.5"))
    row = break_even(cost, USD("0.1"))
    assert (row.mtok_month, row.until_mtok_month) == (1000, 1000)


def test_without_fixed_cost_the_first_token_pays() -> None:
    assert break_even(linear_cost(USD(0), USD("0.1")), USD("0.2")).mtok_month == 0


def test_growth_dearer_than_the_price_before_the_fixed_cost_is_earned_is_never() -> None:
    cost = TrafficCost(points=((USD(0), USD(100)), (USD(100), USD(100))), beyond_usd_mtok=USD("0.5"))
    assert break_even(cost, USD("0.4")).why_never.startswith("growing traffic costs more than it brings")


PRICES = st.decimals(min_value="0.01", max_value="2", places=2)


@given(
    st.decimals(min_value="0", max_value="1000", places=2),
    st.decimals(min_value="0", max_value="1", places=2),
    PRICES,
)
def test_at_break_even_revenue_is_cost(fixed: Decimal, slope: Decimal, price: Decimal) -> None:
    cost = linear_cost(fixed, slope)
    row = break_even(cost, price)
    if row.mtok_month is None:
        assert price <= slope
    else:
        assert cost.usd(row.mtok_month) == pytest.approx(price * row.mtok_month)


@given(
    st.lists(st.decimals(min_value="0", max_value="1", places=2), min_size=1, max_size=5),
    st.decimals(min_value="1", max_value="100", places=2),
    PRICES,
)
def test_between_break_even_and_its_end_each_traffic_earns(
    slopes: list[Decimal], fixed: Decimal, price: Decimal
) -> None:
    points = [(USD(0), fixed)]
    for slope in slopes[:-1]:
        points.append((points[-1][0] + 100, points[-1][1] + slope * 100))
    cost = TrafficCost(points=tuple(points), beyond_usd_mtok=slopes[-1])
    row = break_even(cost, price)
    if row.mtok_month is None:
        return
    end = row.until_mtok_month or row.mtok_month + 1000
    middle = (row.mtok_month + end) / 2
    paid = cost.usd(middle)
    assert paid is not None
    assert price * middle >= paid - USD("0.000001")


def test_a_dearer_price_never_needs_more_traffic() -> None:
    rows = break_even_rows(linear_cost(USD(228), USD("0.06")), [USD("0.1"), USD("0.2"), USD("0.3")])
    needed = [row.mtok_month for row in rows if row.mtok_month is not None]
    assert len(needed) == 3
    assert needed == sorted(needed, reverse=True)


def test_cost_between_the_points_is_on_the_line_and_beyond_the_end_unknown() -> None:
    cost = linear_cost(USD(100), USD("0.1"), capacity_mtok=USD(1000))
    assert (cost.usd(USD(500)), cost.usd(USD(1000)), cost.usd(USD(1001))) == (150, 200, None)
    assert (cost.fixed_usd, cost.capacity_mtok) == (100, 1000)
    with pytest.raises(ValueError, match="starts at no traffic"):
        TrafficCost(points=((USD(1), USD(1)),))
    with pytest.raises(ValueError, match="must rise"):
        TrafficCost(points=((USD(0), USD(1)), (USD(0), USD(2))))
