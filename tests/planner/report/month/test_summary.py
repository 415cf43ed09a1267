"""The five sentences and the headline figures, for every state a month can be in."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from planner.month.value import MonthReport
from planner.plan import OwnedChanges, UnitCost
from planner.report.month.reading import Reading
from planner.report.month.summary import cards, decision, summary
from planner.report.numbers import Currency
from tests.planner.month.months import END, HOUR, report_without_plan, small_report

EURO = Reading(currency=Currency(code="EUR", usd_per_unit=Decimal("1.25"), rate_date=date(2026, 10, 30)))


def sentences(report: MonthReport, reading: Reading | None = None) -> tuple[str, ...]:
    return summary(report, reading or Reading())


def test_five_sentences_tell_the_month() -> None:
    assert sentences(small_report()) == (
        "November 2026 cost USD 100.00 for 2.2 billion tokens served (2.0 billion input, 200.0 million output), with "
        "nodes 50 % busy on average; unserved demand was not recorded.",
        "That is USD 20.00 (25.0 %) more than the USD 80.00 planned: more traffic (+20.00) and other costs (+20.00), "
        "offset in part by fewer node-hours for the same work (−21.60).",
        "A million tokens cost USD 0.0455 (input 0.0250, output 0.2500), down 24.2 % from September 2026.",
        "In hindsight the best plan for the traffic that came would have cost USD 76.00, USD 4.00 (5.0 %) less than "
        "was paid for what a plan decides.",
        "For December 2026 the plan is to keep 1 hetzner/ax102, for USD 72.00, which saves USD 8.00 (10.0 %) against "
        "staying as is.",
    )


def test_amounts_are_in_the_readers_currency() -> None:
    first, second, *_ = sentences(small_report(), EURO)
    assert first.startswith("November 2026 cost EUR 80.00 for")
    assert "EUR 16.00 (25.0 %) more than the EUR 64.00 planned" in second


def bill_of(planned: str, actual: str) -> MonthReport:
    """The report of a bill that prices alone moved."""
    report = small_report()
    assert report.variance is not None
    variance = replace(
        report.variance,
        planned_usd=Decimal(planned),
        actual_usd=Decimal(actual),
        volume_usd=Decimal(0),
        price_usd=Decimal(actual) - Decimal(planned),
        utilization_usd=Decimal(0),
        other_usd=Decimal(0),
    )
    return replace(report, variance=variance)


@pytest.mark.parametrize(
    ("planned", "actual", "said"),
    [
        pytest.param("80", "80", "That is what was planned (USD 80.00).", id="as planned"),
        pytest.param("80", "80.004", "That is what was planned (USD 80.00).", id="less than half a cent off"),
        pytest.param(
            "80",
            "100",
            "That is USD 20.00 (25.0 %) more than the USD 80.00 planned: higher prices (+20.00).",
            id="dearer",
        ),
        pytest.param(
            "2000",
            "1000",
            "That is USD 1,000 (50.0 %) less than the USD 2,000 planned: lower prices (−1,000).",
            id="cheaper, whole from 1,000 on",
        ),
        pytest.param(
            "0", "5", "That is USD 5.00 (–) more than the USD 0.00 planned: higher prices (+5.00).", id="of nothing"
        ),
    ],
)
def test_the_second_sentence_names_the_cause(planned: str, actual: str, said: str) -> None:
    assert sentences(bill_of(planned, actual))[1] == said


def test_what_is_missing_is_said() -> None:
    nothing = replace(
        report_without_plan(),
        regret=None,
        next_month=None,
        unit=UnitCost(blended=None, input=None, output=None),
        utilization=None,
        model_months=(),
        trend=(),
    )
    assert sentences(nothing) == (
        "November 2026 cost USD 100.00; no tokens are recorded as served.",
        "Whether that is much or little is open: no plan is recorded for it.",
        "A million tokens have no cost yet, for none were served.",
        "What the best plan in hindsight would have cost is not known.",
        "There is no plan for the next month yet.",
    )


def test_a_month_that_is_not_over_has_cost_so_much_so_far() -> None:
    running = replace(small_report(), as_of=END - HOUR)
    assert sentences(running)[0].startswith("November 2026 has cost USD 100.00 so far for")
    assert cards(running, Reading())[0].label == "Bill so far"


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        pytest.param(0.0, "; nothing went unserved.", id="zero is a measurement"),
        pytest.param(0.0123, "; 1.23 % of the tokens asked for went unserved.", id="some"),
        pytest.param(1e-9, "; <0.01 % of the tokens asked for went unserved.", id="too little to show, not nothing"),
        pytest.param(None, "; unserved demand was not recorded.", id="unknown is not zero"),
    ],
)
def test_unserved_demand(ratio: float | None, said: str) -> None:
    assert sentences(replace(small_report(), unserved_ratio=ratio))[0].endswith(said)


def test_a_unit_cost_without_an_earlier_month_has_no_trend() -> None:
    alone = replace(small_report(), trend=small_report().trend[-1:])
    assert sentences(alone)[2].endswith("there is no earlier month to hold it against.")


def test_a_month_without_usage_does_not_say_that_nothing_was_served() -> None:
    report = small_report()
    unknown = replace(report.hourly, input_tok_s=np.full(720, np.nan), output_tok_s=np.full(720, np.nan))
    none = tuple(replace(model, input_tokens=0, output_tokens=0) for model in report.model_months)
    bare = replace(report, unit=UnitCost(blended=None, input=None, output=None), hourly=unknown, model_months=none)
    assert sentences(bare)[2] == "What a million tokens cost is not known, for no usage is recorded."
    assert cards(bare, Reading())[1].note == "no tokens recorded"


def test_tokens_served_by_no_recorded_lease_have_an_unknown_cost() -> None:
    bare = replace(small_report(), unit=UnitCost(blended=None, input=None, output=None))
    assert sentences(bare)[2] == "What a million tokens cost is not known, for no lease is recorded."
    assert sentences(replace(bare, bill=(), bill_usd=Decimal(0)))[0].startswith("No cost of November 2026 is recorded;")
    assert cards(replace(bare, bill=(), bill_usd=Decimal(0)), Reading())[0].figure == "–"


def test_staying_that_cannot_serve_saves_nothing_but_is_said() -> None:
    report = small_report()
    assert report.next_month is not None
    stuck = replace(report, next_month=replace(report.next_month, staying_usd=None))
    assert sentences(stuck)[4].endswith("for USD 72.00; staying as is could not serve the forecast.")
    assert cards(stuck, Reading())[4].figure == "–"


@pytest.mark.parametrize(
    ("keep", "buy", "cancel", "said"),
    [
        ({}, {}, {}, "no base server at all"),
        ({"a#owned": 2}, {}, {}, "to keep 2 a"),
        ({"a#owned": 2}, {"b": 1}, {"c#owned": 3}, "to keep 2 a, to buy 1 b and to cancel 3 c"),
        ({"a#owned": 0}, {"b": 1}, {}, "to buy 1 b"),
    ],
)
def test_a_decision_in_words(keep: dict[str, int], buy: dict[str, int], cancel: dict[str, int], said: str) -> None:
    assert decision(OwnedChanges(keep=keep, buy=buy, cancel=cancel)) == said


def test_the_cards_hold_the_headline_figures() -> None:
    shown = {card.id: (card.figure, card.unit, str(card.tone)) for card in cards(small_report(), Reading())}
    assert shown == {
        "bill": ("100.00", "USD", "plain"),
        "unit": ("0.0455", "USD/Mtok", "plain"),
        "variance": ("+25.0", "%", "bad"),
        "unserved": ("–", "", "plain"),
        "saving": ("8.00", "USD", "good"),
    }


def test_a_month_that_is_not_over_is_held_against_what_was_planned_by_now() -> None:
    report = replace(small_report(), as_of=END - 240 * HOUR)
    assert "more than the USD 80.00 planned by now: " in sentences(report)[1]
    card = next(card for card in cards(report, Reading()) if card.id == "variance")
    assert card.note == "+20.00 USD, planned by now 80.00"
