"""Reader of past demand: the CSV of a measured series in, a History of consecutive UTC hours out. Pure.

The columns are those of a forecast. What a forecast must not have, a history has: rows marked `gap` = 1, empty rates
and missing rows all say that nothing is known of their time, and are told apart from 0. Limits: no scenarios and no
quantiles, rows in order of time, at most twenty years.
"""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from planner.demand.grid import EPOCH, HOUR_S, Grid, mean_or_band, named, span
from planner.demand.history import History
from planner.demand.rows import Rows, read_rows
from planner.errors import InputError

LEAST_MEASURED = 0.5
"""Share of an hour's steps that must be measured; an hour with fewer says nothing."""

_MOST_HOURS = 20 * 8784


def read_past(text: str, *, source: str) -> History:
    """The history a CSV text holds, mean tok/s of each hour, models as the file names them. Raises InputError."""
    rows = read_rows(text, source=source, of_the_past=True)
    remarks: list[str] = []
    if rows.header.ignored:
        remarks.append(f"{source}: columns not read: {', '.join(rows.header.ignored)}")
    if any(one.scenario for one in rows.series):
        raise InputError(f"{source}: has scenarios; expected a history, of which there is one")
    rows = mean_or_band(rows, None, source, remarks)
    return _hourly(rows, source, remarks)


def _hourly(rows: Rows, source: str, remarks: list[str]) -> History:
    grid = Grid(rows, source)
    names = tuple(one.model for one in grid.series)
    if "" in names and len(names) > 1:
        at = next(index for index, code in enumerate(grid.code) if grid.series[code].model == "")
        raise InputError(f"{source}, row {grid.row[at]}: no model; expected a name in every row")
    step_s = grid.step_s()
    off = np.flatnonzero(grid.time_s % step_s)
    if off.size:
        at = off[grid.row[off].argmin()]
        raise InputError(
            f"{source}, row {grid.row[at]}: {named(grid.time_s[at])} is not at the start of"
            f" {'an hour' if step_s == HOUR_S else f'a {span(step_s)} step'} (UTC)"
        )
    first_h, last_h = int(grid.time_s.min()) // HOUR_S, int(grid.time_s.max()) // HOUR_S
    hours = last_h - first_h + 1
    if hours > _MOST_HOURS:
        raise InputError(
            f"{source}: covers {named(grid.time_s.min())} to {named(grid.time_s.max())}; expected at most 20 years"
        )
    steps = (len(names), hours, HOUR_S // step_s)
    where = (grid.code, (grid.time_s - first_h * HOUR_S) // step_s)
    held = _spread(grid.is_measured.astype(np.float64), where, steps) == 1
    has_row = _spread(np.ones(len(grid.row)), where, steps) == 1
    known = held.sum(axis=-1)
    is_gap = known < LEAST_MEASURED * steps[-1]
    if is_gap.all():
        raise InputError(f"{source}: no hour is measured; expected some measurement")
    remarks.extend(_said(source, step_s=step_s, held=held, has_row=has_row, is_gap=is_gap, start_s=first_h * HOUR_S))
    means = [
        np.where(is_gap, np.nan, np.where(held, _spread(values, where, steps), 0.0).sum(-1) / np.maximum(known, 1))
        for values in (grid.input_tok_s, grid.output_tok_s)
    ]
    return History(
        start=EPOCH + timedelta(hours=first_h),
        models=names,
        input_tok_s=means[0],
        output_tok_s=means[1],
        source=source,
        remarks=tuple(remarks),
    )


def _spread(
    values: NDArray[np.float64], where: tuple[NDArray[np.int32], NDArray[np.int64]], steps: tuple[int, int, int]
) -> NDArray[np.float64]:
    """The values of rows on the grid of models, hours and steps; NaN where there is no row."""
    whole = np.full((steps[0], steps[1] * steps[2]), np.nan)
    whole[where] = values
    return whole.reshape(steps)


def _said(
    source: str,
    *,
    step_s: int,
    held: NDArray[np.bool_],
    has_row: NDArray[np.bool_],
    is_gap: NDArray[np.bool_],
    start_s: int,
) -> list[str]:
    """What was averaged, what was not measured, and what is missing; hours are those of one model."""
    said = []
    if step_s < HOUR_S:
        said.append(f"{source}: rows are {span(step_s)} apart; averaged to hours")
    void = int((has_row & ~held).sum())
    if void:
        said.append(f"{source}: {void} rows hold no measurement (gap = 1, or no rate)")
    is_missing = ~has_row.any(axis=-1)
    if is_missing.any():
        first = start_s + HOUR_S * int(np.flatnonzero(is_missing.any(axis=0))[0])
        said.append(f"{source}: {int(is_missing.sum())} hours have no row, the first {named(first)}; not measured")
    partly = int((is_gap & held.any(axis=-1)).sum())
    if partly:
        said.append(f"{source}: {partly} hours are measured to less than half; taken as not measured")
    return said
