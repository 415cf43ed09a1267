"""Reads a trace of single requests, `arrival_s,input_tokens,output_tokens` and optional `model`, into Traffic. Pure.

`arrival_s` counts seconds from the start of the trace, in order of time. The steps of the traffic are sums over the
requests that arrive in them.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from autoscaler.replay.world import Floats, Requests, Traffic
from planner.demand.header import shown
from planner.demand.horizon import in_fleet_order
from planner.errors import InputError
from planner.exchange.table import Columns, Row, read_table

REQUIRED = ("arrival_s", "input_tokens", "output_tokens")
STEP_S = 10.0
"""Length of the steps that requests are added up in: a third of a tick."""
MAX_ARRIVAL_S = 1e8
"""Three years: more is an error of units."""
MAX_TOKENS = 1e9


def read_requests(text: str, *, source: str, models: Sequence[str], start: datetime) -> Traffic:
    """The traffic of a trace that starts at `start`."""
    columns, chunks = read_table(text, source=source, required=REQUIRED, optional=("model",))
    numbers: list[Floats] = []
    names: list[str] = []
    lines: list[int] = []
    for rows, at in chunks:
        numbers.append(_numbers(columns, rows, at))
        names += [columns.cell(row, "model") for row in rows]
        lines += at
    if not lines:
        raise InputError(f"{source}: there is a header and no row; expected one row per request")
    arrival_s, input_tokens, output_tokens = np.concatenate(numbers, axis=1)
    back = np.flatnonzero(np.diff(arrival_s) < 0)
    if back.size:
        at_row = int(back[0]) + 1
        raise InputError(
            f"{source}, row {lines[at_row]}: arrival_s {arrival_s[at_row]:g} comes after {arrival_s[at_row - 1]:g};"
            " expected requests in order of time"
        )
    held = tuple(dict.fromkeys(names))
    if "" in held and len(held) > 1:
        raise InputError(f"{source}, row {lines[names.index('')]}: no model; expected a name in every row")
    served, order, said = in_fleet_order(held, models, source)
    whose = np.array([held.index(name) for name in names])
    requests = {
        name: Requests(
            arrival_s=arrival_s[whose == code],
            input_tokens=input_tokens[whose == code],
            output_tokens=output_tokens[whose == code],
        )
        for name, code in zip(served, order, strict=True)
    }
    remarks = (
        f"{source}: {len(lines):,} single requests; arrival_s tells no date,"
        f" it is taken to start on {start:%A, %Y-%m-%d} UTC",
        *((f"{source}: columns not read: {', '.join(columns.unread)}",) if columns.unread else ()),
        *said,
    )
    return traffic_of(requests, start=start, models=served, source=source, remarks=remarks)


def traffic_of(
    requests: dict[str, Requests], *, start: datetime, models: tuple[str, ...], source: str, remarks: tuple[str, ...]
) -> Traffic:
    """The traffic whose steps are the sums of `requests`, by model."""
    last_s = max((float(one.arrival_s[-1]) for one in requests.values() if one.arrival_s.size), default=0.0)
    steps = int(last_s // STEP_S) + 1
    return Traffic(
        start=start,
        step_s=STEP_S,
        models=models,
        input_tok_s=np.array([_rate(requests[name].arrival_s, requests[name].input_tokens, steps) for name in models]),
        output_tok_s=np.array(
            [_rate(requests[name].arrival_s, requests[name].output_tokens, steps) for name in models]
        ),
        is_gap=np.zeros(steps, dtype=np.bool_),
        requests=requests,
        source=source,
        remarks=remarks,
    )


def _rate(arrival_s: Floats, tokens: Floats, steps: int) -> Floats:
    """Mean tok/s over each step."""
    step: NDArray[np.int64] = (arrival_s // STEP_S).astype(np.int64)
    return np.bincount(step, weights=tokens, minlength=steps).astype(np.float64) / STEP_S


def _numbers(columns: Columns, rows: list[Row], lines: list[int]) -> Floats:
    """The three columns as numbers, (3, rows)."""
    limits = zip(REQUIRED, (MAX_ARRIVAL_S, MAX_TOKENS, MAX_TOKENS), strict=True)
    return np.array([_column(columns, name, most, rows, lines) for name, most in limits])


def _column(columns: Columns, name: str, most: float, rows: list[Row], lines: list[int]) -> list[float]:
    at = columns.position[name]
    values = []
    for row, line in zip(rows, lines, strict=True):
        try:
            value = float(row[at])
        except ValueError:
            value = float("nan")
        if not 0 <= value <= most or "_" in row[at]:
            raise InputError(
                f"{columns.source}, row {line}: {name} is {shown(row[at])}; expected a number from 0 to {most:g}"
            )
        values.append(value)
    return values
