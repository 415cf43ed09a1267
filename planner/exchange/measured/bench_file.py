"""Curves of a `baseload.bench/1` document, a workload each; report/bench.py writes it."""

from datetime import datetime
from typing import Any

from planner.errors import InputError
from planner.exchange.measured.machine import provider_and_server
from planner.profile.curve import Curve, Point
from planner.profile.measured import Measured

SCHEMA = "baseload.bench/1"
FEW_REQUESTS = 20


def measured_by_bench(document: dict[str, Any], *, source: str, machine: str | None) -> list[Measured]:
    """The workloads of the document, points being means of their windows. Raises InputError."""
    named = machine or document.get("machine")
    if not named:
        raise InputError(
            f"{source}: does not say what was measured; expected --machine provider/product, as in the catalog"
        )
    provider, server = provider_and_server(named, "--machine" if machine else f"{source}: machine")
    try:
        day = datetime.fromisoformat(document["started"]).date().isoformat()
        return [
            Measured(
                provider=provider,
                server=server,
                curve=_curve(each),
                model=document["model"],
                source=source,
                source_date=day,
                engine=document["server"] or "",
                cpu=document["host"] if "127.0.0.1" in document["url"] else None,
                uncertain_ratio=_uncertain(each["steps"]),
                remarks=_remarks(each["steps"]),
            )
            for each in document["workloads"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
        raise InputError(f"{source}: a value does not fit {SCHEMA} ({' '.join(str(error).split())})") from None


def _curve(workload: dict[str, Any]) -> Curve:
    windows = [window for step in workload["steps"] for window in step["windows"]]
    return Curve(
        workload=workload["workload"],
        prompt_tokens=_mean([one["prompt_tokens"] for one in windows]),
        output_tokens=_mean([one["output_tokens"] for one in windows]),
        points=tuple(sorted((_point(step["windows"]) for step in _served(workload)), key=lambda p: p.concurrency)),
    )


def _served(workload: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps in which tokens came."""
    return [step for step in workload["steps"] if sum(one["output_tok_s"] for one in step["windows"]) > 0]


def _point(windows: list[dict[str, Any]]) -> Point:
    def latency(kind: str, percentile: str) -> float | None:
        known = [one[kind][percentile] for one in windows if one[kind] is not None]
        return sum(known) / len(known) if known else None

    return Point(
        concurrency=_mean([one["concurrency"] for one in windows]),
        input_tok_s=_mean([one["input_tok_s"] for one in windows]),
        output_tok_s=_mean([one["output_tok_s"] for one in windows]),
        ttft_p95_ms=latency("ttft", "p95_ms"),
        ttft_ms=latency("ttft", "p50_ms"),
        tpot_ms=latency("tpot", "p50_ms"),
    )


def _uncertain(steps: list[dict[str, Any]]) -> float | None:
    widths = [
        step[rate]["half_width_95"] / step[rate]["mean"]
        for step in steps
        for rate in ("input_tok_s", "output_tok_s")
        if step[rate]["half_width_95"] is not None and step[rate]["mean"]
    ]
    return max(widths, default=None)


def _remarks(steps: list[dict[str, Any]]) -> tuple[str, ...]:
    found = []
    for step in steps:
        load = f"{step['users']} users" if step["users"] is not None else f"{step['requests_per_s']:g} requests/s"
        requests = sum(one["requests"] for one in step["windows"])
        failed = sum(times for one in step["windows"] for times in one["errors"].values())
        if requests < FEW_REQUESTS:
            found.append(f"{requests} requests at {load}: latencies of so few say little")
        if failed:
            found.append(f"{failed} of {failed + requests} requests at {load} failed")
    return tuple(found)


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)
