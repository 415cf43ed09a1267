"""`baseload forecast` as a person runs it: from a file, a ledger or Prometheus to a file that plans are made from."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from autoscaler.cli import baseload, run
from planner.demand.read import read_forecast
from planner.report.forecast.schema import forecast_schema_text
from tests.servers.prometheus_double import Asked, matrix, prometheus_double

ROOT = Path(__file__).parents[2]
START = datetime(2026, 10, 5, tzinfo=UTC)  # a Monday
SHAPE = [10 + 8 * (8 <= hour < 20) for hour in range(24)]
"""Output tok/s of a day in UTC: 10 by night, 18 by day."""


def past_csv(path: Path, days: int = 28, *, models: tuple[str, ...] = (), start: datetime = START) -> Path:
    """Days of that shape, a third less on Sundays, with noise of 5 %; input is four times output."""
    noise = np.random.default_rng(1).normal(1, 0.05, 24 * days)
    lines = ["timestamp,input_tokens_per_s,output_tokens_per_s" + (",model" if models else "")]
    for number in range(24 * days):
        at = start + timedelta(hours=number)
        output = SHAPE[at.hour] * noise[number] * (2 / 3 if at.weekday() == 6 else 1)
        for factor, model in enumerate(models or ("",), start=1):
            row = f"{at:%Y-%m-%dT%H:%MZ},{4 * factor * output:.4f},{factor * output:.4f}"
            lines.append(row + (f",{model}" if model else ""))
    path.write_text("\n".join(lines) + "\n")
    return path


def forecast(*arguments: object) -> int:
    return run(baseload(), ["forecast", *map(str, arguments)])


def document(capsys: pytest.CaptureFixture[str]) -> dict:
    found = json.loads(capsys.readouterr().out)
    jsonschema.validate(found, json.loads(forecast_schema_text()), format_checker=jsonschema.FormatChecker())
    return found


def test_the_forecast_is_a_file_that_plan_reads_as_mean_and_as_quantile(tmp_path, capsys):
    past, file = past_csv(tmp_path / "past.csv"), tmp_path / "forecast.csv"

    assert forecast(past, "--month", "2026-11", "-o", file, "--json") == 0

    told = document(capsys)
    text = file.read_text()
    assert text.splitlines()[0] == "timestamp,input_tokens_per_s,output_tokens_per_s,quantile"
    mean = read_forecast(text, source="forecast.csv")
    assert (mean.start, mean.hours) == (datetime(2026, 11, 2, tzinfo=UTC), 29 * 24)  # the history ends with 1 November
    wide = read_forecast(text, source="forecast.csv", quantile=0.9)
    assert (wide.output_tok_s >= read_forecast(text, source="forecast.csv", quantile=0.5).output_tok_s).all()
    first = told["hours_detail"][0]["models"][""]["output_tok_s"]
    assert mean.output_tok_s[0, 0, 0] == pytest.approx(first["mean"], rel=1e-6)
    assert wide.output_tok_s[0, 0, 0] == pytest.approx(first["0.9"], rel=1e-6)
    assert run(baseload(), ["plan", "-f", str(file), "--quantile", "0.9"]) == 0


def test_the_shape_of_the_day_comes_back_within_its_noise(tmp_path, capsys):
    assert forecast(past_csv(tmp_path / "past.csv"), "--horizon", "6d", "--json") == 0  # Monday to Saturday

    hours = document(capsys)["hours_detail"]
    day = np.array([hour["models"][""]["output_tok_s"]["mean"] for hour in hours]).reshape(6, 24).mean(axis=0)
    np.testing.assert_allclose(day, SHAPE, rtol=0.1)


def test_scenarios_are_written_on_request_and_plan_uses_them(tmp_path, capsys):
    past, file = past_csv(tmp_path / "past.csv", models=("chat", "code")), tmp_path / "forecast.csv"

    assert forecast(past, "--horizon", "48h", "--paths", 5, "--seed", 3, "-o", file) == 0

    text = file.read_text()
    scenarios = read_forecast(text, source="forecast.csv")
    assert scenarios.models == ("chat", "code")
    assert len(scenarios.scenarios) == 5
    assert scenarios.probability == pytest.approx((0.2,) * 5)
    assert any("its 5 scenarios are used; the mean rows and the quantiles" in one for one in scenarios.remarks)
    assert read_forecast(text, source="forecast.csv", quantile=0.05).scenarios == ("",)
    again = tmp_path / "again.csv"
    assert forecast(past, "--horizon", "48h", "--paths", 5, "--seed", 3, "-o", again) == 0
    assert again.read_text() == text


def test_a_backtest_prints_the_numbers_of_the_contract(tmp_path, capsys):
    past = past_csv(tmp_path / "past.csv")

    assert forecast(past, "--horizon", "3d", "--backtest", "--origins", 4, "--json") == 0

    told = document(capsys)
    assert (told["target"], told["horizon_hours"], told["origins"]) == ("output", 72, 4)
    assert set(told["coverage"]) == {"0.5", "0.8", "0.9", "0.95"}
    assert 0 < told["mase_vs_seasonal_naive"] <= 1.05
    assert 0 <= told["peak_error_ratio"] < 0.2
    assert told["mean_width_ratio"] > 0
    assert len(told["runs"]) == 4


def test_a_backtest_says_the_same_in_two_processes_and_from_what_was_kept(tmp_path, capsys):
    past, kept = past_csv(tmp_path / "past.csv"), tmp_path / "runs.kept"
    options = ["--horizon", "3d", "--backtest", "--origins", 3, "--json"]
    assert forecast(past, *options, "--workers", 1) == 0
    alone = capsys.readouterr().out
    assert forecast(past, *options, "--workers", 2, "--checkpoint", kept) == 0
    assert capsys.readouterr().out == alone
    lines = kept.read_bytes()
    assert forecast(past, *options, "--workers", 1, "--checkpoint", kept) == 0
    again = capsys.readouterr()
    assert again.out == alone
    assert kept.read_bytes() == lines  # nothing was done anew


def test_a_table_for_people_says_what_was_and_what_is_expected(tmp_path, capsys):
    assert forecast(past_csv(tmp_path / "past.csv"), "--horizon", "7d", "--backtest", "--origins", 2) == 0

    shown = capsys.readouterr()
    assert shown.out.startswith("Forecast of 168 hours, 2026-11-02 to 2026-11-09 UTC\n")
    assert "28 days, 100.0 % measured" in shown.out
    assert "Back-test of output tokens: 168 hours ahead from 2 origins of the history" in shown.out
    assert "note: days and weeks are those of UTC; --tz Europe/Berlin" in shown.err


@pytest.mark.parametrize(
    ("hours", "length", "why"),
    [
        (19, "19 hours", "the usual one: the history is too short to tell methods apart"),
        (199, "8.3 days", "chosen by its error"),
        (240, "10 days", "chosen by its error"),
    ],
)
def test_a_short_history_is_said_as_long_as_it_is_and_no_method_is_chosen_by_nothing(
    hours, length, why, tmp_path, capsys
):
    past = past_csv(tmp_path / "past.csv")
    past.write_text("\n".join(past.read_text().splitlines()[: hours + 1]) + "\n")
    assert forecast(past, "--horizon", "1d") == 0
    said = capsys.readouterr().out
    assert f"past.csv: {length}, 100.0 % measured" in said
    assert f"method robust, {why}\n" in said
    assert f"last {length}" in said


def test_assumptions_are_layered_on_top_and_shown(tmp_path, capsys):
    past = past_csv(tmp_path / "past.csv")
    rules = tmp_path / "assumptions.toml"
    rules.write_text('[[change]]\ndate = 2026-11-04\npercent = -50\nname = "lost customer"\n')
    assert forecast(past, "--horizon", "4d", "--json") == 0
    plain = document(capsys)
    change = ["--change", "2026-11-05=*3", "--change", "2026-10-01=*2", "--assumptions", rules]

    assert forecast(past, "--horizon", "4d", "--json", *change) == 0

    told = document(capsys)
    ratios = [
        told["hours_detail"][24 * day]["models"][""]["output_tok_s"]["0.9"]
        / plain["hours_detail"][24 * day]["models"][""]["output_tok_s"]["0.9"]
        for day in range(4)
    ]
    assert ratios == pytest.approx([1, 1, 0.5, 1.5])
    assert [one["is_applied"] for one in told["assumptions"]] == [True, True, False]
    assert told["assumptions"][0]["name"] == "lost customer"
    assert "begins before the history ends" in told["assumptions"][2]["note"]


def test_cleaning_is_said_and_can_be_switched_off(tmp_path, capsys):
    past = past_csv(tmp_path / "past.csv")
    lines = past.read_text().splitlines()
    lines[300] = lines[300].split(",")[0] + ",4000,1000"
    past.write_text("\n".join(lines) + "\n")

    assert forecast(past, "--horizon", "1d", "--json") == 0
    shown = capsys.readouterr()
    (finding,) = json.loads(shown.out)["cleaning"]
    assert (finding["kind"], finding["start"], finding["hours"]) == ("outliers", "2026-10-17T11:00:00Z", 1)
    assert f"note: {finding['words']}" in shown.err
    for off in (["--no-clean"], ["--clean", "gaps,shifts"]):
        assert forecast(past, "--horizon", "1d", "--json", *off) == 0
        assert document(capsys)["cleaning"] == []


def test_the_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    past, chart = past_csv(tmp_path / "past.csv"), tmp_path / "fan.svg"

    assert forecast(past, "--horizon", "3d", "--backtest", "--origins", 1, "--chart", chart) == 0

    drawn = chart.read_text()
    for words in ("measured", "90 % band", "50 % band", "mean", "what came", "output tok/s"):
        assert words in drawn


def test_a_ledger_is_history_too(tmp_path, capsys):
    rows = list(csv.DictReader(past_csv(tmp_path / "past.csv", days=10).read_text().splitlines()))
    usage = tmp_path / "usage.csv"
    lines = ["hour,input_tokens,output_tokens,model"]
    for row in rows:
        counts = [round(3600 * float(row[name])) for name in ("input_tokens_per_s", "output_tokens_per_s")]
        lines.append(f"{row['timestamp']},{counts[0]},{counts[1]},chat")
    usage.write_text("\n".join(lines) + "\n")
    ledger = tmp_path / "ledger.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BASELOAD_DATABASE_URL", f"sqlite:///{ledger}")
        assert run(baseload(), ["ledger", "import", str(usage)]) == 0
    capsys.readouterr()

    assert forecast("--from-ledger", "--database", ledger, "--horizon", "1d", "--days", 7, "--json") == 0

    told = document(capsys)
    assert told["history"]["hours"] == 168
    assert told["history"]["end"] == "2026-10-15T00:00:00Z"
    assert set(told["models"]) == {"chat"}


def test_a_month_later_the_report_says_how_good_the_recorded_forecast_was(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BASELOAD_DATABASE_URL", f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    rows = past_csv(tmp_path / "all.csv", days=61, start=datetime(2026, 9, 1, tzinfo=UTC)).read_text().splitlines()
    cut = 1 + 24 * 30  # September is history, October is forecast and then measured
    past, file, usage = tmp_path / "past.csv", tmp_path / "forecast.csv", tmp_path / "usage.csv"
    past.write_text("\n".join(rows[:cut]) + "\n")
    lines = ["hour,input_tokens,output_tokens,model"]
    for row in rows[cut:]:
        at, came, made = row.split(",")
        lines.append(f"{at},{round(3600 * float(came))},{round(3600 * float(made))},llama-7b-q4")
    usage.write_text("\n".join(lines) + "\n")
    assert forecast(past, "--month", "2026-10", "-o", file) == 0
    assert run(baseload(), ["plan", "-f", str(file), "--month", "2026-10", "--record"]) == 0
    assert run(baseload(), ["ledger", "import", str(usage)]) == 0
    capsys.readouterr()

    assert run(baseload(), ["report", "--month", "2026-10", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)["forecast_error"]
    assert found["source"] == str(file)
    assert found["hours"] == 744
    (came, made) = found["series"]
    assert (came["direction"], made["direction"]) == ("input", "output")
    assert abs(made["bias_ratio"]) < 0.1
    assert set(made["coverage"]) == {"0.5", "0.8", "0.9"}
    assert made["coverage"]["0.9"] > 0.75


def test_prometheus_is_history_too_with_expressions_for_the_model_that_needs_them(capsys):
    def answer(asked: Asked) -> dict:
        """Every 5 minutes: 40 in and 10 out of chat, by its counters; code is told by expressions, 8 and 2."""
        query, form = asked.form["query"], asked.form
        rate = {"code_in": "8", "code_out": "2", "prompt": "40", "generation": "10"}
        told = next((rate[word] for word in rate if word in query), None)
        times = range(int(float(form["start"])), int(float(form["end"])) + 1, 300)
        labels = {} if "code_" in query else {"model_name": "chat"}
        return matrix() if told is None else matrix((labels, [(at, told) for at in times]))

    with prometheus_double() as double:
        double.answer = answer
        options = ["--prometheus", double.url, "--metric-names", "vllm", "--days", 10, "--horizon", "1d", "--json"]
        told = ["--input-expr", "code=sum(rate(code_in[5m]))", "--output-expr", "code=sum(rate(code_out[5m]))"]
        assert forecast(*options, *told) == 0

    found = document(capsys)
    assert found["history"]["hours"] == 240
    means = {model: [one["mean"] for one in rates.values()] for model, rates in found["models"].items()}
    assert means["chat"] == pytest.approx([40, 10], rel=1e-3)
    assert means["code"] == pytest.approx([8, 2], rel=1e-3)


@pytest.mark.parametrize("expression", ["code", "=rate(x[5m])", "code="])
def test_an_expression_names_its_model(expression, capsys):
    assert forecast("--prometheus", "http://127.0.0.1:1", "--input-expr", expression) == 2
    assert "expected MODEL=PROMQL" in capsys.readouterr().err


def test_a_prometheus_that_is_away_is_exit_code_5(capsys):
    assert forecast("--prometheus", "http://127.0.0.1:1", "--horizon", "1d") == 5
    assert "no answer, connection refused" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--horizon", "0d"], "--horizon 0d: expected hours, days or weeks such as 31d"),
        (["--horizon", "31"], "--horizon 31: expected"),
        (["--horizon", "3y"], "--horizon 3y: expected"),
        (["--horizon", "1d", "--month", "2026-12"], "--horizon and --month: expected one of them"),
        (["--month", "2026-13"], "month is '2026-13'; expected"),
        (["--month", "2026-10"], "--month 2026-10: is over when the history ends"),
        (["--month", "2029-10"], "more than two years after"),
        (["--method", "magic"], "--method: unknown method 'magic'; expected auto"),
        (["--quantiles", "0.5,1"], "--quantiles 0.5,1: '1'; expected numbers"),
        (["--tz", "Europe/Berln"], "--tz Europe/Berln: no such time zone; did you mean Europe/Berlin?"),
        (["--growth", "5%"], "--growth '5%': expected such as 5%/month"),
        (["--growth", "chat=5%/month"], "unknown model 'chat'"),
        (["--change", "2026-12-10=300"], "expected such as 2026-12-10=+300tok/s"),
        (["--change", "2026-11-10=-300tok/s"], "takes away more than"),
        (["--events", "none.csv"], "none.csv: no such file"),
        (["--clean", "gaps,spikes"], "--clean gaps,spikes: 'spikes'; expected some of gaps,outliers,shifts"),
        (["--clean", "gaps", "--no-clean"], "--clean and --no-clean: expected one of them"),
        (["--origins", "3"], "--origins: has no effect without --backtest"),
        (["--metric-names", "vllm"], "--metric-names: has no effect without --prometheus"),
        (["--workers", "2"], "--workers: has no effect without --backtest"),
        (["--target", "input"], "--target: has no effect without --backtest"),
        (["--engine", "dask"], "--engine: has no effect without --backtest"),
        (["--backtest", "--engine", "ray"], "--engine ray: "),
        (["--from-ledger"], "expected one of HISTORY, --from-ledger, --prometheus; got HISTORY and --from-ledger"),
        (["--backtest", "--horizon", "60d"], "the history has 672 hours; a back-test of 1440 hours ahead needs"),
        (["--chart", "fan.gif"], "fan.gif: a chart is written as .svg or .png"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_is_one_line_and_exit_code_2(options, said, tmp_path, capsys, monkeypatch):
    past = past_csv(tmp_path / "past.csv")
    monkeypatch.chdir(tmp_path)

    assert forecast(past, *options) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert shown.err.count("\n") == 1


def test_without_a_history_the_three_sources_are_named(capsys):
    assert forecast() == 2
    assert "expected one of HISTORY, --from-ledger, --prometheus; got none" in capsys.readouterr().err
