"""Scaling policy: its rules, its band, its shares and its back-off."""

from decimal import Decimal
from typing import Any

import pytest

from policies.scaling import (
    ScalingPolicy,
    backoff_s,
    is_above_band,
    is_below_band,
    is_enough,
    most_by_share,
    wanted_capacity,
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"target_utilization": 0.5}, "expected 0 < low_utilization <= target_utilization"),
        ({"high_utilization": 1.1}, "high_utilization <= 1"),
        ({"low_utilization": 0}, "expected 0 < low_utilization"),
        ({"max_pool_share": 1.5}, r"max_pool_share must be in \[0, 1\], got 1.5"),
        ({"cooldown_s": -1}, "cooldown_s must be 0 or more, got -1"),
        ({"queue_clear_s": 0}, "queue_clear_s must be above 0, got 0"),
        ({"stale_after_s": float("nan")}, "stale_after_s must be above 0, got nan"),
        ({"max_launches_per_tick": 0}, "max_launches_per_tick must be 1 or more, got 0"),
        ({"max_nodes": -1}, "max_nodes must be 0 or more"),
        ({"max_usd_month": Decimal("NaN")}, "max_usd_month must be"),
        ({"max_usd_hour": Decimal("Infinity")}, "max_usd_hour must be"),
        ({"backoff_most_s": 30}, "backoff_most_s must be backoff_first_s or more, got 30"),
        ({"min_saving_ratio": 1}, r"min_saving_ratio must be in \[0, 1\), got 1"),
        ({"min_nodes": {"chat": -1}}, "min_nodes.chat must be 0 or more, got -1"),
    ],
)
def test_a_wrong_number_is_refused_with_its_rule(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ScalingPolicy(**changed)


def test_no_limit_and_a_limit_of_zero_are_told_apart() -> None:
    assert ScalingPolicy().max_nodes is None
    assert ScalingPolicy(max_nodes=0, max_usd_month=Decimal(0)).max_nodes == 0


def test_exactly_at_an_end_of_the_band_is_inside_it() -> None:
    policy = ScalingPolicy()
    assert not is_above_band(policy, 8.5, 10)
    assert is_above_band(policy, 8.501, 10)
    assert not is_below_band(policy, 6.0, 0, 10)
    assert is_below_band(policy, 5.999, 0, 10)


def test_the_base_is_filled_to_the_target_before_the_burst_counts_as_busy() -> None:
    # 30 base nodes carry 22.5 at 75 %: the three burst nodes beside them have nothing to do at 22, and 60 % at 24.3
    policy = ScalingPolicy()
    assert is_below_band(policy, 22, 30, 3)
    assert not is_below_band(policy, 24.3, 30, 3)


def test_capacity_wanted_is_work_over_the_target() -> None:
    assert wanted_capacity(ScalingPolicy(), 6) == 8
    assert wanted_capacity(ScalingPolicy(target_utilization=1.0, high_utilization=1.0), 6) == 6
    assert is_enough(0.1 + 0.2, 0.3)
    assert is_enough(0.3, 0.1 + 0.2)
    assert not is_enough(0.29, 0.3)


@pytest.mark.parametrize(
    ("share", "burst", "most"),
    [
        pytest.param(0.5, 1, 1, id="one node is always allowed"),
        pytest.param(0.5, 2, 2, id="and a second: 1 + 1"),
        pytest.param(0.5, 3, 2, id="floor(1.5) + 1"),
        pytest.param(0.7, 10, 8, id="7 + 1"),
        pytest.param(0.29, 100, 30, id="0.29 x 100 is 29, whatever a float says"),
        pytest.param(0.0, 100, 0, id="a share of 0: none"),
        pytest.param(1.0, 100, None, id="a share of 1: no limit"),
    ],
)
def test_a_share_in_whole_nodes(share: float, burst: int, most: int | None) -> None:
    assert most_by_share(share, burst) == most


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0), (1, 60), (2, 120), (3, 240), (6, 1800), (5000, 1800)])
def test_each_refusal_doubles_the_back_off_up_to_the_most(failures: int, seconds: float) -> None:
    assert backoff_s(ScalingPolicy(), failures) == seconds
