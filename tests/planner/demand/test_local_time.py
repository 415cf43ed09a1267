"""Local time of UTC hours: weekdays, the hour a clock skips, the one it repeats, holidays by the local date."""

from datetime import UTC, date, datetime

import numpy as np

from planner.demand.local_time import local_time


def test_the_hour_that_the_clock_skips_in_spring_is_not_there():
    # Berlin, 29 March 2026: 01:59 is followed by 03:00, which is 01:00 UTC.
    found = local_time(datetime(2026, 3, 28, 23, tzinfo=UTC), 4, "Europe/Berlin")
    assert found.hour_of_day.tolist() == [0, 1, 3, 4]
    assert found.day_of_week.tolist() == [6, 6, 6, 6]


def test_the_hour_that_the_clock_repeats_in_autumn_is_there_twice():
    # Berlin, 25 October 2026: 02:59 is followed by 02:00.
    found = local_time(datetime(2026, 10, 24, 22, tzinfo=UTC), 5, "Europe/Berlin")
    assert found.hour_of_day.tolist() == [0, 1, 2, 2, 3]


def test_an_event_is_of_the_local_day_not_of_the_utc_one():
    found = local_time(datetime(2026, 12, 24, 22, tzinfo=UTC), 3, "Europe/Berlin", {date(2026, 12, 25): "Christmas"})
    assert found.event == ("", "Christmas", "Christmas")  # 23:00 on the 24th, then the 25th
    assert found.has_event.tolist() == [False, True, True]


def test_an_hour_of_the_week_counts_from_monday():
    found = local_time(datetime(2026, 11, 22, 23, tzinfo=UTC), 3)  # a Sunday's last hour
    assert found.hour_of_week.tolist() == [167, 0, 1]
    assert np.diff(found.day).tolist() == [1, 0]
