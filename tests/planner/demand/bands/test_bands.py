"""Bands, paths and peaks: what past errors say, and no more than they can."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.demand.bands.conformal import Spread, around, bucket_of, edges_of, quantiles_of, spread_of
from planner.demand.bands.day_class import doubled, hour_class, unseen
from planner.demand.bands.held_out import HeldOut
from planner.demand.bands.paths import along, drawn_ranks
from planner.demand.bands.peaks import peaks_of
from planner.demand.bands.scores import coverage, interval_score, pinball
from planner.demand.bands.weighted import weighted_quantiles, worth_of
from planner.demand.forecast import Forecast
from planner.demand.local_time import local_time

FRIDAY = datetime(2026, 11, 20, tzinfo=UTC)
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def held_out(actual: np.ndarray, predicted: np.ndarray, age_days: np.ndarray | None = None) -> HeldOut:
    """Of (origins, hours), every hour a working day's first; all origins today's unless told."""
    return HeldOut(
        predicted=predicted[:, None],
        actual=actual[:, None],
        hour_class=np.zeros(actual.shape, dtype=np.int64),
        age_days=np.zeros(len(actual)) if age_days is None else age_days,
    )


def bands_of(known: HeldOut, predicted: np.ndarray, levels=LEVELS) -> np.ndarray:
    spread = spread_of(known, 0)
    return around(predicted, np.zeros(len(predicted), dtype=np.int64), spread.by_class, edges_of(spread, levels))


def test_the_band_covers_new_hours_as_often_as_its_level_says():
    rng = np.random.default_rng(1)
    truth = 1000 * np.exp(rng.normal(0, 0.3, (440, 24)))
    known = held_out(truth[:40], np.full((40, 24), 1000.0))
    band = bands_of(known, np.full(24, 1000.0))
    assert coverage(band[0], band[-1], truth[40:]) == pytest.approx(0.9, abs=0.04)
    assert band[2] == pytest.approx(np.full(24, 1000.0))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), origins=st.integers(0, 20), hours=st.integers(1, 400), gaps=st.floats(0, 0.9))
def test_bands_rise_with_their_level_and_are_numbers_whatever_was_measured(
    seed: int, origins: int, hours: int, gaps: float
):
    rng = np.random.default_rng(seed)
    actual = rng.exponential(100, (origins, hours))
    actual[rng.random(actual.shape) < gaps] = np.nan
    band = bands_of(held_out(actual, rng.exponential(100, (origins, hours))), rng.exponential(100, hours))
    assert np.isfinite(band).all()
    assert (band >= 0).all()
    assert (np.diff(band, axis=0) >= 0).all()


def test_few_origins_make_a_wider_band_than_many_of_the_same_errors():
    errors = np.exp(np.tile(np.linspace(-0.1, 0.1, 24), (30, 1)))
    few, many = (
        bands_of(held_out(1000 * errors[:count], np.full((count, 24), 1000.0)), np.full(24, 1000.0))
        for count in (3, 30)
    )
    assert (few[-1] - few[0] > 1.2 * (many[-1] - many[0])).all()
    assert (bands_of(held_out(np.empty((0, 24)), np.empty((0, 24))), np.full(24, 1000.0))[-1] > 2000).all()


def test_errors_that_grow_with_the_hours_ahead_make_bands_that_do():
    rng = np.random.default_rng(2)
    growth = np.linspace(0.05, 0.5, 240)
    known = held_out(1000 * np.exp(rng.normal(0, growth, (28, 240))), np.full((28, 240), 1000.0))
    band = bands_of(known, np.full(240, 1000.0))
    width = band[-1] - band[0]
    assert bucket_of(240)[[0, 23, 24, 72, 168]].tolist() == [0, 0, 1, 2, 3]
    assert width[0] < width[30] < width[100] < width[200]


def even(origins: int, *half_widths: float) -> Spread:
    """Scores spread evenly between -1 and 1 in each day ahead, times the day's half-width."""
    day = np.linspace(-1, 1, origins * 24).reshape(24, origins).T
    scores = np.concatenate([half * day for half in half_widths], axis=1)
    return Spread(scores, np.ones(scores.shape, dtype=np.int64), np.ones(48), np.ones(origins))


def test_a_level_is_read_further_out_by_one_origin_in_all():
    # 20 origins: 0.5 + 0.45 x 21 / 20 = 0.9725 of what lies evenly between -1 and 1.
    found = quantiles_of(even(20, 1.0), (0.05, 0.5, 0.95))
    assert found[:, 1, 0] == pytest.approx([-0.945, 0, 0.945])


