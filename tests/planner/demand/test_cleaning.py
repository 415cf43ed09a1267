from datetime import UTC, date, datetime, timedelta
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.demand.cleaning import Cleaned, Kind, cleaned
from planner.demand.forecasting import told
from planner.demand.history import History
from planner.demand.local_time import local_time

START = datetime(2026, 6, 1, tzinfo=UTC)  # a Monday
DAY = np.array([50.0] * 8 + [100.0] * 12 + [50.0] * 4)
"""Output tok/s over a day."""


def a_history(days: int = 56, models: int = 1, seed: int = 0, noise: float = 0.05) -> History:
    """Days of that shape with noise; input is three times output, and a second model is half of the first."""
    rng = np.random.default_rng(seed)
    made = np.tile(DAY, days) * rng.lognormal(0, noise, (models, 24 * days)) * np.array([[1.0], [0.5]])[:models]
    return History(
        start=START, models=("chat", "code")[:models], input_tok_s=3 * made, output_tok_s=made, source="past"
    )


def changed(history: History, first: int, last: int, factor: float, model: int | slice = slice(None)) -> History:
    came, made = history.input_tok_s.copy(), history.output_tok_s.copy()
    came[model, first:last] *= factor
    made[model, first:last] *= factor
    return History(start=history.start, models=history.models, input_tok_s=came, output_tok_s=made, source="past")


def clean(history: History, *kinds: Kind, zone: str = "UTC", events: dict[date, str] | None = None) -> Cleaned:
    return cleaned(history, partial(local_time, zone=zone, events=events or {}), kinds or tuple(Kind))


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def test_a_plain_history_stays_as_it_is():
    history = a_history(models=2)
    found = clean(history)

    assert found.findings == ()
    np.testing.assert_array_equal(found.history.input_tok_s, history.input_tok_s)


def test_zeros_of_all_models_are_a_collectors_gap():
    found = clean(changed(a_history(models=2), 400, 405, 0.0), Kind.GAPS)

    (gap,) = found.findings
    assert (gap.start, gap.end, gap.hours) == (at(400), at(405), 5)
    assert gap.words == ("5 hours in which every model reads 0, from 2026-06-17T16:00Z, are taken as not measured")
    assert np.isnan(found.history.input_tok_s[:, 400:405]).all()
    assert (~np.isnan(found.history.input_tok_s)).sum() == 2 * (56 * 24 - 5)


def test_zeros_of_one_model_are_no_gap_while_the_other_serves():
    assert clean(changed(a_history(models=2), 400, 405, 0.0, model=0), Kind.GAPS).findings == ()


def test_a_night_without_anyone_is_no_gap_where_nights_are_like_that():
    history = a_history()
    hours = np.arange(history.hours) % 24
    quiet = np.where(hours < 8, 0.0, 1.0)
    asleep = History(
        start=START,
        models=("chat",),
        input_tok_s=history.input_tok_s * quiet,
        output_tok_s=history.output_tok_s * quiet,
    )

    assert clean(asleep, Kind.GAPS).findings == ()


def test_a_spike_of_two_hours_is_an_outlier_and_not_forecast_from():
    found = clean(changed(a_history(), 500, 502, 8.0), Kind.OUTLIERS)

    (spike,) = found.findings
    assert (spike.start, spike.end, spike.is_kept) == (at(500), at(502), False)
    assert spike.ratio == pytest.approx(8, rel=0.1)
    assert np.isnan(found.history.output_tok_s[0, 500:502]).all()
    assert np.isnan(found.history.output_tok_s).sum() == 2


@pytest.mark.parametrize(("apart_h", "spans"), [(2, [(500, 504)]), (3, [(500, 501), (504, 505)])])
def test_spikes_that_one_or_two_hours_part_are_one(apart_h: int, spans: list[tuple[int, int]]):
    second = 501 + apart_h
    found = clean(changed(changed(a_history(), 500, 501, 8.0), second, second + 1, 8.0), Kind.OUTLIERS)
    assert [(one.start, one.end) for one in found.findings] == [(at(first), at(last)) for first, last in spans]
    assert np.isnan(found.history.output_tok_s).sum() == sum(last - first for first, last in spans)


def test_a_day_that_is_unusual_is_said_and_kept():
    found = clean(changed(a_history(), 480, 504, 0.1), Kind.OUTLIERS)

    (day,) = found.findings
    assert (day.hours, day.is_kept) == (24, True)
    assert "0.1 times what is usual) and kept; name it with --events" in day.words
    assert not np.isnan(found.history.output_tok_s).any()


