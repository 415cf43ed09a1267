"""The reference world's demand, against numbers one can check in the head."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.replay.traffic import reference
from autoscaler.replay.traffic.reference import (
    REFERENCE_POLICY,
    reference_base_nodes,
    reference_demand,
    reference_policy,
)
from policies.scaling import ScalingPolicy


@pytest.fixture
def _quiet(monkeypatch):
    monkeypatch.setattr(reference, "NOISE_RATIO", 0.0)


@pytest.mark.usefixtures("_quiet")
def test_minutes_lie_between_rows_and_the_last_value_is_held():
    demand = reference_demand([10.0, 20.0])
    assert demand / demand[0] == pytest.approx([1.0 + min(minute, 10) / 10 for minute in range(20)])


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize(
    ("rows", "is_gap"), [([10.0, 0.0, 30.0], None), ([10.0, 99.0, 30.0], [False, True, False])], ids=["zero", "gap"]
)
def test_what_was_not_measured_is_a_straight_line(rows, is_gap):
    assert reference_demand(rows, is_gap) == pytest.approx(reference_demand([10.0, 20.0, 30.0]))


def test_the_mean_is_four_thousand_and_the_noise_three_percent():
    demand = reference_demand([7.0] * 2000)
    assert len(demand) == 20_000
    assert demand.mean() == pytest.approx(4000)
    assert np.log(demand).std() == pytest.approx(0.03, rel=0.03)


def test_the_noise_is_numpys_from_the_seed():
    first, second = np.random.default_rng(5).normal(0.0, 0.03, 10)[:2]
    demand = reference_demand([1.0], seed=5)
    assert demand[1] / demand[0] == pytest.approx(np.exp(second - first))
    assert not np.allclose(demand, reference_demand([1.0], seed=6))


def test_rows_may_be_hours():
    assert len(reference_demand([1.0, 2.0], minutes_per_row=60)) == 120


def test_rows_given_are_left_as_they_were():
    rows = np.array([1.0, 0.0, 3.0])
    reference_demand(rows)
    assert rows.tolist() == [1.0, 0.0, 3.0]


@pytest.mark.parametrize("rows", [[0.0, 0.0], [1.0, float("nan")], [1.0, -1.0], []])
def test_rows_that_tell_nothing_are_refused(rows):
    with pytest.raises(ValueError, match="expected finite rows"):
        reference_demand(rows)


def test_base_nodes_are_those_full_for_71_percent_of_the_time():
    demand = np.linspace(0, 10_000, 10_001)
    assert reference_base_nodes(demand) == 9  # 28.7 % of the minutes lie below 2,870 tok/s = 9.57 nodes of 300


def test_the_reference_world_fills_nodes_unless_the_policy_has_numbers_of_its_own() -> None:
    own = ScalingPolicy(low_utilization=0.3, target_utilization=0.5, high_utilization=0.6, max_drains_per_tick=7)

    played = reference_policy(own)
    assert (played.low_utilization, played.target_utilization, played.high_utilization) == (0.3, 0.5, 0.6)
    assert (played.max_drains_per_tick, played.max_launches_per_tick) == (7, 100)
    assert reference_policy(ScalingPolicy(cooldown_s=60.0)) == replace(REFERENCE_POLICY, cooldown_s=60.0)
