from datetime import UTC, datetime

import numpy as np
import pytest

from planner.demand.history import History
from planner.demand.past import read_past
from planner.errors import InputError

HEADER = "timestamp,input_tokens_per_s,output_tokens_per_s"


def a_past(*rows: str, header: str = HEADER) -> History:
    return read_past("\n".join((header, *rows)) + "\n", source="past.csv")


def test_rows_become_consecutive_hours_of_utc():
    past = a_past("2026-11-01T01:00:00+01:00,10,1", "2026-11-01T02:00:00+01:00,20,2")

    assert past.start == datetime(2026, 11, 1, tzinfo=UTC)
    assert past.models == ("",)
    assert past.input_tok_s.tolist() == [[10, 20]]
    assert past.output_tok_s.tolist() == [[1, 2]]
    assert past.remarks == ()


def test_a_gap_an_empty_rate_and_a_missing_row_are_unknown_and_not_zero():
    past = a_past(
        "2026-11-01T00:00Z,10,1,0",
        "2026-11-01T01:00Z,7,7,1",
        "2026-11-01T02:00Z,,3,0",
        "2026-11-01T03:00Z,NaN,3,",
        "2026-11-01T05:00Z,0,0,0",
        header=HEADER + ",gap",
    )

    assert np.isnan(past.input_tok_s).tolist() == [[False, True, True, True, True, False]]
    assert past.input_tok_s[0, 5] == 0
    assert past.remarks == (
        "past.csv: 3 rows hold no measurement (gap = 1, or no rate)",
        "past.csv: 1 hours have no row, the first 2026-11-01T04:00Z; not measured",
    )


def test_finer_rows_are_averaged_over_what_was_measured_and_half_an_hour_is_enough():
    past = a_past(
        "2026-11-01T00:00Z,10,1",
        "2026-11-01T00:15Z,20,3",
        "2026-11-01T00:30Z,,",
        "2026-11-01T00:45Z,,",
        "2026-11-01T01:00Z,50,5",
        "2026-11-01T01:45Z,,",
        "2026-11-01T02:00Z,1,1",
        "2026-11-01T02:15Z,2,2",
        "2026-11-01T02:30Z,3,3",
        "2026-11-01T02:45Z,4,4",
    )

    assert past.input_tok_s[0, 0] == 15
    assert np.isnan(past.input_tok_s[0, 1])  # one of four quarters
    assert past.output_tok_s[0, 2] == 2.5
    assert past.remarks == (
        "past.csv: rows are 15 minutes apart; averaged to hours",
        "past.csv: 3 rows hold no measurement (gap = 1, or no rate)",
        "past.csv: 1 hours are measured to less than half; taken as not measured",
    )


def test_models_may_begin_at_different_hours():
    past = a_past(
        "2026-11-01T00:00Z,10,1,old",
        "2026-11-01T01:00Z,11,1,old",
        "2026-11-01T01:00Z,5,1,new",
        header=HEADER + ",model",
    )

    assert past.models == ("old", "new")
    assert past.is_measured.tolist() == [[True, True], [False, True]]


def test_a_file_in_local_time_may_go_through_a_change_of_clocks():
    past = a_past(
        "2026-10-25T02:00:00+02:00,1,1",
        "2026-10-25T02:00:00+01:00,2,2",
        "2026-10-25T03:00:00+01:00,3,3",
    )

    assert past.input_tok_s.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["2026-11-01T00:00Z,ten,1"], "row 2: input_tokens_per_s is 'ten'; expected a number of tokens per second"),
        (["2026-11-01T00:00Z,-1,1"], "row 2: input_tokens_per_s is '-1'"),
        (["2026-11-01T00:00,1,1"], "row 2: timestamp '2026-11-01T00:00' has no time zone"),
        (["2026-11-01T00:00Z,1,1"] * 2, "row 3: 2026-11-01T00:00Z stands in row 2 already; expected each hour once"),
        (["2026-11-01T01:00Z,1,1", "2026-11-01T00:00Z,1,1"], "row 3: 2026-11-01T00:00Z comes after"),
        (["2026-11-01T00:00Z,,"], "no hour is measured; expected some measurement"),
        (["2026-11-01T00:00Z,1,1", "2066-11-01T00:00Z,1,1"], "expected at most 20 years"),
        (["2026-11-01T00:30Z,1,1"], "row 2: 2026-11-01T00:30Z is not at the start of an hour (UTC)"),
        ([], "there is a header and no row"),
    ],
)
def test_what_is_wrong_is_named_by_its_row(rows, message):
    with pytest.raises(InputError) as refused:
        a_past(*rows)

    assert str(refused.value).startswith("past.csv")
    assert message in str(refused.value)


def test_scenarios_are_no_history():
    with pytest.raises(InputError, match="has scenarios; expected a history"):
        a_past("2026-11-01T00:00Z,1,1,high,1", header=HEADER + ",scenario,probability")
