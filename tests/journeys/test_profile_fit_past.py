"""`baseload profile fit --prometheus`: rates from what servers did when they were busy; a real Prometheus, a double.

The machine reads 4,000 tokens a second and writes 500 (tests/servers/past_vllm.py): a request of 800 and 200 tokens
takes 0.2 + 0.4 s of it, so that 333 tokens a second are written.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.profile.document import read_profile
from planner.report.profile_fit import fit_schema
from tests.servers.past_vllm import LOADS, G, P, Stretch, blocks, stretches
from tests.servers.prometheus_double import Asked, Document, matrix, prometheus_double
from tests.servers.real_prometheus import real_prometheus

ROOT = Path(__file__).parents[2]
MIXES = [(800.0, 200.0), (200.0, 200.0), (100.0, 400.0)]
DAY = ["--start", "2026-11-02T00:00Z", "--end", "2026-11-02T06:00Z", "--machine", "aws/g6.xlarge"]
TROUBLES = [Stretch(prompt=800, output=200, users=32, trouble=one) for one in ("restart", "gap", "unsteady")]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    past = [*stretches(MIXES), *[Stretch()] * 4, *TROUBLES]
    with real_prometheus(data=blocks(tmp_path_factory.mktemp("past"), past, cached=0.2)) as server:
        yield server.url


def fitted(url: str, capsys: pytest.CaptureFixture[str], *more: str) -> dict:
    assert run(baseload(), ["profile", "fit", "--prometheus", url, *DAY, "--json", *more]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, fit_schema())
    (machine,) = document["machines"]
    return machine


def test_the_rates_of_a_past_are_found_within_a_percent(url, capsys):
    machine = fitted(url, capsys)
    assert (machine["prefill_tok_s"], machine["decode_tok_s"]) == pytest.approx((P, G), rel=0.01)
    assert machine["concurrency"] == pytest.approx(32)
    assert [one["workload"] for one in machine["workloads"]] == ["100:400", "200:200", "800:200"]
    assert all(abs(one["residual_ratio"]) < 0.01 for one in machine["workloads"])
    # Without 200:200 the others foretell it; longer requests than all others are not foretold.
    known = [one for one in machine["foretold"] if one["error_ratio"] is not None]
    assert known
    assert all(abs(one["error_ratio"]) < 0.01 for one in known)
    assert machine["workloads"][2]["output_tok_s"] == pytest.approx(1000 / 3, rel=0.01)


def test_input_found_in_the_prefix_cache_is_no_work_and_said(url, capsys):
    machine = fitted(url, capsys)
    assert machine["workloads"][2]["input_tok_s"] == pytest.approx(4000 / 3, rel=0.01)  # of 1,667 counted
    assert "800:200: 20% of the input came from the prefix cache: the rates are of what was read" in machine["thin"]


def test_the_rated_point_meets_the_slo_between_two_loads(url, capsys):
    # p95 of the first token: 975 ms at 24, 2,425 ms at 32; 2,000 ms is 71 % of the way, 29.7 in work
    assert fitted(url, capsys, "--slo", "ttft_ms=2000")["concurrency"] == pytest.approx(29.66, abs=0.05)


def test_what_was_left_out_is_said_and_the_saved_profile_is_one(url, capsys, tmp_path):
    saved = tmp_path / "past.toml"
    assert run(baseload(), ["profile", "fit", "--prometheus", url, *DAY, "-o", str(saved)]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert (
        f"{3 * len(MIXES) * len(LOADS)} busy windows of 300 s on 1 server; "
        "left out: 4 idle for a part, 1 not measured throughout, 1 unsteady, 1 with a restart" in said
    )
    profile = read_profile(saved.read_text(), str(saved))
    assert len(profile.machines["aws/g6.xlarge"].curves) == 3


def test_the_page_shows_what_is_printed(url, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert run(baseload(), ["profile", "fit", "--prometheus", url, *DAY, "--slo", "ttft_ms=2000"]) == 0
    printed = capsys.readouterr().out
    shown = "".join(f"    {line}\n" if line else "\n" for line in printed.splitlines())
    assert shown in (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")


def test_one_mix_does_not_tell_p_from_g(tmp_path, capsys):
    with real_prometheus(data=blocks(tmp_path, stretches(MIXES[:1]))) as server:
        machine = fitted(server.url, capsys)
    assert "one workload cannot tell P from G: measure another mix of input and output too" in machine["thin"]


def llama(windows: int, *, input_tok_s: float = 40.0, output_tok_s: float = 5.0):
    """Answers of llama.cpp's names: as many windows of four requests in work, 40 tok/s in and 5 out."""
    values = {
        'rate({__name__=~"llamacpp:prompt_tokens_total"': input_tok_s,
        'rate({__name__=~"llamacpp:tokens_predicted_total"': output_tok_s,
        'avg_over_time({__name__=~"llamacpp:requests_processing"': 4,
        'min_over_time({__name__=~"llamacpp:requests_processing"': 4,
        'count_over_time({__name__=~"llamacpp:prompt_tokens_total"': 20,
    }

    def answer(asked: Asked) -> Document:
        first_s = float(asked.form["start"])
        for part, value in values.items():
            if f"({part}" in asked.form["query"]:
                points = [(first_s + 300 * number, str(value)) for number in range(windows)]
                return matrix(({"instance": "a", "model": "tiny"}, points))
        return matrix()

    return answer


def test_llama_cpp_counts_no_requests_so_their_length_is_told(capsys):
    with prometheus_double() as double:
        double.answer = llama(3)
        arguments = ["profile", "fit", "--prometheus", double.url, *DAY, "--metric-names", "llama.cpp"]
        assert run(baseload(), arguments) == 2
        assert "llama.cpp did not count requests; expected --output-tokens" in capsys.readouterr().err
        machine = fitted(double.url, capsys, "--metric-names", "llama.cpp", "--output-tokens", "50")
    (workload,) = machine["workloads"]
    assert (workload["workload"], workload["input_tok_s"], workload["output_tok_s"]) == ("400:50", 40.0, 5.0)
    assert "400:50: no latency was measured: an SLO is not checked" in machine["thin"]
    assert "400:50: nothing ever waited: whether the machine was full is not known" in machine["thin"]


@pytest.mark.parametrize(
    ("windows", "said"),
    [(0, "too thin: no window in which a server was busy throughout"), (2, "of 2 busy windows no three are alike")],
)
def test_too_thin_a_past_is_refused(windows, said, capsys):
    with prometheus_double() as double:
        double.answer = llama(windows)
        more = ["--metric-names", "llama.cpp", "--output-tokens", "50"]
        assert run(baseload(), ["profile", "fit", "--prometheus", double.url, *DAY, *more]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing to fit; expected FILES, or --prometheus"),
        (["--prometheus", "http://127.0.0.1:9"], "expected --machine provider/product"),
        (["--prometheus", "http://127.0.0.1:9", "--machine", "a/b"], "--start is missing"),
        (["--prometheus", "file:///x", *DAY], "--prometheus file:///x: expected a URL"),
        (["--prometheus", "http://127.0.0.1:9", *DAY, "--metric-names", "litellm"], "expected one of vllm, llama.cpp"),
    ],
)
def test_what_is_missing_is_named(arguments, said, capsys):
    assert run(baseload(), ["profile", "fit", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_prometheus_that_is_away_has_its_own_exit_code(capsys):
    assert run(baseload(), ["profile", "fit", "--prometheus", "http://127.0.0.1:9", *DAY]) == 5
    assert "http://127.0.0.1:9" in capsys.readouterr().err
