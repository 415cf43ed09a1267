"""`baseload profile fit`: from a benchmark to a profile a plan uses; every step by hand."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.profile.document import read_profile
from planner.report.profile_fit import fit_schema

P, G = 900.0, 120.0
"""What the machine of these tests reads and writes, tok/s, with eight requests in flight."""


def a_window(prompt: float, output: float, users: float, share: float) -> dict[str, Any]:
    full = share / (prompt / P + output / G)
    return {
        "window_s": 60.0,
        "concurrency": users,
        "requests": 100,
        "errors": {},
        "answers_per_s": full,
        "input_tok_s": full * prompt,
        "output_tok_s": full * output,
        "prompt_tokens": prompt,
        "output_tokens": output,
        "cached_ratio": 0.0,
        "ttft": {"p50_ms": 1000 * prompt / P, "p95_ms": 1000 * users * prompt / P, "p99_ms": 2000 * users * prompt / P},
        "tpot": {"p50_ms": 8.0 * users, "p95_ms": 9.0 * users, "p99_ms": 10.0 * users},
        "latency": {"p50_ms": 1000.0, "p95_ms": 1500.0, "p99_ms": 1600.0},
        "client_cpu_ratio": 0.1,
        "client_lag_p99_ms": 1.0,
    }


def a_bench(path: Path, *mixes: tuple[int, int], machine: str | None = "hetzner/ax102") -> Path:
    def step(prompt: int, output: int, users: int, share: float) -> dict[str, Any]:
        window = a_window(prompt, output, users, share)
        rates = {rate: {"mean": window[rate], "half_width_95": 0.0} for rate in ("input_tok_s", "output_tok_s")}
        return {"users": users, "requests_per_s": None, **rates, "windows": [window]}

    document = {
        "schema": "baseload.bench/1",
        "started": "2026-11-20T10:00:00+00:00",
        "url": "http://10.0.0.5/v1",
        "model": "our-model",
        "server": "vLLM",
        "api": "chat",
        "machine": machine,
        "host": "2 × cpu",
        "busy_before_ratio": 0.0,
        "warm_up_s": 5.0,
        "seed": 0,
        "shared_prefix_tokens": 0,
        "workloads": [
            {
                "workload": f"{prompt}:{output}",
                "steps": [step(prompt, output, 1, 0.4), step(prompt, output, 4, 0.95), step(prompt, output, 8, 1.0)],
            }
            for prompt, output in mixes
        ],
        "remarks": [],
    }
    path.write_text(json.dumps(document))
    return path


def fit(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run(baseload(), ["profile", "fit", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_benchmark_becomes_a_profile_that_a_plan_rents_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = a_bench(tmp_path / "bench.json", (900, 120), (90, 120), (600, 240))
    saved = tmp_path / "our.toml"
    code, out, err = fit(capsys, bench, "--name", "ours", "-o", saved)
    assert code == 0
    assert "P 900.0 input tok/s, G 120.0 output tok/s at 8.0 requests in flight" in out
    assert "Kept out of the fit in turn, workloads are foretold within 0.0% (median)." in out
    assert f"wrote {saved}" in err
    profile = read_profile(saved.read_text(), str(saved))
    assert profile.name == "ours"
    assert [curve.workload for curve in profile.machines["hetzner/ax102"].curves] == ["90:120", "600:240", "900:120"]

    (tmp_path / "fleet.toml").write_text(
        '[profiles]\nfiles = ["our.toml"]\n\n[[model]]\nname = "chat"\nprofile = "ours"\n'
        "input_tokens = 300\noutput_tokens = 120\nload_time_s = 60\n"
    )
    # 450 input and 120 output tok/s are 450/900 + 120/120 = 1.5 nodes of work; at a utilization of 0.75 that is 2 nodes
    rows = "".join(f"2026-12-01T{hour:02}:00Z,450,120\n" for hour in range(24))
    (tmp_path / "forecast.csv").write_text("timestamp,input_tokens_per_s,output_tokens_per_s\n" + rows)
    code = run(
        baseload(),
        [
            *("plan", "-f", str(tmp_path / "forecast.csv"), "-c", str(tmp_path / "fleet.toml")),
            *("--only", "hetzner/ax102", "--json"),
        ],
    )
    plan = json.loads(capsys.readouterr().out)
    assert code == 0
    assert plan["base"] == {"hetzner/ax102": 2}


def test_an_slo_moves_the_rated_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = a_bench(tmp_path / "bench.json", (900, 120), (90, 120))
    code, out, _ = fit(capsys, bench, "--slo", "tpot_ms=32", "--json")
    document = json.loads(out)
    jsonschema.validate(document, fit_schema())
    (machine,) = document["machines"]
    assert code == 0
    assert machine["concurrency"] == 4
    assert machine["decode_tok_s"] == pytest.approx(0.95 * G)
    assert document["slo"] == {"ttft_ms": None, "tpot_ms": 32}
    assert document["median_foretold_error_ratio"] is None  # two workloads: none to keep out


def test_an_slo_that_one_user_misses_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = a_bench(tmp_path / "bench.json", (900, 120), (90, 120))
    code, out, _ = fit(capsys, bench, "--slo", "tpot_ms=5")
    assert code == 0
    assert "Not rated: too slow for the SLO with one user" in out


def test_thin_data_is_said_and_stays_with_the_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved = tmp_path / "our.toml"
    _, out, _ = fit(capsys, a_bench(tmp_path / "bench.json", (900, 120)), "-o", saved)
    said = "one workload cannot tell P from G: measure another mix of input and output too"
    assert f"Thin: {said}" in out
    assert f"# thin: {said}" in saved.read_text()


def test_several_files_are_one_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = a_bench(tmp_path / "a.json", (900, 120))
    other = a_bench(tmp_path / "b.json", (90, 120))
    third = a_bench(tmp_path / "c.json", (90, 120), machine="ovh/b3-64")
    code, out, _ = fit(capsys, first, other, third, "--json")
    assert code == 0
    assert [one["machine"] for one in json.loads(out)["machines"]] == ["hetzner/ax102", "ovh/b3-64"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.json",), "none.json: no such file"),
        (("NAMELESS",), "does not say what was measured; expected --machine"),
        (("BENCH", "--model", "other"), "--model other: the files have our-model; expected one of them"),
        (("BENCH", "--slo", "tpt_ms=5"), "--slo tpt_ms=5: unknown key 'tpt_ms'; did you mean 'tpot_ms'?"),
        (("BENCH", "-o", "BENCH"), "is also the file of FILES"),
    ],
)
def test_wrong_input_is_said_in_a_line(
    arguments: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "BENCH": str(a_bench(tmp_path / "bench.json", (90, 120))),
        "NAMELESS": str(a_bench(tmp_path / "nameless.json", (90, 120), machine=None)),
    }
    code, out, err = fit(capsys, *(files.get(one, one) for one in arguments))
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "option",
    [
        ("--start", "2026-11-01T00:00Z"),
        ("--end", "2026-11-02T00:00Z"),
        ("--window", "300"),
        ("--selector", 'job="vllm"'),
        ("--metric-names", "vllm"),
        ("--output-tokens", "200.0"),
    ],
)
def test_an_option_of_the_past_is_not_passed_over_where_none_is_asked_for(
    option: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = fit(capsys, a_bench(tmp_path / "bench.json", (900, 120)), *option)
    assert (code, out) == (2, "")
    assert f"{' '.join(option)}: is of what Prometheus kept; expected --prometheus URL beside it" in err
    assert err.count("\n") == 1
