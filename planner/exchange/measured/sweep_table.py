"""Curves of a table of a serving sweep, a row for each server, model, workload and load step.

Columns read: vendor, server, model, workload, prompt_tokens, output_tokens, concurrency, output_throughput and
total_throughput (tok/s), ttft_p50_ms, ttft_p95_ms, tpot_p50_ms; gpu_model, gpu_count, cpu, date where they are there.
They are those of Spare Cores' runs of GuideLLM against vLLM. Rows without one completed request are left out.
"""

import csv
import math
from itertools import groupby
from typing import Any

from planner.errors import InputError
from planner.profile.curve import Curve, Point
from planner.profile.measured import Measured

REQUIRED = (
    "vendor",
    "server",
    "model",
    "workload",
    "prompt_tokens",
    "output_tokens",
    "concurrency",
    "output_throughput",
    "total_throughput",
)


def measured_by_sweep(text: str, *, source: str) -> list[Measured]:
    """The curves of the table. Raises InputError with the row."""
    reader = csv.DictReader(text.splitlines())
    missing = [column for column in REQUIRED if column not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{source}, row 1: missing {', '.join(missing)}; expected the columns of a serving sweep")
    rows = [(row, f"{source}, row {number}") for number, row in enumerate(reader, start=2)]
    ordered = sorted(rows, key=lambda pair: _key(pair[0]))
    found = []
    for _, group in groupby(ordered, key=lambda pair: _key(pair[0])):
        steps = list(group)
        points = sorted((p for row, where in steps if (p := _point(row, where))), key=lambda point: point.concurrency)
        if points:
            found.append(_measured(steps[0][0], steps[0][1], points, source))
    if not found:
        raise InputError(f"{source}: no load step with tokens in and out; expected rows with throughput")
    return found


def _key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[column] for column in ("vendor", "server", "model", "workload"))


def _measured(row: dict[str, str], where: str, points: list[Point], source: str) -> Measured:
    gpus = _number(row, "gpu_count", where) or 0.0
    return Measured(
        provider=row["vendor"],
        server=row["server"],
        curve=Curve(
            workload=row["workload"],
            prompt_tokens=_above_0(row, "prompt_tokens", where),
            output_tokens=_above_0(row, "output_tokens", where),
            points=tuple(points),
        ),
        model=row["model"],
        source=source,
        source_date=row.get("date") or "",
        engine="vLLM" if row.get("vllm_version") else "",
        cpu=row.get("cpu") or None,
        gpu=row.get("gpu_model") or None,
        gpu_count=int(gpus),
    )


def _point(row: dict[str, str], where: str) -> Point | None:
    concurrency, output, total = (
        _number(row, column, where) for column in ("concurrency", "output_throughput", "total_throughput")
    )
    if not concurrency or not output or not total or total <= output:
        return None
    return Point(
        concurrency=concurrency,
        input_tok_s=total - output,
        output_tok_s=output,
        ttft_p95_ms=_number(row, "ttft_p95_ms", where),
        ttft_ms=_number(row, "ttft_p50_ms", where),
        tpot_ms=_number(row, "tpot_p50_ms", where),
    )


def _above_0(row: dict[str, str], column: str, where: str) -> float:
    value = _number(row, column, where)
    if not value:
        raise InputError(f"{where}: {column}: expected a number above 0, got {row[column]!r}")
    return value


def _number(row: dict[str, Any], column: str, where: str) -> float | None:
    text = (row.get(column) or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise InputError(f"{where}: {column}: expected a number of 0 or more, got {text!r}")
    return value