def test_a_later_day_that_erred_less_gets_half_of_the_way_to_a_narrower_band():
    # Of the second day (28 x 0.5 + 4 x 1.15) / 32 = 0.58; half of the way there from the first day's 1: 0.79.
    found = quantiles_of(even(28, 1.0, 0.5), (0.25, 0.75))
    assert found[:, 1, 30] / found[:, 1, 0] == pytest.approx([0.79, 0.79], abs=0.005)


def test_hours_of_the_day_that_erred_more_have_wider_bands():
    rng = np.random.default_rng(5)
    hour = np.arange(24)
    sigma = np.where(hour < 12, 0.5, 0.1)
    known = HeldOut(
        predicted=np.full((400, 1, 24), 1000.0),
        actual=1000 * np.exp(rng.normal(0, sigma, (400, 24)))[:, None],
        hour_class=np.tile(hour, (400, 1)),
        age_days=np.zeros(400),
    )
    spread = spread_of(known, 0)
    band = around(np.full(24, 1000.0), hour, spread.by_class, edges_of(spread, LEVELS))
    width = band[-1] - band[0]
    assert width[6] > 2 * width[18]


def test_forecasts_that_were_low_move_the_edges_and_leave_the_median():
    rng = np.random.default_rng(6)
    truth = 1100 * np.exp(rng.normal(0, 0.1, (440, 24)))
    band = bands_of(held_out(truth[:40], np.full((40, 24), 1000.0)), np.full(24, 1000.0))
    assert band[2] == pytest.approx(np.full(24, 1000.0))
    # ln 1.1 = 0.095, of which the 95 % edge takes nine tenths, and 1.64 times a tenth; unmoved it would be at 1,178.
    assert band[-1] == pytest.approx(np.full(24, 1000 * np.exp(0.9 * 0.095 + 0.164)), rel=0.03)
    assert coverage(band[0], band[-1], truth[40:]) == pytest.approx(0.9, abs=0.04)


def test_edges_that_pass_the_forecast_take_the_median_along():
    # Always twice what was forecast: the edges at 5 and 95 % move by 0.9 of ln 2, at 25 and 75 % by half, in order.
    known = held_out(np.full((40, 24), 2000.0), np.full((40, 24), 1000.0))
    band = bands_of(known, np.full(24, 1000.0))
    assert np.log2((band[:, 0] + 50) / 1050) == pytest.approx(np.log2(2050 / 1050) * np.array([0, 0.5, 0.5, 0.9, 0.9]))


def test_errors_of_another_season_count_less():
    # Half of the origins err by 0.1 and are of today, half by 0.5 and were 300 days ago: they weigh a quarter.
    rng = np.random.default_rng(8)
    sigma = np.array([0.1, 0.5]).repeat(20)[:, None]
    truth = 1000 * np.exp(rng.normal(0, sigma, (40, 24)))
    flat = np.full((40, 24), 1000.0)
    young, old, alike = (
        bands_of(held_out(truth, flat, age), np.full(24, 1000.0), (0.25, 0.75))
        for age in (np.array([0.0, 300.0]).repeat(20), np.array([300.0, 0.0]).repeat(20), np.full(40, 300.0))
    )
    width = [float((one[1] - one[0]).mean()) for one in (young, alike, old)]
    assert width == sorted(width)
    assert width[2] > 1.8 * width[0]


def test_a_weighted_quantile_stands_between_the_middles_of_its_neighbours():
    values = np.array([3.0, 1.0, 2.0])
    levels = np.linspace(0, 1, 9)
    assert weighted_quantiles(values, np.full(3, 0.2), levels) == pytest.approx(np.quantile(values, levels))
    # 1, 2 and 3 weigh 1, 1 and 2; their middles at 0.5, 1.5 and 3 become levels 0, 0.4 and 1.
    found = weighted_quantiles(values, np.array([2.0, 1.0, 1.0]), (0.0, 0.2, 0.4, 0.7, 1.0))
    assert found == pytest.approx([1.0, 1.5, 2.0, 2.5, 3.0])
    assert weighted_quantiles(np.array([7.0]), np.ones(1), (0.1, 0.9)).tolist() == [7.0, 7.0]
    assert worth_of(np.array([2.0, 2.0, 2.0])) == 3
    assert worth_of(np.array([1.0, 0.5, 0.5])) == pytest.approx(8 / 3)


def test_hours_of_an_odd_size_have_quantiles_of_their_own():
    # A tenth of the hours at a tenth of the mean (quiet), the rest near it; quiet ones err by 0.6, others by 0.1.
    rng = np.random.default_rng(9)
    predicted = np.where(np.arange(240) % 10 == 0, 100.0, 1000.0)
    truth = predicted * np.exp(rng.normal(0, np.where(predicted < 500, 0.6, 0.1), (28, 240)))
    band = bands_of(held_out(truth, np.tile(predicted, (28, 1))), predicted)
    ratio = band[-1] / band[0]
    assert ratio[200] > 1.5 * ratio[201]


