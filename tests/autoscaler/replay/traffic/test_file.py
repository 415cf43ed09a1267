"""The traffic reader: series at their own step, gaps, scenarios, single requests, and the one line about the rest."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.traffic.file import NOMINAL_START, read_scenarios, read_traffic
from autoscaler.replay.world import Traffic
from planner.errors import InputError
from planner.files import read_text

HEADER = "timestamp,input_tokens_per_s,output_tokens_per_s"
START = datetime(2026, 1, 1, tzinfo=UTC)


def a_series(step_s: int, *pairs: tuple[float, float]) -> str:
    rows = [f"{START + timedelta(seconds=n * step_s):%Y-%m-%dT%H:%M:%SZ},{i},{o}" for n, (i, o) in enumerate(pairs)]
    return "\n".join([HEADER, *rows]) + "\n"


def read(text: str, models: tuple[str, ...] = ("m",)) -> Traffic:
    return read_traffic(text, source="t.csv", models=models)


def complaint(text: str, models: tuple[str, ...] = ("m",)) -> str:
    with pytest.raises(InputError) as caught:
        read(text, models)
    said = str(caught.value)
    assert said.startswith("t.csv")
    assert "\n" not in said
    return said


@pytest.mark.parametrize("step_s", [1, 10, 60, 600, 3600])
def test_a_series_keeps_its_own_step(step_s: int) -> None:
    traffic = read(a_series(step_s, (100, 10), (200, 20.5), (300, 0)))
    assert (traffic.start, traffic.step_s, traffic.models) == (START, step_s, ("m",))
    assert traffic.input_tok_s.tolist() == [[100, 200, 300]]
    assert traffic.output_tok_s.tolist() == [[10, 20.5, 0]]
    assert traffic.duration_s == 3 * step_s
    assert not traffic.is_gap.any()
    assert traffic.remarks == ()


def test_a_series_need_not_begin_or_end_with_an_hour() -> None:
    text = f"{HEADER}\n2026-01-01T00:20:00Z,1,1\n2026-01-01T00:30:00Z,2,2\n"
    assert read(text).end == START + timedelta(minutes=40)


def test_rows_without_measurement_are_drawn_straight_and_counted() -> None:
    text = f"{HEADER},gap\n" + "".join(
        f"2026-01-01T00:{10 * n:02d}:00Z,{value},{value / 10},{gap}\n"
        for n, (value, gap) in enumerate([(100, 0), (0, 1), (0, 1), (400, 0)])
    )
    traffic = read(text)
    assert traffic.input_tok_s.tolist() == [[100, 200, 300, 400]]
    assert traffic.output_tok_s == pytest.approx(np.array([[10, 20, 30, 40]]))
    assert traffic.is_gap.tolist() == [False, True, True, False]
    assert traffic.remarks == ("t.csv: 2 of 4 steps of 10 minutes were not measured (gap = 1): interpolated",)


def test_seconds_from_the_start_may_stand_for_the_timestamp() -> None:
    traffic = read("t_s,input_tokens_per_s,output_tokens_per_s\n0,100,10\n600,200,20\n")
    assert (traffic.start, traffic.step_s) == (NOMINAL_START, 600)
    assert traffic.input_tok_s.tolist() == [[100, 200]]
    assert "t_s tells no date; it is taken to start on Monday, 2024-01-01 UTC" in traffic.remarks[0]


def test_where_both_stand_the_timestamp_counts() -> None:
    traffic = read("timestamp,t_s,input_tokens_per_s,output_tokens_per_s\n2026-01-01T00:00:00Z,0,100,10\n")
    assert traffic.start == START
    assert traffic.remarks == ("t.csv: columns not read: t_s",)


def test_several_models_come_in_the_fleets_order() -> None:
    rows = [f"2026-01-01T00:{m:02d}:00Z,{name},{v},{v}" for m in (0, 1) for name, v in (("b", 2 + m), ("a", 7 + m))]
    text = "\n".join(["timestamp,model,input_tokens_per_s,output_tokens_per_s", *rows])
    traffic = read(text, ("a", "b", "c"))
    assert traffic.models == ("a", "b")
    assert traffic.input_tok_s.tolist() == [[7, 8], [2, 3]]
    assert traffic.remarks == ("t.csv: no demand for c; not planned",)


def test_scenarios_are_read_with_their_probabilities_and_not_taken_for_one() -> None:
    rows = [f"2026-01-01T00:00:00Z,{v},{v},{name},{p}" for name, p, v in (("low", 0.7, 1), ("high", 0.3, 9))]
    text = "\n".join([f"{HEADER},scenario,probability", *rows])
    held = read_scenarios(text, source="t.csv", models=("m",))
    assert [(one.name, one.probability, one.traffic.input_tok_s.tolist()) for one in held] == [
        ("low", 0.7, [[1.0]]),
        ("high", 0.3, [[9.0]]),
    ]
    assert held[1].traffic.source == "t.csv, scenario high"
    assert "2 scenarios (low, high); expected one" in complaint(text)


def test_bands_of_a_forecast_are_left_and_its_mean_is_read() -> None:
    text = f"{HEADER},quantile\n2026-01-01T00:00:00Z,5,5,\n2026-01-01T00:00:00Z,9,9,0.9\n"
    traffic = read(text)
    assert traffic.input_tok_s.tolist() == [[5]]
    assert "the quantiles 0.9 are not" in traffic.remarks[0]


def test_single_requests_add_up_to_steps() -> None:
    traffic = read("arrival_s,input_tokens,output_tokens\n0.5,100,10\n9.9,300,20\n25,500,50\n")
    assert (traffic.start, traffic.step_s) == (NOMINAL_START, 10)
    assert traffic.input_tok_s.tolist() == [[40, 0, 50]]  # (100 + 300) / 10 s, then nothing, then 500 / 10 s
    assert traffic.output_tok_s.tolist() == [[3, 0, 5]]
    assert traffic.requests["m"].arrival_s.tolist() == [0.5, 9.9, 25]
    assert "3 single requests" in traffic.remarks[0]


@given(
    st.lists(
        st.tuples(st.floats(0, 1e4), st.integers(0, 100_000), st.integers(0, 10_000)), min_size=1, max_size=50
    ).map(sorted)
)
def test_no_token_of_a_trace_is_lost(requests: list[tuple[float, int, int]]) -> None:
    text = "arrival_s,input_tokens,output_tokens\n" + "".join(f"{a!r},{i},{o}\n" for a, i, o in requests)
    traffic = read(text)
    assert traffic.input_tok_s.sum() * traffic.step_s == pytest.approx(sum(i for _, i, _ in requests))
    assert traffic.output_tok_s.sum() * traffic.step_s == pytest.approx(sum(o for _, _, o in requests))
    assert requests[-1][0] < traffic.duration_s <= requests[-1][0] + traffic.step_s


def test_requests_of_several_models_are_told_apart() -> None:
    traffic = read("arrival_s,model,input_tokens,output_tokens\n1,b,10,1\n2,a,20,2\n", ("a", "b"))
    assert traffic.models == ("a", "b")
    assert traffic.requests["a"].input_tokens.tolist() == [20]
    assert traffic.requests["b"].input_tokens.tolist() == [10]


def test_other_columns_of_a_trace_are_left_with_a_remark_and_a_misspelling_is_refused() -> None:
    traffic = read("arrival_s,input_tokens,output_tokens,kv_blocks\n1,2,3,4\n")
    assert "t.csv: columns not read: kv_blocks" in traffic.remarks
    assert "did you mean 'model'?" in complaint("arrival_s,input_tokens,output_tokens,modell\n1,2,3,m\n")


def test_a_packed_file_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(a_series(60, (1, 2), (3, 4)).encode()))
    assert read(read_text(path)).input_tok_s.tolist() == [[1, 3]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "",
            "the file is empty; expected a header and one row per step of the traffic, from a second to an hour long "
            "(timestamp,input_tokens_per_s,output_tokens_per_s), or one per request "
            "(arrival_s,input_tokens,output_tokens)",
            id="empty",
        ),
        pytest.param(
            HEADER + "\n",
            "there is a header and no row; expected one row per step of the traffic, from a second to an hour long",
            id="header only",
        ),
        pytest.param(a_series(7, (1, 1), (1, 1)), "rows are 7 seconds apart; expected an hour", id="step of 7 s"),
        pytest.param(
            a_series(600, (1, 1), (1, 1)) + "2026-01-01T00:30:00Z,1,1\n",
            "row 4: 2026-01-01T00:30Z follows 2026-01-01T00:10Z; 2026-01-01T00:20Z is missing",
            id="hole",
        ),
        pytest.param(a_series(600, (1, 1), (1, -1)), "row 3: output_tokens_per_s is '-1'", id="negative"),
        pytest.param(HEADER.replace("input_tokens", "input_token") + "\n", "did you mean", id="misspelt"),
        pytest.param("t_s,input_tokens_per_s,output_tokens_per_s\n0.5,1,1\n", "row 2: t_s is '0.5'", id="half seconds"),
        pytest.param(f"{HEADER},gap\n2026-01-01T00:00:00Z,,,1\n", "gap = 1 in every row", id="all gaps"),
        pytest.param("arrival_s,input_tokens,output_tokens\n", "no row; expected one row per request", id="no request"),
        pytest.param("arrival_s,input_tokens\n1,2\n", "row 1: column 'output_tokens' is missing", id="no output"),
        pytest.param(
            "arrival_s,input_tokens,output_tokens\n5,1,1\n4,1,1\n",
            "row 3: arrival_s 4 comes after 5; expected requests in order of time",
            id="out of order",
        ),
        pytest.param(
            "arrival_s,input_tokens,output_tokens\n5,many,1\n", "row 2: input_tokens is 'many'", id="not a number"
        ),
        pytest.param("arrival_s,input_tokens,output_tokens\nnan,1,1\n", "row 2: arrival_s is 'nan'", id="NaN"),
        pytest.param(
            "arrival_s,model,input_tokens,output_tokens\n1,,1,1\n2,m,1,1\n", "row 2: no model; expected", id="no name"
        ),
        pytest.param(
            "arrival_s,model,input_tokens,output_tokens\n1,n,1,1\n", "unknown model 'n'; expected 'm'", id="unknown"
        ),
    ],
)
def test_bad_traffic_is_one_line_with_file_row_and_what_was_expected(text: str, expected: str) -> None:
    assert expected in complaint(text)


def test_a_file_without_names_cannot_be_shared_by_two_models() -> None:
    assert "no model column, and the fleet has 2 models" in complaint(a_series(60, (1, 1)), ("a", "b"))
    assert "no model column" in complaint("arrival_s,input_tokens,output_tokens\n1,1,1\n", ("a", "b"))
