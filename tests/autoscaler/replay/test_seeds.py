"""Many seeds: each setting over all of them, the seed itself no choice."""

from decimal import Decimal

import pytest

from autoscaler.replay.seeds import LOW, is_over_seeds, over_seeds, ranked
from autoscaler.replay.sweep import SweptPoint
from tests.autoscaler.report.replays import a_replayed


def a_point(bill: str, unserved_ratio: float, **settings: str) -> SweptPoint:
    """A point without a bound."""
    replayed = a_replayed(bill_usd=Decimal(bill), unserved_ratio=unserved_ratio, bound_usd=None)
    return SweptPoint(settings=settings, replayed=replayed)


def test_each_setting_is_one_row_over_its_seeds() -> None:
    points = [
        a_point("10", 0.0, hold="1", seed="0"),
        a_point("20", 0.004, hold="1", seed="1"),
        a_point("7", 0.1, hold="2", seed="0"),
        a_point("9", 0.3, hold="2", seed="1"),
    ]
    short, long = over_seeds(points, 0.001)
    assert (short.settings, short.seeds, short.short_seeds) == ({"hold": "1"}, 2, 1)
    assert (short.bill_usd, short.bill_low_usd, short.bill_high_usd) == (Decimal(15), Decimal(10), Decimal(20))
    assert short.unserved_ratio == pytest.approx(0.002)
    assert (long.settings, long.short_seeds, long.unserved_high_ratio) == ({"hold": "2"}, 2, 0.3)
    assert short.ratio_to_bound is None


def test_low_is_a_value_that_one_in_twenty_does_not_pass() -> None:
    assert ranked([float(n) for n in range(1, 101)], LOW) == 5
    assert ranked([3.0, 1.0, 2.0], LOW) == 1


def test_one_seed_is_no_spread() -> None:
    assert not is_over_seeds([a_point("1", 0.0, seed="0", hold="1"), a_point("1", 0.0, seed="0", hold="2")])
    assert is_over_seeds([a_point("1", 0.0, seed="0"), a_point("1", 0.0, seed="1")])
    assert not is_over_seeds([a_point("1", 0.0, hold="1")])
