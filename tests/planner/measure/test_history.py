"""A real Prometheus over past samples that promtool made; one hour is 12 slots of 5 minutes."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run
from planner.demand.read import read_forecast
from planner.errors import InputError
from planner.measure.dialect import LLAMA_CPP, VLLM
from planner.measure.history import Expressions, PastTraffic, read_history
from planner.measure.history_csv import rates_csv, tokens_csv
from planner.measure.prometheus import Prometheus
from tests.needs import program
from tests.servers.prometheus_double import matrix, prometheus_double
from tests.servers.real_prometheus import RealPrometheus, real_prometheus

START = datetime(2026, 11, 2, tzinfo=UTC)


def minutes(first: int, last: int) -> range:
    """Minutes since START, both included."""
    return range(first, last + 1)


def written() -> str:
    """Four hours: 100 tok/s in, 20 out; a restart in the second; the third is half, the fourth not measured.

    `late` serves in the second hour only, and nobody comes.
    """
    lines = []
    for name, per_minute in (("vllm:prompt_tokens", 6000), ("vllm:generation_tokens", 1200)):
        lines.append(f"# TYPE {name} counter")
        for instance in ("a", "b"):
            for minute in minutes(-5, 150):
                counted = (minute + 5 if minute < 90 else minute - 90) * per_minute // 2
                lines.append(sample(name, "chat", instance, counted, minute))
        lines += [sample(name, "late", "c", 7777, minute) for minute in minutes(60, 120)]
    for name, per_minute in (
        ("llamacpp:prompt_tokens", 600),
        ("llamacpp:prompt_tokens_cached", 300),
        ("llamacpp:tokens_predicted", 60),
    ):
        lines.append(f"# TYPE {name} counter")
        lines += [sample(name, "tiny", "d", (m + 5) * per_minute, m) for m in minutes(-5, 60)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def sample(name: str, model: str, instance: str, value: int, minute: int) -> str:
    at = START + timedelta(minutes=minute)
    label = "model" if model == "tiny" else "model_name"
    return f'{name}_total{{job="vllm",instance="{instance}",{label}="{model}"}} {value} {at.timestamp():.0f}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    folder: Path = tmp_path_factory.mktemp("history")
    (folder / "past.om").write_text(written())
    data = folder / "data"
    subprocess.run(
        [program("promtool", "prometheus"), "tsdb", "create-blocks-from", "openmetrics", folder / "past.om", data],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with real_prometheus(data=data) as server:
        yield server


def read(server: RealPrometheus, dialect=VLLM, hours: int = 4) -> PastTraffic:
    label = "model" if dialect is LLAMA_CPP else "model_name"
    with Prometheus(server.url) as client:
        return read_history(
            client,
            dialect,
            start=START,
            end=START + timedelta(hours=hours),
            model_of=lambda labels: labels.get(label),
        )


def test_hours_are_rates_and_what_was_not_measured_is_a_gap(server):
    chat = [row for row in read(server).rows if row.model == "chat"]
    assert [row.is_gap for row in chat] == [False, False, False, True]
    assert [row.input_tok_s for row in chat[:2]] == pytest.approx([100.0, 100.0], rel=0.03)  # a restart costs a minute
    assert chat[2].input_tok_s == pytest.approx(100.0, rel=0.1)
    assert [row.output_tok_s for row in chat[:2]] == pytest.approx([20.0, 20.0], rel=0.03)
    assert chat[2].measured_ratio == pytest.approx(0.5, abs=0.1)


def test_a_model_that_nobody_asked_is_zero_and_before_its_first_server_a_gap(server):
    late = [row for row in read(server).rows if row.model == "late"]
    assert [(row.input_tok_s, row.is_gap) for row in late] == [(None, True), (0.0, False), (None, True), (None, True)]


def test_cached_input_counts_as_input(server):
    (first,) = read(server, LLAMA_CPP, hours=1).rows
    assert (first.input_tok_s, first.output_tok_s) == pytest.approx((15.0, 1.0))


def test_the_rates_are_a_series_that_plans_are_made_from(server):
    text = rates_csv(read(server))
    assert text.splitlines()[0] == "timestamp,input_tokens_per_s,output_tokens_per_s,model,gap"
    assert "2026-11-02T03:00:00Z,0,0,chat,1" in text


def test_the_tokens_count_what_was_measured_and_no_more(server):
    rows = [line.split(",") for line in tokens_csv(read(server)).splitlines()[1:]]
    chat = [row for row in rows if row[3] == "chat"]
    assert int(chat[0][1]) == pytest.approx(360_000, rel=0.01)
    assert int(chat[2][1]) == pytest.approx(180_000, rel=0.1)
    assert chat[3][1:] == ["0", "0", "chat", "1"]


def test_the_command_writes_what_the_ledger_and_the_planner_read(server, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("BASELOAD_DATABASE_URL", f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    series, usage = tmp_path / "history.csv", tmp_path / "usage.csv"
    span = ["--start", "2026-11-02T00:00Z", "--end", "2026-11-02T03:00Z", "--prometheus", server.url]
    assert run(baseload(), ["history", *span, "-o", str(series)]) == 0
    assert "late: 2 of 3 hours are gaps" in capsys.readouterr().err
    assert run(baseload(), ["history", *span, "--tokens", "-o", str(usage)]) == 0
    assert run(baseload(), ["ledger", "import", str(usage)]) == 0
    found = read_forecast(series.read_text(), source="history.csv", unmeasured="interpolate")
    assert found.models == ("chat", "late")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--prometheus is missing"),
        (["--prometheus", "localhost:9090"], "prometheus_url must begin with http"),
        (
            ["--prometheus", "http://127.0.0.1:1", "--metric-names", "tgi"],
            "--metric-names tgi: unknown; expected one of",
        ),
        (["--prometheus", "http://127.0.0.1:1", "--slot", "7"], "--slot 7: expected seconds that divide an hour"),
    ],
)
def test_what_is_wrong_with_the_call_is_said(options, said, capsys):
    assert run(baseload(), ["history", "--start", "2026-11-02T00:00Z", "--end", "2026-11-03T00:00Z", *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2026-11-02T00:30Z", "2026-11-03T00:00Z", "expected a full hour of UTC"),
        ("2026-11-02T00:00", "2026-11-03T00:00Z", "has no time zone"),
        ("2026-11-03T00:00Z", "2026-11-02T00:00Z", "is not after --start"),
    ],
)
def test_a_span_that_is_none_is_said(start, end, said, capsys):
    options = ["--start", start, "--end", end, "--prometheus", "http://127.0.0.1:1"]
    assert run(baseload(), ["history", *options]) == 2
    assert said in capsys.readouterr().err


def test_a_prometheus_that_is_away_is_exit_code_5(capsys):
    options = ["--start", "2026-11-02T00:00Z", "--end", "2026-11-03T00:00Z", "--prometheus", "http://127.0.0.1:1"]
    assert run(baseload(), ["history", *options]) == 5
    assert "http://127.0.0.1:1/api/v1/query_range: no answer, connection refused" in capsys.readouterr().err


def test_a_year_is_asked_for_in_parts():
    with prometheus_double() as double, Prometheus(double.url) as client:
        double.answer = lambda _: matrix()
        year = read_history(client, VLLM, start=START, end=START + timedelta(days=365), model_of=lambda _: "m")
    assert year.rows == ()
    assert len(double.asked) == 2 * 10  # 105,120 slots, 11,000 at a time, of two counters


def test_steps_are_whole_slots():
    with Prometheus("http://127.0.0.1:1") as client, pytest.raises(InputError, match="whole slots"):
        read_history(
            client,
            VLLM,
            start=START,
            end=START + timedelta(hours=1),
            model_of=lambda _: "m",
            slot=timedelta(minutes=7),
        )


def test_the_rows_are_the_history_that_forecasts_are_made_from(server):
    history = read(server).as_history(source="prometheus")
    assert (history.start, history.models) == (START, ("chat", "late"))
    assert history.is_measured.tolist() == [[True, True, True, False], [False, True, False, False]]
    assert history.input_tok_s[0, 0] == pytest.approx(100.0, rel=0.03)
    assert history.output_tok_s[1, 1] == 0.0


@pytest.mark.parametrize(("measured_s", "is_gap"), [(1500, True), (1800, False)])
def test_half_of_an_hours_slots_make_an_hour(measured_s: int, is_gap: bool):
    # Slots of 300 s: five of twelve say too little, six are enough.
    first = START.timestamp()
    with prometheus_double() as double, Prometheus(double.url) as client:
        slots = [(first + 300 * number, "7") for number in range(1, measured_s // 300 + 1)]
        double.answer = lambda _: matrix(({"model_name": "m"}, slots))
        found = read_history(
            client, VLLM, start=START, end=START + timedelta(hours=1), model_of=lambda labels: labels.get("model_name")
        )
    (row,) = found.rows
    assert (row.is_gap, row.measured_ratio) == (is_gap, measured_s / 3600)


def test_an_expression_of_input_holds_what_was_cached_too(server):
    told = Expressions(input_tok_s={"tiny": "vector(7)"}, output_tok_s={})
    with Prometheus(server.url) as client:
        found = read_history(
            client,
            LLAMA_CPP,
            start=START,
            end=START + timedelta(hours=1),
            model_of=lambda labels: labels.get("model"),
            expressions=told,
        )
    (row,) = found.rows
    assert (row.input_tok_s, row.output_tok_s) == pytest.approx((7.0, 1.0))  # not the 5 that were cached on top


def test_a_model_may_be_told_by_expressions_of_its_own(server):
    told = Expressions(
        input_tok_s={"chat": "vector(7)", "more": 'sum(rate(vllm:prompt_tokens_total{model_name="chat"}[5m])) * 2'},
        output_tok_s={"more": "vector(3)"},
    )
    with Prometheus(server.url) as client:
        found = read_history(
            client,
            VLLM,
            start=START,
            end=START + timedelta(hours=1),
            model_of=lambda labels: labels.get("model_name"),
            expressions=told,
        )
    rows = {row.model: row for row in found.rows}
    assert (rows["chat"].input_tok_s, rows["chat"].output_tok_s) == pytest.approx((7.0, 20.0), rel=0.03)
    assert (rows["more"].input_tok_s, rows["more"].output_tok_s) == pytest.approx((200.0, 3.0), rel=0.03)