def test_doubled_bands_are_twice_as_wide_also_where_zero_cuts_them():
    band = np.array([[80.0, 10.0], [100.0, 100.0], [130.0, 300.0]])
    assert doubled((0.1, 0.5, 0.9), band, band[1]).tolist() == [[60.0, 0.0], [100.0, 100.0], [160.0, 580.0]]


def test_half_a_day_shows_a_kind_of_day_and_less_does_not():
    local = local_time(FRIDAY, 72)  # Friday, Saturday; a Sunday to come
    assert unseen(np.ones(48, dtype=bool), local) == (2,)
    assert unseen(np.ones(36, dtype=bool), local_time(FRIDAY, 48)) == ()
    assert unseen(np.ones(35, dtype=bool), local_time(FRIDAY, 48)) == (1,)
    assert hour_class(local)[[0, 25, 71]].tolist() == [0, 25, 47]


def test_ranks_are_spread_evenly_in_every_hour_and_the_same_for_series_that_err_alike():
    scores = np.random.default_rng(3).normal(size=(12, 1, 72)).repeat(2, axis=1)
    ranks = drawn_ranks(scores, 48, 50, np.random.default_rng(0))
    assert np.sort(ranks, axis=0)[:, 0, 0] == pytest.approx((np.arange(50) + 0.5) / 50)
    assert (ranks[:, 0] == ranks[:, 1]).all()


def test_hours_that_erred_together_do_so_in_paths():
    rng = np.random.default_rng(4)
    day = rng.normal(size=(30, 1, 3)).repeat(24, axis=2)  # a day is high or low as a whole
    ranks = drawn_ranks(day + 0.1 * rng.normal(size=day.shape), 24, 200, np.random.default_rng(0))[:, 0]
    assert np.corrcoef(ranks[:, 0], ranks[:, 23])[0, 1] > 0.9
    alone = drawn_ranks(rng.normal(size=day.shape), 24, 200, np.random.default_rng(0))[:, 0]
    assert abs(np.corrcoef(alone[:, 0], alone[:, 23])[0, 1]) < 0.4


def test_weeks_that_erred_together_do_so_in_paths():
    rng = np.random.default_rng(7)
    month = rng.normal(size=(30, 1, 1)).repeat(28 * 24, axis=2)  # each of 30 origins is high or low for four weeks
    ranks = drawn_ranks(month + 0.1 * rng.normal(size=month.shape), 168, 200, np.random.default_rng(0))[:, 0]
    # Of 28 days a block of a week may begin on, 22 hold a whole one.
    assert np.corrcoef(ranks[:, 0], ranks[:, 150])[0, 1] > 0.6


def test_a_rank_is_put_on_the_band_between_its_levels():
    bands = np.array([10.0, 20.0, 40.0]).reshape(3, 1, 1)
    ranks = np.array([0.05, 0.1, 0.3, 0.7, 0.99]).reshape(5, 1, 1)
    assert along((0.1, 0.5, 0.9), bands, ranks)[:, 0, 0] == pytest.approx([10, 10, 15, 30, 40])


def test_the_highest_hour_of_paths_has_quantiles_of_its_own():
    output = np.array([[[1.0, 5.0]], [[2.0, 1.0]], [[3.0, 4.0]], [[9.0, 1.0]]])  # peaks 5, 2, 4, 9
    paths = Forecast(
        start=FRIDAY.replace(hour=23),
        models=("chat",),
        scenarios=("a", "b", "c", "d"),
        probability=(0.25,) * 4,
        input_tok_s=10 * output,
        output_tok_s=output,
    )
    found = peaks_of(paths, (0.25, 0.5, 0.75, 1.0))
    assert found.output_tok_s[:, 0].tolist() == [2, 4, 5, 9]
    assert found.input_tok_s[:, 0].tolist() == [20, 40, 50, 90]


def test_scores_are_those_of_their_formulas():
    actual = np.array([1.0, 5.0, np.nan, 12.0])
    low, high = np.full(4, 2.0), np.full(4, 10.0)
    assert coverage(low, high, actual) == pytest.approx(1 / 3)
    assert interval_score(0.9, low, high, actual) == pytest.approx(8 + 20 * (1 + 0 + 2) / 3)
    assert pinball((0.9,), np.full((1, 4), 10.0), actual) == pytest.approx((0.1 * 9 + 0.1 * 5 + 0.9 * 2) / 3)
