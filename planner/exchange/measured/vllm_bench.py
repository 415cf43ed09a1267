"""Curves of results of `vllm bench serve --save-result`: a file is one load step; steps of alike lengths are a curve.

Of its keys (vllm/benchmarks/serve.py) are read: model_id, date, duration, completed, total_input_tokens,
total_output_tokens, max_concurrency, median_ttft_ms, p95_ttft_ms and p99_ttft_ms, median_tpot_ms, mean_e2el_ms or
mean_ttft_ms and mean_tpot_ms. Where --max-concurrency was not given, requests in flight follow from Little's law.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from planner.errors import InputError
from planner.exchange.measured.machine import provider_and_server
from planner.profile.curve import Curve, Point
from planner.profile.measured import Measured

REQUIRED = ("model_id", "duration", "completed", "total_input_tokens", "total_output_tokens")
ALIKE = 0.1
"""Mean lengths this near to one another are one workload."""


def is_vllm_bench(document: dict[str, Any]) -> bool:
    """Whether this is such a result."""
    return all(key in document for key in REQUIRED)


def measured_by_vllm(results: Sequence[dict[str, Any]], *, machine: str | None) -> list[Measured]:
    """The workloads of the results. Raises InputError."""
    if not results:
        return []
    if machine is None:
        raise InputError(f"{results[0]['source']}: does not say what was measured; expected --machine provider/product")
    provider, server = provider_and_server(machine, "--machine")
    workloads: list[list[tuple[dict[str, Any], float, float]]] = []
    for result in results:
        lengths = _lengths(result)
        for steps in workloads:
            if all(abs(a / b - 1) <= ALIKE for a, b in zip(lengths, steps[0][1:], strict=True)):
                steps.append((result, *lengths))
                break
        else:
            workloads.append([(result, *lengths)])
    return [
        Measured(
            provider=provider,
            server=server,
            curve=_curve(steps),
            model=str(steps[0][0]["model_id"]),
            source=", ".join(str(step[0]["source"]) for step in steps),
            source_date=max(_day(step[0]) for step in steps),
            engine="vLLM",
        )
        for steps in workloads
    ]


def _curve(steps: list[tuple[dict[str, Any], float, float]]) -> Curve:
    prompt = sum(step[1] for step in steps) / len(steps)
    output = sum(step[2] for step in steps) / len(steps)
    points = sorted((_point(step[0]) for step in steps), key=lambda point: point.concurrency)
    return Curve(
        workload=f"{prompt:.0f}:{output:.0f}", prompt_tokens=prompt, output_tokens=output, points=tuple(points)
    )


def _point(result: dict[str, Any]) -> Point:
    duration = _number(result, "duration")
    return Point(
        concurrency=_in_flight(result),
        input_tok_s=_number(result, "total_input_tokens") / duration,
        output_tok_s=_number(result, "total_output_tokens") / duration,
        ttft_p95_ms=_first(result, "p95_ttft_ms", "p99_ttft_ms"),
        ttft_ms=_first(result, "median_ttft_ms"),
        tpot_ms=_first(result, "median_tpot_ms"),
    )


def _in_flight(result: dict[str, Any]) -> float:
    """Requests in flight: requests per second × seconds each took (Little), at most what was allowed."""
    limit = result.get("max_concurrency")
    latency_ms = _first(result, "mean_e2el_ms")
    ttft_ms, tpot_ms = _first(result, "mean_ttft_ms"), _first(result, "mean_tpot_ms")
    _, output = _lengths(result)
    if latency_ms is None and ttft_ms is not None and tpot_ms is not None:
        latency_ms = ttft_ms + tpot_ms * max(output - 1, 0)
    if latency_ms is None:
        if isinstance(limit, int | float) and limit > 0:
            return float(limit)
        raise InputError(
            f"{result['source']}: requests in flight are not known; expected max_concurrency, or mean_ttft_ms and "
            "mean_tpot_ms"
        )
    found = _number(result, "completed") / _number(result, "duration") * latency_ms / 1000
    return min(found, float(limit)) if isinstance(limit, int | float) and limit > 0 else found


def _lengths(result: dict[str, Any]) -> tuple[float, float]:
    completed = _number(result, "completed")
    return _number(result, "total_input_tokens") / completed, _number(result, "total_output_tokens") / completed


def _number(result: dict[str, Any], key: str) -> float:
    value = result.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise InputError(f"{result['source']}: {key}: expected a number above 0, got {value!r}")
    return float(value)


def _first(result: dict[str, Any], *keys: str) -> float | None:
    for key in keys:
        value = result.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return float(value)
    return None


def _day(result: dict[str, Any]) -> str:
    """vLLM writes 20261126-153000."""
    try:
        return datetime.strptime(str(result.get("date", ""))[:8], "%Y%m%d").date().isoformat()  # noqa: DTZ007 - a day
    except ValueError:
        return ""
