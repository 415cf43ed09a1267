"""Reads the traffic of a replay: a series of a step of its own, or single requests. Text in, Traffic out. Pure.

A series has the columns of a forecast (`planner.demand.read`) at any step that divides an hour, from a second to an
hour; `t_s`, whole seconds from the start, may stand for `timestamp`. Rows marked `gap` = 1 are interpolated, and a
remark says so. A trace of requests has `arrival_s,input_tokens,output_tokens` (requests.py).
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from autoscaler.replay.traffic.requests import read_requests
from autoscaler.replay.world import Floats, Traffic
from planner.demand.grid import Gridded, gridded, mean_or_band, span
from planner.demand.horizon import in_fleet_order
from planner.demand.rows import read_rows
from planner.errors import InputError

NOMINAL_START = datetime(2024, 1, 1, tzinfo=UTC)
"""Where a file tells no date: a Monday, and the first of a month."""
_EXPECTED = "one row per step of the traffic, from a second to an hour long"
_EXPECTED_WHOLE = (
    f"{_EXPECTED} (timestamp,input_tokens_per_s,output_tokens_per_s), or one per request "
    "(arrival_s,input_tokens,output_tokens)"
)
"""The same where the file does not even say which of the two it is to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficScenario:
    """One way the traffic may come."""

    name: str
    """Empty: the file knows no scenarios."""
    probability: float
    traffic: Traffic


def read_traffic(text: str, *, source: str, models: Sequence[str]) -> Traffic:
    """The traffic of a file that holds one scenario; `models` are the fleet's, in whose order it comes back."""
    held = read_scenarios(text, source=source, models=models)
    if len(held) > 1:
        names = ", ".join(one.name for one in held)
        raise InputError(f"{source}: holds {len(held)} scenarios ({names}); expected one, or --plan to replay them all")
    return held[0].traffic


def read_scenarios(text: str, *, source: str, models: Sequence[str]) -> tuple[TrafficScenario, ...]:
    """The traffic of a file by scenario, each with its probability."""
    names = _header(text)
    if "arrival_s" in names and "timestamp" not in names:
        traffic = read_requests(text, source=source, models=models, start=NOMINAL_START)
        return (TrafficScenario(name="", probability=1.0, traffic=traffic),)
    counted = "timestamp" not in names and "t_s" in names
    start = NOMINAL_START if counted else None
    rows = read_rows(text, source=source, counted_from=start, expected=_EXPECTED if names else _EXPECTED_WHOLE)
    remarks: list[str] = []
    if rows.header.ignored:
        remarks.append(f"{source}: columns not read: {', '.join(rows.header.ignored)}")
    if counted:
        remarks.append(f"{source}: t_s tells no date; it is taken to start on {NOMINAL_START:%A, %Y-%m-%d} UTC")
    rows = mean_or_band(rows, None, source, remarks)
    grid = gridded(rows, source=source, whole_hours=False)
    return _by_scenario(grid, source=source, models=models, remarks=remarks)


def _header(text: str) -> list[str]:
    """The column names of a CSV text; what is no CSV has none here, and is refused by who reads it."""
    first = next((line for line in text.removeprefix("\ufeff").splitlines() if line.strip()), "")
    try:
        return [name.strip() for name in next(csv.reader([first]), [])]
    except csv.Error:
        return []


def _by_scenario(
    grid: Gridded, *, source: str, models: Sequence[str], remarks: Sequence[str]
) -> tuple[TrafficScenario, ...]:
    names, order, said = in_fleet_order(grid.models, models, source)
    is_gap = ~grid.is_measured
    gaps = int(is_gap.any(axis=(0, 1)).sum())
    if gaps:
        steps = is_gap.shape[-1]
        remarks = [
            *remarks,
            f"{source}: {gaps} of {steps} steps of {span(grid.step_s)} were not measured (gap = 1): interpolated",
        ]
    input_tok_s = _filled(grid.input_tok_s, grid.is_measured, source)[:, order]
    output_tok_s = _filled(grid.output_tok_s, grid.is_measured, source)[:, order]
    return tuple(
        TrafficScenario(
            name=name,
            probability=grid.probability[index],
            traffic=Traffic(
                start=grid.start,
                step_s=float(grid.step_s),
                models=names,
                input_tok_s=input_tok_s[index],
                output_tok_s=output_tok_s[index],
                is_gap=is_gap[index][order].any(axis=0),
                source=f"{source}, scenario {name}" if name else source,
                remarks=(*remarks, *said),
            ),
        )
        for index, name in enumerate(grid.scenarios)
    )


def _filled(values: Floats, is_measured: NDArray[np.bool_], source: str) -> Floats:
    """The values, (scenarios, models, steps), with a straight line drawn over what was not measured."""
    if is_measured.all():
        return values
    filled = values.copy()
    steps = np.arange(values.shape[-1], dtype=np.float64)
    for at in np.ndindex(*values.shape[:-1]):
        known = is_measured[at]
        if not known.any():
            raise InputError(f"{source}: gap = 1 in every row; expected some measurement")
        filled[at] = np.interp(steps, steps[known], values[at][known])
    return filled
