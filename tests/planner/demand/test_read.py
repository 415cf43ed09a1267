"""The forecast reader: what it reads, and the one line it says about everything it cannot."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.demand.forecast import Forecast
from planner.demand.read import read_forecast
from planner.errors import InputError
from planner.files import read_text

HEADER = "timestamp,input_tokens_per_s,output_tokens_per_s"
START = datetime(2026, 1, 1, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[3] / "examples"


def stamp(hour: float) -> str:
    return (START + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_file(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def hourly(*pairs: tuple[float, float]) -> str:
    return a_file(*(f"{stamp(hour)},{i},{o}" for hour, (i, o) in enumerate(pairs)))


def read(text: str, **options: object) -> Forecast:
    return read_forecast(text, source="f.csv", **options)  # type: ignore[arg-type]  # options of many types


def complaint(text: str, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read(text, **options)
    said = str(caught.value)
    assert said.startswith("f.csv")
    assert "\n" not in said
    return said


def answer(text: str) -> str | None:
    """What the reader complains of, or None where it reads."""
    try:
        read(text)
    except InputError as error:
        return str(error)
    return None


def test_hourly_rows_are_read_as_they_stand() -> None:
    forecast = read(hourly((100, 10), (200, 20.5)))
    assert forecast.start == START
    assert forecast.models == ("",)
    assert forecast.scenarios == ("",)
    assert forecast.input_tok_s.tolist() == [[[100, 200]]]
    assert forecast.output_tok_s.tolist() == [[[10, 20.5]]]
    assert forecast.remarks == ()
    assert forecast.source == "f.csv"


def test_columns_may_stand_in_any_order() -> None:
    forecast = read(a_file(f"5,{stamp(0)},7", header="output_tokens_per_s,timestamp,input_tokens_per_s"))
    assert (forecast.input_tok_s[0, 0, 0], forecast.output_tok_s[0, 0, 0]) == (7, 5)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + hourly((1, 2), (3, 4)), id="byte order mark"),
        pytest.param(hourly((1, 2), (3, 4)).replace("\n", "\r\n"), id="windows line ends"),
        pytest.param(hourly((1, 2), (3, 4)).replace("\n", "\r"), id="old mac line ends"),
        pytest.param(hourly((1, 2), (3, 4)).rstrip("\n"), id="no last line end"),
        pytest.param(hourly((1, 2), (3, 4)) + "\n" * 5000, id="thousands of blank lines at the end"),
        pytest.param(hourly((1, 2), (3, 4)) + ",,\n , ,\n   \n", id="empty spreadsheet rows"),
        pytest.param("\n\n" + hourly((1, 2), (3, 4)), id="blank lines before the header"),
        pytest.param(hourly((1, 2), (3, 4)).replace(",", ", "), id="spaces after commas"),
        pytest.param(a_file(f'"{stamp(0)}","1","2"', f"{stamp(1)},3e0,4."), id="quotes and number forms"),
        pytest.param(hourly((1, 2), (3, 4)).replace("T", " ").replace("Z", "+00:00"), id="other ISO-8601 forms"),
    ],
)
def test_harmless_differences_of_form_change_nothing(text: str) -> None:
    forecast = read(text)
    assert forecast.input_tok_s.tolist() == [[[1, 3]]]
    assert forecast.output_tok_s.tolist() == [[[2, 4]]]
    assert forecast.start == START


def test_another_zone_is_read_as_the_same_instants() -> None:
    text = a_file("2026-01-01T01:00:00+01:00,1,2", "2026-01-01T02:00:00+01:00,3,4")
    assert read(text).start == START


def test_ten_minute_rows_are_averaged_with_a_remark() -> None:
    text = a_file(*(f"{stamp(i / 6)},{10 * i},{i}" for i in range(12)))
    forecast = read(text)
    assert forecast.input_tok_s.tolist() == [[[25, 85]]]
    assert forecast.output_tok_s.tolist() == [[[2.5, 8.5]]]
    assert forecast.remarks == ("f.csv: rows are 10 minutes apart; averaged to hours",)


def test_rows_marked_as_gap_are_in_no_average_and_may_be_empty() -> None:
    rows = [f"{stamp(i / 6)},{'' if i < 3 else 60},{'' if i < 3 else 6},{int(i < 3)}" for i in range(6)]
    forecast = read(a_file(*rows, header=HEADER + ",gap"))
    assert forecast.input_tok_s.tolist() == [[[60]]]
    assert "3 rows without measurement (gap = 1) are in no average" in forecast.remarks[1]


def test_an_hour_without_any_measurement_is_named() -> None:
    text = a_file(f"{stamp(0)},1,1,0", f"{stamp(1)},0,0,1", f"{stamp(2)},1,1,0", header=HEADER + ",gap")
    assert "no measurement in the hour 2026-01-01T01:00Z" in complaint(text)


def test_an_hour_without_any_measurement_is_interpolated_when_asked_and_said() -> None:
    text = a_file(f"{stamp(0)},1,10,0", f"{stamp(1)},0,0,1", f"{stamp(2)},3,30,0", header=HEADER + ",gap")
    forecast = read(text, unmeasured="interpolate")
    assert forecast.input_tok_s.tolist() == [[[1, 2, 3]]]
    assert forecast.output_tok_s.tolist() == [[[10, 20, 30]]]
    assert "1 hours without any measurement are interpolated" in forecast.remarks[1]


def test_a_file_without_any_measurement_is_refused() -> None:
    text = a_file(f"{stamp(0)},1,1,1", header=HEADER + ",gap")
    assert "gap = 1 in every row" in complaint(text, unmeasured="interpolate")


def test_unknown_columns_are_ignored_with_one_remark() -> None:
    forecast = read(a_file(f"{stamp(0)},1,2,x,y", header=HEADER + ",requests_per_s,active_clients"))
    assert forecast.remarks == ("f.csv: columns not read: requests_per_s, active_clients",)


@pytest.mark.parametrize("by_scenario", [True, False], ids=["scenario by scenario", "hour by hour"])
def test_scenarios_and_models_are_read_in_either_order_of_rows(by_scenario: bool) -> None:
    cells = [(s, m, h) for s in "ab" for m in ("x", "y") for h in range(2)]
    if not by_scenario:
        cells.sort(key=lambda cell: cell[2])
    value = {"a": 100, "b": 200, "x": 10, "y": 20}
    rows = [f"{stamp(h)},{value[s] + value[m] + h},0,{m},{s},{0.25 if s == 'a' else 0.75}" for s, m, h in cells]
    forecast = read(a_file(*rows, header=HEADER + ",model,scenario,probability"))
    assert forecast.scenarios == ("a", "b")
    assert forecast.models == ("x", "y")
    assert forecast.probability == (0.25, 0.75)
    assert forecast.input_tok_s.tolist() == [[[110, 111], [120, 121]], [[210, 211], [220, 221]]]


def test_the_mean_rows_are_used_and_a_band_can_be_chosen() -> None:
    rows = [f"{stamp(h)},{i},0,{q}" for h in range(2) for q, i in (("", 10), ("0.05", 1), ("0.95", 30))]
    text = a_file(*rows, header=HEADER + ",quantile")
    mean = read(text)
    assert mean.input_tok_s.tolist() == [[[10, 10]]]
    assert mean.remarks == ("f.csv: the mean rows are used; the quantiles 0.05, 0.95 are not",)
    assert read(text, quantile=0.95).input_tok_s.tolist() == [[[30, 30]]]
    assert "no rows of quantile 0.5; the file holds 0.05, 0.95" in complaint(text, quantile=0.5)


def test_a_file_of_bands_alone_asks_which() -> None:
    text = a_file(f"{stamp(0)},1,1,0.5", header=HEADER + ",quantile")
    assert "no mean rows (empty quantile); the file holds quantiles 0.5: choose one" in complaint(text)


def test_a_quantile_asked_of_a_file_of_means_is_refused() -> None:
    assert "the file holds only the mean" in complaint(hourly((1, 1)), quantile=0.9)


def test_three_equal_probabilities_written_with_six_digits_sum_to_one() -> None:
    rows = [f"{stamp(0)},1,1,{s},0.333333" for s in "abc"]
    assert sum(read(a_file(*rows, header=HEADER + ",scenario,probability")).probability) == pytest.approx(1, abs=1e-12)


def test_the_fleets_models_order_the_forecast() -> None:
    text = a_file(f"{stamp(0)},1,1,b", f"{stamp(0)},2,2,a", header=HEADER + ",model")
    assert read(text, models=["a", "b"]).input_tok_s.tolist() == [[[2], [1]]]


S, M = ",scenario,probability", ",model"

BAD = [
    ("", "the file is empty", "nothing at all"),
    ("\n\n \n", "the file is empty", "blank lines only"),
    (HEADER, "a header and no row", "header only"),
    (HEADER + "\n\n\n", "a header and no row", "header and blank lines"),
    ("timestamp,input_tokens_per_s\n", "row 1: column 'output_tokens_per_s' is missing", "a column missing"),
    (HEADER.replace("output_tokens", "output_token"), "did you mean 'output_tokens_per_s'?", "a column misspelt"),
    (HEADER.replace("timestamp", "Timestamp"), "did you mean 'timestamp'?", "a column in capitals"),
    (HEADER.replace("timestamp", "time"), "rename 'time' to 'timestamp'", "another word for a column"),
    (HEADER + ",quantil", "did you mean 'quantile'?", "an optional column misspelt"),
    (HEADER + ",models", "did you mean 'model'?", "an optional column in the plural"),
    (HEADER + ",timestamp", "column 'timestamp' appears twice", "a column twice"),
    (HEADER + ",scenario", "column 'probability' is missing", "scenario without probability"),
    (HEADER + ",probability", "column 'scenario' is missing", "probability without scenario"),
    (hourly((1, 2)).replace(",", ";"), "look separated by semicolons", "semicolons"),
    (hourly((1, 2)).replace(",", "\t"), "look separated by tabs", "tabs"),
    (hourly((1, 2)).replace(",", "|"), "look separated by vertical bars", "bars"),
    (a_file("2026-01-01T00:00:00,1,2"), "row 2: timestamp '2026-01-01T00:00:00' has no time zone", "naive time"),
    (a_file("2026-01-01,1,2"), "has no time zone", "a date"),
    (
        a_file(f"{stamp(0)},1,2", "2026-01-01T01:00:00,1,2"),
        "row 3: timestamp '2026-01-01T01:00:00' has no",
        "half naive",
    ),
    (
        a_file(f"{stamp(0)},1,2", "2026-01-01T02:00:00+01:00,1,2"),
        "row 3: timestamp '2026-01-01T02:00:00+01:00' is in another time zone than the first row's (UTC+00:00)",
        "mixed zones",
    ),
    (a_file("yesterday,1,2"), "row 2: timestamp is 'yesterday'; expected ISO-8601", "no time"),
    (a_file(",1,2"), "row 2: timestamp is ''; expected ISO-8601", "empty time"),
    (a_file("2026-01-01T00:00:00.5Z,1,2"), "expected whole seconds", "half a second"),
    (a_file("0001-01-01T00:00:00+14:00,1,2"), "expected a year from 1900 to 9000", "year one"),
    (a_file("2026-01-01T00:30:00Z,1,2"), "row 2: 2026-01-01T00:30Z is not at the start of an hour", "half past"),
    (
        a_file(f"{stamp(0)},1,2", f"{stamp(1)},1,2", f"{stamp(3)},1,2"),
        "row 4: 2026-01-01T03:00Z follows 2026-01-01T01:00Z; 2026-01-01T02:00Z is missing",
        "a gap",
    ),
    (a_file(f"{stamp(0)},1,2", f"{stamp(24)},1,2", f"{stamp(48)},1,2"), "2026-01-01T01:00Z is missing", "daily rows"),
    (a_file(f"{stamp(0)},1,2", f"{stamp(0.7)},1,2"), "rows are 42 minutes apart", "an odd step"),
    (
        a_file(f"{stamp(0)},1,2", f"{stamp(0.5)},1,2", f"{stamp(1)},1,2"),
        "01:00Z is only partly covered",
        "half an hour",
    ),
    (a_file(f"{stamp(0.5)},1,2", f"{stamp(1)},1,2", f"{stamp(1.5)},1,2"), "00:00Z is only partly", "a late start"),
    (
        a_file(f"{stamp(0)},1,2", f"{stamp(1)},1,2", "", f"{stamp(1)},1,2"),
        "row 5: 2026-01-01T01:00Z stands in row 3 already",
        "a duplicate",
    ),
    (
        a_file(f"{stamp(0)},1,2", f"{stamp(1)},1,2", f"{stamp(2)},1,2", f"{stamp(0)},1,2"),
        "row 5: 2026-01-01T00:00Z stands in row 2 already",
        "a late duplicate",
    ),
    (
        a_file(f"{stamp(1)},1,2", f"{stamp(0)},1,2"),
        "row 3: 2026-01-01T00:00Z comes after 2026-01-01T01:00Z",
        "out of order",
    ),
    (hourly((1, 2), (-3, 4)), "row 3: input_tokens_per_s is '-3'; expected a number", "negative"),
    (hourly((1, 2), (3, float("nan"))), "row 3: output_tokens_per_s is 'nan'; expected a number", "NaN"),
    (hourly((1, 2), (3, float("inf"))), "row 3: output_tokens_per_s is 'inf'; expected a number", "infinite"),
    (hourly((1e13, 2)), "row 2: input_tokens_per_s is '10000000000000.0'; expected at most 1e+12", "a unit error"),
    (a_file(f"{stamp(0)},many,2"), "row 2: input_tokens_per_s is 'many'; expected a number", "text"),
    (a_file(f"{stamp(0)},1_000,2"), "row 2: input_tokens_per_s is '1_000'; expected a number", "Python's underscore"),
    (a_file(f'{stamp(0)},"1,5",2'), "row 2: input_tokens_per_s is '1,5'; expected a number", "a decimal comma"),
    (a_file(f"{stamp(0)},,2"), "row 2: no input_tokens_per_s", "an empty number"),
    (a_file(f"{stamp(0)},1"), "row 2: 2 columns; expected 3", "a short row"),
    (a_file(f"{stamp(0)},1,2,3"), "row 2: 4 columns; expected 3", "a long row"),
    (a_file(f'"{stamp(0)},1,2'), "row 2: a quote is opened and not closed", "an open quote"),
    (a_file(f'"{stamp(0)}\n",1,2'), "row 2: a quote is opened and not closed", "a quoted line end"),
    (a_file(f'"{stamp(0)}"Z,1,2'), "row 2: not readable as CSV", "text after a quote"),
    (a_file(f"{stamp(0)},1,2,2", header=HEADER + ",gap"), "row 2: gap is '2'; expected 0, or 1", "gap of 2"),
    (a_file(f"{stamp(0)},1,2,1.5", header=HEADER + ",quantile"), "row 2: quantile is '1.5'; expected", "quantile 1.5"),
    (a_file(f"{stamp(0)},1,2,a,0", header=HEADER + S), "row 2: probability is '0'; expected", "probability 0"),
    (
        a_file(f"{stamp(0)},1,2,a,0.5", f"{stamp(0)},1,2,b,0.4", header=HEADER + S),
        "the probabilities of 2 scenarios sum to 0.9; expected 1",
        "probabilities below 1",
    ),
    (
        a_file(f"{stamp(0)},1,2,a,0.5", f"{stamp(1)},1,2,a,0.4", header=HEADER + S),
        "row 3: scenario 'a' has probability 0.4 here and 0.5 before",
        "two probabilities of one scenario",
    ),
    (
        a_file(f"{stamp(0)},1,2,a,0.5", f"{stamp(1)},1,2,a,0.5", f"{stamp(0)},1,2,b,0.5", header=HEADER + S),
        "scenario 'b' covers 2026-01-01T00:00Z to 2026-01-01T01:00Z, scenario 'a' 2026-01-01T00:00Z to",
        "scenarios of different hours",
    ),
    (
        a_file(f"{stamp(0)},1,2,x", f"{stamp(1)},1,2,y", header=HEADER + M),
        "model 'y' covers 2026-01-01T01:00Z to 2026-01-01T02:00Z",
        "models of different hours",
    ),
    (
        a_file(f"{stamp(0)},1,2,a,0.5,x", f"{stamp(0)},1,2,b,0.5,y", header=HEADER + S + M),
        "scenario 'a' has no rows of model 'y'",
        "a model in one scenario only",
    ),
    (a_file(f"{stamp(0)},1,2,x", f"{stamp(0)},1,2,", header=HEADER + M), "row 3: no model; expected a name", "no name"),
]


@pytest.mark.parametrize(("text", "said"), [case[:2] for case in BAD], ids=[case[2] for case in BAD])
def test_bad_input_is_one_line_with_file_row_and_what_was_expected(text: str, said: str) -> None:
    assert said in complaint(text)


def test_an_unknown_model_is_named_with_its_row() -> None:
    text = a_file(f"{stamp(0)},1,2,llama", f"{stamp(0)},1,2,lama", header=HEADER + M)
    assert complaint(text, models=["llama", "qwen"]).startswith(
        "f.csv, row 3: unknown model 'lama'; expected 'llama' or"
    )


def test_the_row_of_an_error_is_right_beyond_the_first_chunk() -> None:
    rows = [f"{(START + timedelta(hours=h)).isoformat()},1,2" for h in range(120_000)]
    rows[110_000] = rows[110_000].replace(",1,2", ",x,2")
    assert complaint(a_file(*rows)).startswith("f.csv, row 110002: input_tokens_per_s is 'x'")


def test_a_column_of_another_measure_is_not_taken_for_a_misspelling() -> None:
    header = HEADER + ",cached_input_tokens_per_s,total_tokens_per_s,requests_per_s,mode_of_day"
    assert len(read(a_file(f"{stamp(0)},1,2,3,4,5,6", header=header)).remarks) == 1


FORECASTS = sorted([*(EXAMPLES / "forecasts").glob("*.csv"), *EXAMPLES.glob("*/forecast.csv")])


@pytest.mark.parametrize("path", FORECASTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_shipped_forecast_is_whole_weeks_without_a_remark(path: Path) -> None:
    forecast = read_forecast(read_text(path), source=path.name)
    assert forecast.hours % 168 == 0
    assert forecast.remarks == ()


def test_the_servegen_sample_is_the_trace_at_one_hundredth() -> None:
    forecast = read_forecast(read_text(EXAMPLES / "forecasts/servegen_m_large_x0.01.csv"), source="s")
    assert forecast.input_tok_s[0, 0, 0] == pytest.approx(731.522)  # 73152.2 in the source's first hour
    assert forecast.output_tok_s.mean() == pytest.approx(285.2046, abs=1e-4)  # 28520.46 in the source


names = st.text(alphabet="abcxyz-._ü,\"'", min_size=1, max_size=6).map(str.strip).filter(bool)
rates = st.floats(min_value=0, max_value=1e12, allow_nan=False)


@st.composite
def forecasts(draw: st.DrawFn) -> Forecast:
    scenarios = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    models = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    hours = draw(st.integers(1, 5))
    shape = (len(scenarios), len(models), hours)
    values = st.lists(rates, min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))
    shares = draw(st.lists(st.integers(1, 9), min_size=len(scenarios), max_size=len(scenarios)))
    probability = [share / sum(shares) for share in shares]
    return Forecast(
        start=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=draw(st.integers(-9000, 9000))),
        models=tuple(models),
        scenarios=tuple(scenarios),
        probability=tuple(probability),
        input_tok_s=np.array(draw(values)).reshape(shape),
        output_tok_s=np.array(draw(values)).reshape(shape),
    )


def written(forecast: Forecast) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    rows = [
        f"{forecast.hour(h).isoformat()},{forecast.input_tok_s[s, m, h]!r},{forecast.output_tok_s[s, m, h]!r},"
        f"{quoted(scenario)},{forecast.probability[s]!r},{quoted(model)}".replace("np.float64(", "").replace(")", "")
        for s, scenario in enumerate(forecast.scenarios)
        for m, model in enumerate(forecast.models)
        for h in range(forecast.hours)
    ]
    return a_file(*rows, header=HEADER + S + M)


@settings(deadline=None)
@given(forecasts())
def test_any_forecast_written_as_csv_reads_back_equal(forecast: Forecast) -> None:
    back = read(written(forecast))
    assert (back.start, back.models, back.scenarios) == (forecast.start, forecast.models, forecast.scenarios)
    assert back.probability == pytest.approx(forecast.probability, abs=1e-15)
    assert np.array_equal(back.input_tok_s, forecast.input_tok_s)
    assert np.array_equal(back.output_tok_s, forecast.output_tok_s)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    said = answer(text)
    assert said is None or "\n" not in said


VALID = written(
    Forecast(
        start=START,
        models=("x", "y"),
        scenarios=("a", "b"),
        probability=(0.5, 0.5),
        input_tok_s=np.arange(8.0).reshape(2, 2, 2),
        output_tok_s=np.arange(8.0).reshape(2, 2, 2),
    )
)


@settings(deadline=None)
@given(
    st.integers(0, len(VALID)),
    st.integers(0, 8),
    st.one_of(st.text(max_size=6), st.sampled_from([",", "\n", '"', "0", "-", "9", "T", "nan", "1e999", "\r", "\0"])),
)
def test_a_damaged_file_is_read_or_refused_in_one_line(at: int, cut: int, put: str) -> None:
    said = answer(VALID[:at] + put + VALID[at + cut :])
    assert said is None or "\n" not in said


@settings(deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, packed: bool) -> None:
    path = tmp_path_factory.mktemp("bytes") / "f.csv"
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(InputError):
        read_forecast(read_text(path), source="f.csv")
