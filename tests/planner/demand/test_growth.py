from datetime import UTC, date, datetime

import numpy as np
import pytest

from planner.demand.fan import Fan
from planner.demand.forecast import Forecast
from planner.demand.growth import Assumption, DatedChange, Growth, assumed, parse_change, parse_growth, read_assumptions
from planner.errors import InputError

START = datetime(2026, 12, 1, tzinfo=UTC)


def a_fan(days: int = 4, models: tuple[str, ...] = ("chat", "code")) -> Fan:
    """Each model 30 in and 10 out; the one quantile is 1.5 times, the one path twice the mean."""
    ones = np.ones((1, len(models), 24 * days))
    mean = Forecast(start=START, models=models, input_tok_s=30 * ones, output_tok_s=10 * ones)
    return Fan(
        mean=mean,
        quantiles=(0.9,),
        input_tok_s=45 * ones,
        output_tok_s=15 * ones,
        paths=Forecast(start=START, models=models, input_tok_s=60 * ones, output_tok_s=20 * ones),
    )


def after(*assumptions: Assumption, zone: str = "UTC", known_until: datetime = START) -> Fan:
    return assumed(a_fan(), assumptions, zone=zone, known_until=known_until)[0]


def test_growth_counts_from_the_end_of_the_history_and_lifts_mean_bands_and_paths_alike():
    fan = after(Growth(ratio=0.1, per="day"), known_until=datetime(2026, 11, 30, tzinfo=UTC))

    assert fan.mean.output_tok_s[0, 0, [0, 24]] == pytest.approx([11, 12.1])
    assert fan.output_tok_s[0, 0, 24] == pytest.approx(15 * 1.21)
    assert fan.paths is not None
    assert fan.paths.input_tok_s[0, 1, 24] == pytest.approx(60 * 1.21)


def test_a_launch_in_tok_s_keeps_hours_and_mix_of_what_it_is_added_to():
    fan = after(DatedChange(start=date(2026, 12, 3), tok_s=20, model="code"))

    # 40 tok/s are forecast of code; 20 more are half as much again of input and output
    assert fan.mean.input_tok_s[0, 1, [47, 48]] == pytest.approx([30, 45])
    assert fan.mean.output_tok_s[0, 1, [47, 48]] == pytest.approx([10, 15])
    assert (fan.mean.input_tok_s[0, 0] == 30).all()


def test_a_change_of_all_models_in_tok_s_is_shared_by_what_they_have():
    fan = after(DatedChange(start=date(2026, 12, 1), tok_s=-40))

    assert fan.mean.input_tok_s[0, :, 0] == pytest.approx([15, 15])


def test_days_are_those_of_the_zone_and_a_campaign_ends_with_its_last():
    fan = after(DatedChange(start=date(2026, 12, 2), end=date(2026, 12, 2), ratio=1.0), zone="Europe/Berlin")

    doubled = np.flatnonzero(fan.mean.input_tok_s[0, 0] == 60)
    assert (doubled[0], doubled[-1]) == (23, 46)  # midnight in Berlin is 23:00 UTC


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (DatedChange(start=date(2026, 11, 30), ratio=1.0), "begins before the history ends, which holds it already"),
        (DatedChange(start=date(2026, 12, 5), ratio=1.0), "begins after the forecast ends"),
    ],
)
def test_what_lies_outside_does_nothing_and_says_why(change, note):
    fan, (effect,) = assumed(a_fan(), [change], zone="UTC", known_until=START)

    assert (fan.mean.input_tok_s == 30).all()
    assert (effect.note, effect.before_tok_s, effect.after_tok_s) == (note, 80, 80)


def test_each_effect_is_seen_with_those_before_it():
    grow, halve = DatedChange(start=date(2026, 12, 1), ratio=1.0), DatedChange(start=date(2026, 12, 3), ratio=-0.5)
    _, effects = assumed(a_fan(), [grow, halve], zone="UTC", known_until=START)

    assert [(one.before_tok_s, one.after_tok_s) for one in effects] == [(80, 160), (160, 120)]


@pytest.mark.parametrize(
    ("text", "growth"),
    [
        ("5%/month", Growth(ratio=0.05, per="month")),
        ("-2.5 % / week", Growth(ratio=-0.025, per="week")),
        ("chat=+40%/year", Growth(ratio=0.4, per="year", model="chat")),
    ],
)
def test_growth_is_read_as_it_is_said(text, growth):
    read = parse_growth(text)
    assert (read.per, read.model) == (growth.per, growth.model)
    assert read.ratio == pytest.approx(growth.ratio)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("2026-12-10=+300tok/s", DatedChange(start=date(2026, 12, 10), tok_s=300)),
        ("2026-12-10=-20%", DatedChange(start=date(2026, 12, 10), ratio=-0.2)),
        ("2026-12-10/2026-12-12=*1.5", DatedChange(start=date(2026, 12, 10), end=date(2026, 12, 12), ratio=0.5)),
        ("chat@2026-12-10=+5 %", DatedChange(start=date(2026, 12, 10), ratio=0.05, model="chat")),
    ],
)
def test_a_change_is_read_as_it_is_said(text, change):
    assert parse_change(text) == change


@pytest.mark.parametrize(
    "text",
    ["", "2026-12-10", "2026-12-10=300tok/s", "2026-12-10=*2%", "2026-12-10=+3", "2026-02-30=+5%", "x=+5%"],
)
def test_other_changes_are_refused(text):
    with pytest.raises(InputError, match=r"--change .*expected"):
        parse_change(text)


def test_a_file_holds_growth_and_changes():
    read = read_assumptions(
        """
        [[change]]
        date = 2026-12-10
        tok_s = 300
        name = "launch"
        [[growth]]
        percent = 5
        model = "chat"
        """,
        source="a.toml",
    )

    assert read == (
        Growth(ratio=0.05, per="month", model="chat"),
        DatedChange(start=date(2026, 12, 10), tok_s=300, name="launch"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.toml: holds no assumption; expected [[growth]] or [[change]]"),
        ("x =", "a.toml: not readable as TOML"),
        ("[[grwth]]\n", "unknown key 'grwth'; did you mean 'growth'?"),
        ("[[growth]]\nper = 'month'\n", "[[growth]] number 1: percent is missing; expected a number"),
        ("[[growth]]\npercent = -100\n", "[[growth]] number 1: -100 %; expected above -100"),
        ("[[growth]]\npercent = 1\nper = 'fortnight'\n", "per is 'fortnight'; expected day, week, month, year"),
        ("[[change]]\ndate = 2026-12-10\n", "[[change]] number 1: expected one of percent and tok_s"),
        ("[[change]]\npercent = 1\n", "[[change]] number 1: date is missing; expected a day"),
        ("[[change]]\ndate = 2026-12-10\nend = 2026-12-09\npercent = 1\n", "the end 2026-12-09 is before 2026-12-10"),
        ("growth = 5\n", "growth is no list of tables; expected [[growth]]"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(text, said):
    with pytest.raises(InputError) as refused:
        read_assumptions(text, source="a.toml")

    assert said in str(refused.value)
