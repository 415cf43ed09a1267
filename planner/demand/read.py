"""Reader of demand series: the CSV of a forecast (or a history) in, a Forecast of consecutive UTC hours out. Pure.

Columns: `timestamp,input_tokens_per_s,output_tokens_per_s`, optional `model`, `scenario` with `probability`, `quantile`
(empty: the mean) and `gap` (1: no measurement in this row). Limits: every series of a file covers the same hours,
without a hole; nothing is guessed, so what is missing is an error that names the hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.demand.forecast import Forecast
from planner.demand.grid import HOUR_S, gridded, mean_or_band, span
from planner.demand.horizon import for_models
from planner.demand.rows import read_rows
from planner.errors import InputError


def read_forecast(
    text: str,
    *,
    source: str,
    models: Sequence[str] | None = None,
    quantile: float | None = None,
    unmeasured: Literal["refuse", "interpolate"] = "refuse",
) -> Forecast:
    """The forecast a CSV text holds, mean tok/s of each hour.

    `models`: the fleet's models, in whose order the forecast comes back; None keeps the file's own names.
    `quantile`: the band to read instead of the mean rows.
    `unmeasured`: what to do with an hour in which every row is marked `gap` = 1: refuse it, or draw a straight line
    between its measured neighbours and say so.
    """
    rows = read_rows(text, source=source, models=models)
    remarks: list[str] = []
    if rows.header.ignored:
        remarks.append(f"{source}: columns not read: {', '.join(rows.header.ignored)}")
    rows = mean_or_band(rows, quantile, source, remarks)
    found = gridded(rows, source=source, whole_hours=True)
    input_tok_s, output_tok_s = found.input_tok_s, found.output_tok_s
    if found.step_s < HOUR_S or not found.is_measured.all():
        means = _Hourly(start=found.start, step_s=found.step_s, is_measured=found.is_measured, source=source)
        input_tok_s, output_tok_s = means.of(input_tok_s, unmeasured), means.of(output_tok_s, unmeasured)
        remarks.extend(means.remarks())
    forecast = Forecast(
        start=found.start,
        models=found.models,
        scenarios=found.scenarios,
        probability=found.probability,
        input_tok_s=input_tok_s,
        output_tok_s=output_tok_s,
        source=source,
        remarks=tuple(remarks),
    )
    return forecast if models is None else for_models(forecast, models)


def held_quantiles(text: str, *, source: str) -> tuple[float, ...]:
    """The quantiles a CSV text has rows of, in rising order; none: the mean alone."""
    held = {one.quantile for one in read_rows(text, source=source).series}
    return tuple(sorted(one for one in held if one is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hourly:
    """Hourly means over the rows of each hour that were measured. `is_measured` is (scenarios, models, rows)."""

    start: datetime
    step_s: int
    is_measured: NDArray[np.bool_]
    source: str

    def of(self, values: NDArray[np.float64], unmeasured: str) -> NDArray[np.float64]:
        """The mean of each hour; an hour without any measurement is refused or interpolated."""
        *series, count = values.shape
        shape = (*series, count * self.step_s // HOUR_S, HOUR_S // self.step_s)
        measured = self.is_measured.reshape(shape)
        known = measured.sum(axis=-1)
        means: NDArray[np.float64] = np.where(measured, values.reshape(shape), 0.0).sum(axis=-1) / np.maximum(known, 1)
        empty = known == 0
        if not empty.any():
            return means
        if unmeasured == "refuse":
            hour = self.start + timedelta(hours=int(np.argwhere(empty)[:, -1].min()))
            raise InputError(
                f"{self.source}: no measurement in the hour {hour:%Y-%m-%dT%H:%MZ} (gap = 1 in all its rows);"
                " expected a value for every hour"
            )
        hours = np.arange(shape[-2], dtype=np.float64)
        for at in np.ndindex(*series):
            if empty[at].all():
                raise InputError(f"{self.source}: gap = 1 in every row; expected some measurement")
            means[at] = np.interp(hours, hours[~empty[at]], means[at][~empty[at]])
        return means

    def remarks(self) -> list[str]:
        """What was averaged, left out and interpolated."""
        said = []
        if self.step_s < HOUR_S:
            said.append(f"{self.source}: rows are {span(self.step_s)} apart; averaged to hours")
        left_out = int((~self.is_measured).sum())
        if left_out:
            said.append(f"{self.source}: {left_out} rows without measurement (gap = 1) are in no average")
        empty = int((~self.is_measured.reshape(*self.is_measured.shape[:2], -1, HOUR_S // self.step_s).any(-1)).sum())
        if empty:
            said.append(f"{self.source}: {empty} hours without any measurement are interpolated")
        return said
