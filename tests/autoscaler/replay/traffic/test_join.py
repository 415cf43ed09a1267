"""Long steps joined by straight lines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.traffic.join import joined
from tests.autoscaler.replay.builders import traffic


def test_an_hour_between_a_lower_and_a_higher_one_rises_through_its_mean() -> None:
    """Middles at 100, 200 and 300: the hour in between runs from 150 to 250, a minute at a time."""
    found = joined(traffic([100.0, 200.0, 300.0], step_s=3600.0))

    assert (found.step_s, found.output_tok_s.shape) == (60.0, (1, 180))
    hour = found.output_tok_s[0, 60:120]
    assert hour[0] == pytest.approx(150 + 100 / 120)
    assert hour[-1] == pytest.approx(250 - 100 / 120)
    assert hour.mean() == pytest.approx(200)
    assert "60 minutes" in found.remarks[-1]


def test_steps_below_five_minutes_are_what_was_measured() -> None:
    short = traffic([100.0, 200.0], step_s=60.0)

    assert joined(short) is short


def test_an_hour_without_traffic_stays_without() -> None:
    found = joined(traffic([100.0, 0.0, 300.0], step_s=3600.0))

    assert found.output_tok_s[0, 60:120].tolist() == [0.0] * 60


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_every_step_keeps_its_tokens(means: list[float]) -> None:
    found = joined(traffic(means, step_s=600.0))

    assert np.allclose(found.output_tok_s.reshape(len(means), 10).mean(axis=1), means)
    assert (found.output_tok_s >= 0).all()