def test_a_day_of_the_calendar_is_no_outlier():
    holiday = {date(2026, 6, 21): "festival"}
    assert clean(changed(a_history(), 500, 502, 8.0), Kind.OUTLIERS, events=holiday).findings == ()


def test_a_level_shift_is_dated_sized_and_what_came_before_rescaled():
    found = clean(changed(a_history(), 0, 30 * 24, 0.5), Kind.SHIFTS)

    (shift,) = found.findings
    assert shift.start == at(30 * 24)
    assert shift.ratio == pytest.approx(2, rel=0.03)
    times = f"{shift.ratio:.3g}"
    assert shift.words == (
        f"chat: demand is {times} times as high from 2026-07-01T00:00Z on; what came before is multiplied by {times}"
    )
    means = found.history.output_tok_s.reshape(-1, 24).mean(axis=1)
    assert means[:30].mean() == pytest.approx(means[30:].mean(), rel=0.03)


def test_input_and_output_are_each_rescaled_by_their_own_factor():
    # From the thirtieth day on twice as much is read and three times as much written.
    history, later = a_history(), np.arange(56 * 24) >= 30 * 24
    made = History(
        start=START,
        models=("chat",),
        input_tok_s=history.input_tok_s * np.where(later, 2, 1),
        output_tok_s=history.output_tok_s * np.where(later, 3, 1),
    )
    found = clean(made, Kind.SHIFTS).history
    for series in (found.input_tok_s, found.output_tok_s):
        means = series.reshape(-1, 24).mean(axis=1)
        assert means[:30].mean() == pytest.approx(means[30:].mean(), rel=0.03)


def test_a_launch_of_another_size_makes_what_came_before_useless():
    found = clean(changed(a_history(), 0, 20 * 24, 0.01), Kind.SHIFTS)

    (shift,) = found.findings
    assert shift.words.endswith("what came before is not used")
    assert np.isnan(found.history.output_tok_s[0, : 20 * 24]).all()
    assert not np.isnan(found.history.output_tok_s[0, 20 * 24 :]).any()


def test_a_week_off_is_no_shift_as_demand_comes_back():
    assert clean(changed(a_history(), 28 * 24, 35 * 24, 0.5), Kind.SHIFTS).findings == ()


def test_steady_growth_is_no_shift():
    history = a_history(days=112)
    slope = 1.02 ** (np.arange(history.hours) / 24)  # 2 % a day: 9 times as much in the end
    grown = History(
        start=START,
        models=("chat",),
        input_tok_s=history.input_tok_s * slope,
        output_tok_s=history.output_tok_s * slope,
    )

    assert clean(grown, Kind.SHIFTS).findings == ()


def test_each_kind_is_mended_only_where_asked_for():
    broken = changed(changed(a_history(), 400, 403, 0.0), 500, 502, 8.0)

    assert {one.kind for one in clean(broken).findings} == {Kind.GAPS, Kind.OUTLIERS}
    assert {one.kind for one in clean(broken, Kind.GAPS).findings} == {Kind.GAPS}


def test_a_week_of_history_is_too_short_to_judge():
    broken = changed(a_history(days=6), 100, 102, 8.0)
    assert clean(broken).findings == ()


def test_many_findings_are_told_by_the_largest_and_a_count():
    history = a_history()
    for hour in range(100, 800, 100):
        history = changed(history, hour, hour + 1, 9.0)
    findings = clean(history, Kind.OUTLIERS).findings

    remarks = told(findings, most=4)

    assert len(findings) == 7
    assert len(remarks) == 5
    assert remarks[-1] == "3 more outliers, 3 hours: --json names each"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e6), noise=st.floats(0, 0.5))
def test_cleaning_does_not_know_the_unit(seed, scale, noise):
    history = changed(a_history(seed=seed, noise=noise), 500, 502, 20.0)
    one, other = clean(history), clean(changed(history, 0, history.hours, scale))

    assert [(a.kind, a.start, a.hours) for a in one.findings] == [(b.kind, b.start, b.hours) for b in other.findings]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), noise=st.floats(0.02, 0.6))
def test_noise_alone_is_hardly_ever_cleaned(seed, noise):
    found = clean(a_history(seed=seed, noise=noise))

    assert np.isnan(found.history.input_tok_s).mean() < 0.005
    assert not [one for one in found.findings if one.kind is not Kind.OUTLIERS]
