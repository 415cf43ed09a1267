from datetime import date

import pytest

from planner.demand.events import merged, read_events
from planner.errors import InputError


def test_a_csv_has_days_and_spans():
    calendar = read_events(
        "date,name,end\n2026-10-03,Unity Day,\n2026-12-24,Christmas,2026-12-26\n", source="events.csv"
    )

    assert calendar.days == {
        date(2026, 10, 3): "Unity Day",
        **{date(2026, 12, day): "Christmas" for day in (24, 25, 26)},
    }


def test_toml_says_the_same():
    calendar = read_events('[[event]]\ndate = 2026-12-24\nend = 2026-12-25\nname = "Christmas"\n', source="events.toml")

    assert calendar.days == {date(2026, 12, 24): "Christmas", date(2026, 12, 25): "Christmas"}


def test_a_day_has_one_name_the_first_and_it_is_said():
    calendar = read_events("date,name\n2026-12-25,Christmas\n2026-12-25,sale\n", source="e.csv")

    assert calendar.days == {date(2026, 12, 25): "Christmas"}
    assert calendar.remarks == ("e.csv: 2026-12-25 is 'Christmas' and 'sale'; the first counts",)


def test_two_calendars_are_one():
    one = read_events("date,name\n2026-12-25,Christmas\n", source="holidays.csv")
    two = read_events("date,name\n2026-12-25,sale\n2026-11-27,Black Friday\n", source="ours.csv")

    both = merged([one, two])

    assert both.days == {date(2026, 11, 27): "Black Friday", date(2026, 12, 25): "Christmas"}
    assert both.source == "holidays.csv, ours.csv"
    assert both.remarks == ("ours.csv: 2026-12-25 is 'sale', and 'Christmas' before; the first counts",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "e.csv: holds no event"),
        ("date,name\n", "e.csv: holds no event"),
        ("BEGIN:VCALENDAR\nVERSION:2.0\n", "e.csv: is an iCalendar file; expected CSV with date,name[,end]"),
        ("day,name\n2026-12-25,Christmas\n", "row 1: unknown column 'day'; expected date, end, name"),
        ("date,nme\n", "row 1: unknown column 'nme'; did you mean 'name'?"),
        ("date\n2026-12-25\n", "row 1: column 'name' is missing"),
        ("date,name\n25.12.2026,Christmas\n", "row 2: date is '25.12.2026'; expected a day such as 2026-12-25"),
        ("date,name\n2026-12-25\n", "row 2: 1 columns; expected 2 as in the header"),
        ("date,name\n2026-12-25,\n", "row 2: no name"),
        ("date,name,end\n2026-12-25,x,2026-12-24\n", "row 2: end 2026-12-24 is before date 2026-12-25"),
        ("date,name,end\n2026-12-25,x,2028-12-24\n", "row 2: lasts 731 days; expected at most 366"),
    ],
)
def test_what_is_wrong_is_named_by_its_row(text, said):
    with pytest.raises(InputError) as refused:
        read_events(text, source="e.csv")

    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("event = 3", "event is no list of tables; expected [[event]]"),
        ("[[evnt]]\n", "unknown key 'evnt'; expected [[event]] tables"),
        ("[[event]]\nname = 'x'\n", "[[event]] number 1: no date; expected a day"),
        ("[[event]]\ndate = 2026-12-25T00:00:00\nname = 'x'\n", "date is '2026-12-25 00:00:00'; expected a day"),
    ],
)
def test_what_is_wrong_with_toml_is_named_by_its_table(text, said):
    with pytest.raises(InputError) as refused:
        read_events(text, source="e.toml")

    assert said in str(refused.value)
