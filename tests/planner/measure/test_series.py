import pytest

from planner.measure.series import Series, growth, increase


def counted(*values: float, every_s: float = 15.0, first_s: float = 0.0) -> Series:
    times = tuple(first_s + every_s * index for index in range(len(values)))
    return Series(labels={"__name__": "c"}, times_s=times, values=values)


@pytest.mark.parametrize(
    ("values", "rise"),
    [
        pytest.param((100, 115, 130, 145, 160), 60, id="evenly"),
        pytest.param((100, 100, 100, 100, 100), 0, id="not at all"),
        pytest.param((100, 120, 5, 15, 25), 45, id="restarted after the second: 20 + 5 + 10 + 10"),
        pytest.param((100, 120, 0, 0, 0), 20, id="restarted and idle"),
        pytest.param((9e15, 9e15 + 8, 3, 3, 3), 11, id="restarted from a huge value: neither negative nor huge"),
    ],
)
def test_a_counter_rises_by_what_it_was_counted_up(values, rise):
    assert increase(counted(*values), 0, 60) == pytest.approx(rise)


def test_what_lies_between_the_edges_and_the_samples_is_extrapolated():
    assert increase(counted(100, 115, 130, first_s=10), 0, 50) == pytest.approx(30 * 50 / 30)  # edges 10 s away: near


def test_a_counter_that_stopped_or_began_within_the_span_is_extrapolated_by_half_an_interval():
    series = counted(100, 115, 130, first_s=100)  # of 0 to 230: samples from 100 to 130
    assert increase(series, 0, 230) == pytest.approx(30 * (7.5 + 30 + 7.5) / 30)


def test_a_counter_is_not_extrapolated_below_nothing():
    assert increase(counted(0, 15, 30, first_s=10), 0, 40) == pytest.approx(30)


def test_one_sample_has_no_rise_unless_it_was_born_in_the_span():
    assert increase(counted(70), 0, 60) == 0
    assert increase(counted(70), 0, 60, was_born=True) == 70
    assert increase(counted(70, 90), 0, 60, was_born=True) == 90


def test_a_gauge_grows_or_shrinks():
    assert growth(counted(3, 9, 5)) == 2
    assert growth(counted(3, 1)) == -2


def test_times_and_values_are_as_many():
    with pytest.raises(ValueError, match="2 times and 1 values"):
        Series(labels={}, times_s=(1.0, 2.0), values=(1.0,))
