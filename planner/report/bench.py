"""A benchmark as tables for people and as the JSON document `baseload.bench/1`. Opens nothing.

The first four columns are those of the pricing guide: batch size, throughput, latency P50 and P99.
"""

import json
from typing import TYPE_CHECKING, Any

from planner.bench.figures import Figures, Mean, Spread
from planner.bench.result import Bench, Step, Workload
from planner.report.narrow import fitted, wrapped
from planner.report.numbers import number, percent
from planner.report.price.section import NUMBER, TEXT, Json, listed, or_null, record, said
from planner.report.screen import Cell, Column, Screen, render, table

if TYPE_CHECKING:
    from rich.console import RenderableType

BENCH_SCHEMA = "baseload.bench/1"
DISPENSABLE = ("in flight", "requests", "TTFT P50", "errors")
"""Columns a narrow terminal goes without, the first to go first."""
COUNT: Json = {"type": "integer", "minimum": 0}


def render_bench(found: Bench, *, screen: Screen | None = None) -> str:
    """A table per workload, a load a row, and what the figures are."""
    screen = screen or Screen()
    parts: list[RenderableType] = []
    server = f" ({found.server})" if found.server else ""
    machine = f", machine {found.machine}" if found.machine else ""
    parts += wrapped(f"{found.model} at {found.url}{server}{machine}", screen)
    for workload in found.workloads:
        parts += ["", *wrapped(_heading(workload), screen)]
        columns, rows, gone = fitted(_columns(workload), [_cells(step) for step in workload.steps], screen, DISPENSABLE)
        parts += [table(columns, rows), *([f"Left out to fit: {', '.join(gone)}."] if gone else [])]
    parts.append("")
    for line in _basis(found):
        parts += wrapped(line, screen)
    return render(parts, screen)


def _heading(workload: Workload) -> str:
    prompts = [one.prompt_tokens for step in workload.steps for one in step.repeats if one.prompt_tokens is not None]
    outputs = [one.output_tokens for step in workload.steps for one in step.repeats if one.output_tokens is not None]
    if not prompts or not outputs:
        return f"Workload {workload.name}"
    means = number(sum(prompts) / len(prompts), 0), number(sum(outputs) / len(outputs), 0)
    return f"Workload {workload.name}: {means[0]} tokens in, {means[1]} out on average, as the server counts"


def _columns(workload: Workload) -> list[Column]:
    is_open = any(step.load.users is None for step in workload.steps)
    return [
        Column(title="requests/s" if is_open else "batch size"),
        Column(title="throughput", unit="tok/s"),
        Column(title="latency P50", unit="ms"),
        Column(title="latency P99", unit="ms"),
        Column(title="input", unit="tok/s"),
        Column(title="TTFT P50", unit="ms"),
        Column(title="TTFT P95", unit="ms"),
        Column(title="TPOT P50", unit="ms", places=1),
        Column(title="in flight", places=1),
        Column(title="requests"),
        Column(title="errors", unit="%", places=1, is_ratio=True),
    ]


def _cells(step: Step) -> list[Cell]:
    latency, ttft, tpot = (step.spread(name) for name in ("latency", "ttft", "tpot"))
    failed = sum(step.errors.values())
    return [
        step.load.name.removesuffix("/s"),
        _with_width(step.over("output_tok_s")),
        None if latency is None else latency.p50_ms,
        None if latency is None else latency.p99_ms,
        _with_width(step.over("input_tok_s")),
        None if ttft is None else ttft.p50_ms,
        None if ttft is None else ttft.p95_ms,
        None if tpot is None else tpot.p50_ms,
        step.over("concurrency").value,
        step.requests,
        failed / (failed + step.requests) if failed else 0.0,
    ]


def _with_width(found: Mean) -> str:
    places = 0 if found.value >= 100 else 1
    width = "" if found.half_width is None else f" ± {number(found.half_width, places)}"
    return number(found.value, places) + width


def _basis(found: Bench) -> list[str]:
    first = found.workloads[0].steps[0]
    repeats = len(first.repeats)
    spans = f"{repeats} windows" if repeats > 1 else "one window"
    lines = [
        f"Throughput is output tokens per second; {spans} of {number(first.repeats[0].window_s, 1)} s a load, each "
        f"after {number(found.warm_up_s, 1)} s of warm-up."
    ]
    if repeats > 1:
        lines.append(
            "±: 95 % interval over the windows (Student's t); latencies are means of the windows' percentiles."
        )
    lines.append("TTFT: time to first token; TPOT: time per output token after it; latency: of the whole answer.")
    lag = max(one.client_lag_p99_ms or 0.0 for each in found.workloads for s in each.steps for one in s.repeats)
    cpu = max(one.client_cpu_ratio for each in found.workloads for s in each.steps for one in s.repeats)
    lines.append(
        f"Client: {found.host}; it took up to {percent(cpu, 0)} % of one processor and woke up to {number(lag, 1)} ms "
        "late (p99)."
    )
    return lines


