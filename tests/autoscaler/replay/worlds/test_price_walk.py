from decimal import Decimal
from random import Random
from statistics import fmean, pstdev

import pytest

from autoscaler.replay.worlds.price_walk import walked_prices
from autoscaler.replay.worlds.settings import PriceWalk

MEAN = Decimal("0.5")
YEAR_S = 8760 * 3600.0


def hourly(walk: PriceWalk, seed: int = 0, most: str | None = None) -> list[float]:
    """The price of every hour of a year, over the mean."""
    most_usd_hour = None if most is None else Decimal(most)
    prices = dict(walked_prices(walk, MEAN, most_usd_hour=most_usd_hour, length_s=YEAR_S, rng=Random(seed)))
    found, now = [], 0.0
    for hour in range(8760):
        now = float(prices.get(hour * 3600.0, now))
        found.append(now / float(MEAN))
    return found


def test_a_price_walks_around_its_mean_with_the_spread_it_is_told():
    ratios = [
        ratio for seed in range(5) for ratio in hourly(PriceWalk(spread_ratio=0.1, min_ratio=0.1, max_ratio=9), seed)
    ]
    assert fmean(ratios) == pytest.approx(1.0, abs=0.02)
    assert pstdev(ratios) == pytest.approx(0.1, abs=0.02)


def test_a_deviation_fades_in_the_hours_it_is_told():
    ratios = hourly(PriceWalk(spread_ratio=0.1, revert_h=10.0, min_ratio=0.1, max_ratio=9))
    ahead = [(one - 1) * (two - 1) for one, two in zip(ratios, ratios[10:], strict=False)]
    assert fmean(ahead) / pstdev(ratios) ** 2 == pytest.approx(0.37, abs=0.1)  # 1/e


def test_a_price_stays_within_its_bounds_and_below_on_demand():
    ratios = hourly(PriceWalk(spread_ratio=0.5, min_ratio=0.8, max_ratio=1.4))
    assert (min(ratios), max(ratios)) == (0.8, 1.4)
    assert max(hourly(PriceWalk(spread_ratio=0.5, min_ratio=0.8, max_ratio=1.4), most="0.6")) == 1.2


def test_the_same_seed_walks_the_same_way_and_another_does_not():
    assert hourly(PriceWalk(), 1) == hourly(PriceWalk(), 1) != hourly(PriceWalk(), 2)


def test_a_price_without_spread_is_one_step_at_the_mean():
    walk = PriceWalk(spread_ratio=0.0)
    assert walked_prices(walk, MEAN, most_usd_hour=None, length_s=YEAR_S, rng=Random(0)) == ((0.0, Decimal("0.5000")),)
