"""Files of measurements: ours, vLLM's and tables of sweeps, told by what is in them; what is wrong is said."""

import json
from typing import Any

import pytest

from planner.errors import InputError
from planner.exchange.measured import measured_by_vllm, read_measured

WINDOW = {
    "window_s": 10.0,
    "concurrency": 4.0,
    "requests": 50,
    "errors": {},
    "answers_per_s": 5.0,
    "input_tok_s": 500.0,
    "output_tok_s": 250.0,
    "prompt_tokens": 100.0,
    "output_tokens": 50.0,
    "cached_ratio": None,
    "ttft": {"p50_ms": 20.0, "p95_ms": 40.0, "p99_ms": 50.0},
    "tpot": {"p50_ms": 8.0, "p95_ms": 9.0, "p99_ms": 9.5},
    "latency": {"p50_ms": 400.0, "p95_ms": 450.0, "p99_ms": 470.0},
    "client_cpu_ratio": 0.1,
    "client_lag_p99_ms": 1.0,
}


def bench(**more: Any) -> dict[str, Any]:
    rate = {"mean": 550.0, "half_width_95": 55.0}
    step = {
        "users": 4,
        "requests_per_s": None,
        "input_tok_s": rate,
        "output_tok_s": {"mean": 275.0, "half_width_95": None},
        "windows": [WINDOW, WINDOW | {"input_tok_s": 600.0, "output_tok_s": 300.0, "errors": {"HTTP 500": 2}}],
    }
    return {
        "schema": "baseload.bench/1",
        "started": "2026-11-20T10:00:00+00:00",
        "url": "http://10.0.0.5/v1",
        "model": "tiny",
        "server": "llama.cpp",
        "machine": "ovh/b3-64",
        "host": "2 × cpu",
        "workloads": [{"workload": "100:50", "steps": [step]}],
    } | more


def test_our_own_file_gives_means_of_its_windows() -> None:
    (found,), _ = read_measured(json.dumps(bench()), source="b.json", machine=None)
    (point,) = found.curve.points
    assert found.machine == "ovh/b3-64"
    assert (found.model, found.engine, found.source_date, found.cpu) == ("tiny", "llama.cpp", "2026-11-20", None)
    assert (found.curve.workload, found.curve.prompt_tokens, found.curve.output_tokens) == ("100:50", 100, 50)
    assert (point.concurrency, point.input_tok_s, point.output_tok_s) == (4, 550, 275)
    assert (point.ttft_ms, point.ttft_p95_ms, point.tpot_ms) == (20, 40, 8)
    assert found.uncertain_ratio == pytest.approx(0.1)
    assert found.remarks == ("2 of 102 requests at 4 users failed",)


def test_a_machine_may_be_given_and_must_be_known() -> None:
    (found,), _ = read_measured(json.dumps(bench(machine=None)), source="b.json", machine="hetzner/ax102")
    assert found.machine == "hetzner/ax102"
    with pytest.raises(InputError, match=r"b\.json: does not say what was measured; expected --machine"):
        read_measured(json.dumps(bench(machine=None)), source="b.json", machine=None)
    with pytest.raises(InputError, match="--machine: expected provider/product"):
        read_measured(json.dumps(bench()), source="b.json", machine="ax102")


def test_a_broken_file_of_ours_is_said() -> None:
    with pytest.raises(InputError, match=r"b\.json: a value does not fit baseload\.bench/1"):
        read_measured(json.dumps(bench(workloads=[{"workload": "x"}])), source="b.json", machine=None)


VLLM = {
    "date": "20261120-101500",
    "model_id": "meta/llama",
    "duration": 100.0,
    "completed": 200,
    "total_input_tokens": 51_200,
    "total_output_tokens": 25_600,
    "max_concurrency": 8,
    "mean_ttft_ms": 100.0,
    "median_ttft_ms": 90.0,
    "p99_ttft_ms": 300.0,
    "mean_tpot_ms": 20.0,
    "median_tpot_ms": 19.0,
}


def vllm(**more: Any) -> dict[str, Any]:
    _, (result,) = read_measured(json.dumps(VLLM | more), source="v.json", machine=None)
    return result


def test_results_of_vllm_of_alike_lengths_are_one_curve() -> None:
    slow = vllm(max_concurrency=1, completed=50, total_input_tokens=12_800, total_output_tokens=6_400)
    other = vllm(total_input_tokens=204_800)
    curve, longer = (one.curve for one in measured_by_vllm([vllm(), other, slow], machine="aws/g6.xlarge"))
    assert (curve.workload, longer.workload) == ("256:128", "1024:128")
    first, full = curve.points
    # 2 requests a second, each in flight for 0.1 s + 127 x 20 ms = 2.64 s; alone: half a request a second
    assert full.concurrency == pytest.approx(5.28)
    assert first.concurrency == pytest.approx(1.0)  # 1.32 by Little, but no more than one was allowed
    assert (full.input_tok_s, full.output_tok_s) == (512, 256)
    assert (full.ttft_ms, full.ttft_p95_ms, full.tpot_ms) == (90, 300, 19)


def test_a_result_of_vllm_without_machine_or_numbers_is_said() -> None:
    with pytest.raises(InputError, match=r"v\.json: does not say what was measured"):
        measured_by_vllm([vllm()], machine=None)
    with pytest.raises(InputError, match="duration: expected a number above 0, got 0"):
        measured_by_vllm([vllm(duration=0)], machine="a/b")
    unknown = vllm(max_concurrency=None, mean_ttft_ms=None)
    with pytest.raises(InputError, match="requests in flight are not known"):
        measured_by_vllm([unknown], machine="a/b")


COLUMNS = (
    "vendor,server,model,workload,prompt_tokens,output_tokens,concurrency,output_throughput,total_throughput,"
    "ttft_p50_ms,ttft_p95_ms,tpot_p50_ms\n"
)
SWEEP = f"""{COLUMNS}aws,g6.xlarge,tiny,chat,256,128,4,200,600,90,150,18
aws,g6.xlarge,tiny,chat,256,128,1,60,180,50,60,16
aws,g6.xlarge,tiny,chat,256,128,0,,,,,
aws,g6.xlarge,other,chat,256,128,1,30,90,,,
"""


def test_a_table_of_a_sweep_gives_a_curve_for_each_server_model_and_workload() -> None:
    found, _ = read_measured(SWEEP, source="s.csv", machine=None)
    other, tiny = sorted(found, key=lambda one: one.model)
    assert [point.concurrency for point in tiny.curve.points] == [1, 4]
    assert (tiny.curve.points[1].input_tok_s, tiny.curve.points[1].output_tok_s) == (400, 200)
    assert other.curve.points[0].tpot_ms is None
    assert tiny.machine == "aws/g6.xlarge"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "s.csv, row 1: missing vendor, server"),
        (SWEEP.replace(",4,200", ",x,200"), "s.csv, row 2: concurrency: expected a number of 0 or more, got 'x'"),
        (SWEEP.split("\n", maxsplit=1)[0] + "\n", "no load step with tokens in and out"),
        ("{}", "s.csv: expected a file of `baseload bench -o`"),
        ("{", "s.csv: expected a file of `baseload bench -o`"),
        ('{"schema": "baseload.plan/1"}', "s.csv: expected a file of `baseload bench -o`"),
    ],
)
def test_what_is_no_measurement_is_said(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_measured(text, source="s.csv", machine=None)
    assert said in str(caught.value)
