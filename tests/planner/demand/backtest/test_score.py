"""Scores of a back-test, on hours that one can reckon in the head."""

from datetime import UTC, datetime

import numpy as np
import pytest

from planner.demand.backtest.score import QUANTILES, scored
from planner.demand.backtest.value import Run

ORIGIN = datetime(2026, 9, 7, tzinfo=UTC)
PERCENT = 100 * np.array(QUANTILES)
"""A band whose 5 % is 5 tok/s, whose median is 50 and whose 95 % is 95."""


def a_run(actual: list[float], band: np.ndarray, peak: float = 100.0) -> Run:
    """One model; the same band in every hour."""
    return Run(
        origin=ORIGIN,
        method="robust",
        actual=np.array([actual]),
        mean=np.full((1, len(actual)), 50.0),
        bands=np.tile(band[:, None, None], (1, 1, len(actual))),
        peak=np.array([peak]),
    )


def runs(shift: float = 0.0) -> list[Run]:
    """Five measured hours of 60 tok/s on average, and one that was not measured."""
    return [
        a_run([50.0, 22.0, 92.0], PERCENT + shift, peak=115.0),
        a_run([96.0, 40.0, float("nan")], PERCENT + shift, peak=84.0),
    ]


def test_the_scores_of_five_hours_are_those_of_their_formulas():
    found = scored(runs(), {"day": runs(-20), "week": runs(30)}, method="robust", target="output")
    # |50 - actual| is 0, 28, 42, 46, 10: 126. About a rival's 30 it is 166; about 80, 156: the better.
    assert found.mase_vs_seasonal_naive == pytest.approx(126 / 156)
    # Within 25 to 75: 50, 40; 10 to 90: 22 too; 5 to 95: 92 too; 2.5 to 97.5: all.
    assert found.coverage == pytest.approx({0.5: 2 / 5, 0.8: 3 / 5, 0.9: 4 / 5, 0.95: 1})
    assert found.mean_width_ratio == pytest.approx(90 / 60)
    # 96 is 1 above 95, twenty times over five hours; of the better rival's 35 to 125, 22 is 13 below.
    assert found.interval_score == pytest.approx((90 + 20 * 1 / 5) / 60)
    assert found.interval_score_vs_seasonal_naive == pytest.approx((90 + 4) / (90 + 20 * 13 / 5))
    # 115 where 92 came, 84 where 96 came.
    assert found.peak_error_ratio == pytest.approx((23 / 92 + 12 / 96) / 2)
    assert (found.origins, found.horizon_hours) == (2, 3)


def test_pinball_loss_is_over_mean_demand():
    # Every level at 10 where 12 came: 2 times the level, which is 0.5 on average.
    one = [a_run([12.0], np.full(len(QUANTILES), 10.0))]
    found = scored(one, {"day": one}, method="robust", target="output")
    assert found.pinball == pytest.approx(2 * 0.5 / 12)


def test_a_rival_without_error_has_no_ratio_and_each_model_counts_alike():
    still = [a_run([50.0, 50.0], np.full(len(QUANTILES), 50.0))]
    found = scored(still, {"day": still}, method="robust", target="output")
    assert found.mase_vs_seasonal_naive is None
    assert found.interval_score_vs_seasonal_naive is None
    # A model of 10 tok/s that is never covered beside one of 1,000 that always is: half of the hours.
    both = Run(
        origin=ORIGIN,
        method="robust",
        actual=np.array([[10.0], [1000.0]]),
        mean=np.array([[20.0], [1000.0]]),
        bands=np.tile(np.array([20.0, 1000.0])[None, :, None], (len(QUANTILES), 1, 1)),
        peak=np.array([20.0, 1000.0]),
    )
    found = scored([both], {"day": [both]}, method="robust", target="output")
    assert set(found.coverage.values()) == {0.5}
    assert found.peak_error_ratio == pytest.approx((1 + 0) / 2)
