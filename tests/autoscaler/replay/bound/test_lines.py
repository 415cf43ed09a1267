"""Lines that bound a convex function: where they stand for it, and where a new value is made."""

import numpy as np
import pytest

from autoscaler.replay.bound.lines import Lines, Tangents


def parabola(asked: list[float]):
    """(10 - x)^2 up to 10, by value and slope; remembers what it was asked."""

    def solve(at: float) -> tuple[float, float]:
        asked.append(at)
        return (10 - at) ** 2, -2 * (10 - at)

    return solve


def test_a_line_stands_for_the_function_only_where_the_chord_is_near_it() -> None:
    asked: list[float] = []
    tangents = Tangents(solve=parabola(asked), zero_at=10.0, slack_ratio=0.01)
    assert tangents.usd(0.0) == 100
    assert tangents.usd(1.0) == 81
    assert tangents.usd(0.05) == pytest.approx(99.0)  # the line at 0; the function has 99.0025
    assert asked == [0.0, 1.0]
    assert tangents.usd(5.0) == 25
    assert asked == [0.0, 1.0, 5.0]


def test_without_slack_every_value_is_made_once() -> None:
    asked: list[float] = []
    tangents = Tangents(solve=parabola(asked), zero_at=10.0, slack_ratio=0.0)
    assert [tangents.usd(at) for at in (0.0, 0.001, 0.0)] == pytest.approx([100, 99.980001, 100])
    assert asked == [0.0, 0.001]
    assert tangents.usd(10.0) == 0.0


def test_the_best_price_of_a_token_is_found() -> None:
    """Three schedules, by cost and tokens left: least over them of cost + price x left, a line for each."""
    schedules = np.array([[9.0, 0.0], [4.0, 10.0], [0.0, 100.0]])

    def value(prices: np.ndarray) -> np.ndarray:
        return (schedules[:, :1] + schedules[:, 1:] * prices).min(axis=0)

    lines = Lines(value=value, least_usd=1e-3)
    assert lines.usd(10.0) == pytest.approx(4.0)
    assert lines.usd(5.0) == pytest.approx(6.5)
    assert lines.usd(55.0) == pytest.approx(2.0)
    assert lines.usd(0.0) == pytest.approx(9.0)