def duration_words(seconds: float) -> str:
    """Seconds, or minutes from two on."""
    return f"{number(seconds / 60, 0)} minutes" if seconds >= 120 else f"{number(max(seconds, 1.0), 0)} s"


def bench_document(found: Bench) -> dict[str, Any]:
    """The JSON document: every window as it was measured, and what the windows come to."""
    return {
        "schema": BENCH_SCHEMA,
        "started": found.started.isoformat(),
        "url": found.url,
        "model": found.model,
        "server": found.server,
        "api": str(found.api),
        "machine": found.machine,
        "host": found.host,
        "busy_before_ratio": found.busy_before_ratio,
        "warm_up_s": found.warm_up_s,
        "seed": found.seed,
        "shared_prefix_tokens": found.shared_prefix_tokens,
        "workloads": [
            {"workload": each.name, "steps": [_step_document(step) for step in each.steps]} for each in found.workloads
        ],
        "remarks": list(found.remarks()),
    }


def _step_document(step: Step) -> dict[str, Any]:
    return {
        "users": step.load.users,
        "requests_per_s": step.load.requests_per_s,
        "input_tok_s": _mean_document(step.over("input_tok_s")),
        "output_tok_s": _mean_document(step.over("output_tok_s")),
        "windows": [_window_document(one) for one in step.repeats],
    }


def _mean_document(found: Mean) -> dict[str, Any]:
    return {"mean": found.value, "half_width_95": found.half_width}


def _window_document(one: Figures) -> dict[str, Any]:
    return {
        "window_s": one.window_s,
        "concurrency": one.concurrency,
        "requests": one.requests,
        "errors": dict(one.errors),
        "answers_per_s": one.request_per_s,
        "input_tok_s": one.input_tok_s,
        "output_tok_s": one.output_tok_s,
        "prompt_tokens": one.prompt_tokens,
        "output_tokens": one.output_tokens,
        "cached_ratio": one.cached_ratio,
        "ttft": _spread_document(one.ttft),
        "tpot": _spread_document(one.tpot),
        "latency": _spread_document(one.latency),
        "client_cpu_ratio": one.client_cpu_ratio,
        "client_lag_p99_ms": one.client_lag_p99_ms,
    }


def _spread_document(found: Spread | None) -> dict[str, float] | None:
    return None if found is None else {"p50_ms": found.p50_ms, "p95_ms": found.p95_ms, "p99_ms": found.p99_ms}


def bench_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `bench --json` prints and `-o` saves."""
    rate = record({"mean": NUMBER, "half_width_95": said(or_null(NUMBER), "Over the windows; null of one.")})
    spread = or_null(record(dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"), NUMBER)))
    window = record(
        {
            "window_s": NUMBER,
            "concurrency": said(NUMBER, "Requests in flight, mean over the window."),
            "requests": said(COUNT, "Those the latencies are of."),
            "errors": said({"type": "object", "additionalProperties": COUNT}, "Failed requests by reason."),
            "answers_per_s": NUMBER,
            "input_tok_s": NUMBER,
            "output_tok_s": NUMBER,
            "prompt_tokens": said(or_null(NUMBER), "Mean, as the server counts."),
            "output_tokens": or_null(NUMBER),
            "cached_ratio": said(or_null(NUMBER), "Share of prompt tokens of the prefix cache; null: not said."),
            **dict.fromkeys(("ttft", "tpot", "latency"), spread),
            "client_cpu_ratio": said(NUMBER, "Share of one processor the client took."),
            "client_lag_p99_ms": said(or_null(NUMBER), "How late the client woke."),
        }
    )
    step = record(
        {
            "users": said(or_null(COUNT), "In a closed loop; else null."),
            "requests_per_s": said(or_null(NUMBER), "In an open loop; else null."),
            "input_tok_s": rate,
            "output_tok_s": rate,
            "windows": listed(window),
        }
    )
    properties = {
        "schema": {"const": BENCH_SCHEMA},
        "started": {"type": "string", "format": "date-time"},
        "url": TEXT,
        "model": TEXT,
        "server": said(or_null(TEXT), "The program the endpoint says it is."),
        "api": {"enum": ["chat", "completions"]},
        "machine": said(or_null(TEXT), "provider/product measured, as the user named it."),
        "host": said(TEXT, "Processors of the client."),
        "busy_before_ratio": NUMBER,
        "warm_up_s": NUMBER,
        "seed": {"type": "integer"},
        "shared_prefix_tokens": COUNT,
        "workloads": listed(record({"workload": TEXT, "steps": listed(step)})),
        "remarks": listed(TEXT),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:bench:1",
        "title": "bench",
        "description": "Throughput and latency of an endpoint by workload and load. Unknown is null.",
        **record(properties),
    }


def bench_schema_text() -> str:
    """The published file docs/schemas/bench.schema.json."""
    return json.dumps(bench_schema(), indent=2, ensure_ascii=False) + "\n"
