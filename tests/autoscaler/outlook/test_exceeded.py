"""The level a mixture exceeds with a given chance."""

from math import erfc, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.outlook.exceeded import level_exceeded, rise_in_sds


def test_a_normal_exceeds_its_mean_half_the_time_and_two_deviations_in_a_fortieth():
    parts = [(1.0, 10.0, 2.0)]
    assert level_exceeded(parts, 0.5, near=0.0) == pytest.approx(10, abs=0.01)
    assert level_exceeded(parts, 0.02275, near=0.0) == pytest.approx(14, abs=0.01)


def test_weights_need_not_sum_to_one():
    assert level_exceeded([(0.3, 10.0, 2.0)], 0.5, near=0.0) == pytest.approx(10, abs=0.01)


@given(
    parts=st.lists(st.tuples(st.floats(0.01, 1), st.floats(-100, 100), st.floats(0.1, 50)), min_size=1, max_size=12),
    chance=st.floats(1e-4, 0.25),
    near=st.floats(-1e3, 1e3),
)
def test_the_level_has_the_chance_it_was_asked_for(parts, chance, near):
    level = level_exceeded(parts, chance, near=near)

    def above(at: float) -> float:
        total = sum(weight for weight, _, _ in parts)
        return sum(weight * erfc((at - mean) / sd / sqrt(2)) / 2 for weight, mean, sd in parts) / total

    slack = 0.02 * max(sd for _, _, sd in parts)
    assert above(level - slack) >= chance >= above(level + slack)


@pytest.mark.parametrize(
    ("parts", "rise"),
    [
        pytest.param([(1.0, 12.0, 2.0)], 1.0, id="one deviation above"),
        pytest.param([(0.2, 8.0, 2.0)], -1.0, id="one below, whatever the weight"),
        pytest.param([(1.0, 8.0, 0.1), (1.0, 12.0, 0.1)], 0.0, id="as far up as down"),
        pytest.param([(1.0, 10.0, 1.0), (1.0, 14.0, 1.0)], 2 / 5**0.5, id="2 above, and 2 of spread beside 1 each"),
        pytest.param([(1.0, 30.0, 1.0)], 2.0, id="no more than two"),
        pytest.param([(1.0, -30.0, 1.0)], -2.0, id="nor less"),
    ],
)
def test_a_rise_counts_in_deviations_of_the_whole(parts, rise):
    assert rise_in_sds(parts, 10.0) == pytest.approx(rise)
