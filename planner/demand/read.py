"""Reader of demand series: the CSV of a forecast (or a history) in, a Forecast of consecutive UTC hours out. Pure.

Columns: `timestamp,input_tokens_per_s,output_tokens_per_s`, optional `model`, `scenario` with `probability`, `quantile`
(empty: the mean) and `gap` (1: no measurement in this row). Limits: every series of a file covers the same hours,
without a hole; nothing is guessed, so what is missing is an error that names the hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from planner.demand.forecast import Forecast
from planner.demand.header import shown
from planner.demand.horizon import for_models
from planner.demand.rows import Rows, Series, read_rows
from planner.errors import InputError

_HOUR_S = 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    rows = _choose_quantile(rows, quantile, source, remarks)
    probability = _probabilities(rows, source)
    grid = _Grid(rows, source)
    step_s = grid.step_s()
    grid.check_complete(step_s)
    scenarios = list(dict.fromkeys(one.scenario for one in grid.series))
    names = list(dict.fromkeys(one.model for one in grid.series))
    grid.check_every_series(scenarios, names)
    grid.check_same_hours(step_s)
    shape = (len(scenarios), len(names), -1)
    number = {series: index for index, series in enumerate(grid.series)}
    order = [number[series] for series in _cross(grid.series, scenarios, names)]
    input_tok_s = grid.input_tok_s.reshape(len(order), -1)[order].reshape(shape)
    output_tok_s = grid.output_tok_s.reshape(len(order), -1)[order].reshape(shape)
    is_measured = grid.is_measured.reshape(len(order), -1)[order].reshape(shape)
    start = _EPOCH + timedelta(seconds=int(grid.time_s[0]))
    if step_s < _HOUR_S or not is_measured.all():
        means = _Hourly(start=start, step_s=step_s, is_measured=is_measured, source=source)
        input_tok_s, output_tok_s = means.of(input_tok_s, unmeasured), means.of(output_tok_s, unmeasured)
        remarks.extend(means.remarks())
    forecast = Forecast(
        start=start,
        models=tuple(names),
        scenarios=tuple(scenarios),
        probability=tuple(probability[name] for name in scenarios),
        input_tok_s=input_tok_s,
        output_tok_s=output_tok_s,
        source=source,
        remarks=tuple(remarks),
    )
    return forecast if models is None else for_models(forecast, models)


def _choose_quantile(rows: Rows, quantile: float | None, source: str, remarks: list[str]) -> Rows:
    """The rows of one band: the mean, unless a quantile is asked for."""
    held = {one.quantile for one in rows.series}
    bands = ", ".join(f"{band:g}" for band in sorted(band for band in held if band is not None))
    if quantile not in held:
        if quantile is None:
            raise InputError(f"{source}: no mean rows (empty quantile); the file holds quantiles {bands}: choose one")
        raise InputError(f"{source}: no rows of quantile {quantile:g}; the file holds {bands or 'only the mean'}")
    if len(held) == 1:
        return rows
    if quantile is None:
        remarks.append(f"{source}: the mean rows are used; the quantiles {bands} are not")
    wanted = np.array([one.quantile == quantile for one in rows.series])
    kept = wanted[rows.code]
    number = np.cumsum(wanted) - 1
    return Rows(
        header=rows.header,
        series=tuple(one for one in rows.series if one.quantile == quantile),
        probability=rows.probability,
        code=number[rows.code[kept]].astype(np.int32),
        time_s=rows.time_s[kept],
        input_tok_s=rows.input_tok_s[kept],
        output_tok_s=rows.output_tok_s[kept],
        is_measured=rows.is_measured[kept],
        row=rows.row[kept],
    )


def _probabilities(rows: Rows, source: str) -> dict[str, float]:
    """The probability of each scenario, summing to 1."""
    held = {one.scenario: rows.probability.get(one.scenario, 1.0) for one in rows.series}
    total = sum(held.values())
    if abs(total - 1) > 1e-5:
        raise InputError(f"{source}: the probabilities of {len(held)} scenarios sum to {total:g}; expected 1")
    if abs(total - 1) < 1e-9:
        return held
    return {name: value / total for name, value in held.items()}


def _cross(series: Sequence[Series], scenarios: Sequence[str], names: Sequence[str]) -> list[Series]:
    """Every series in the order of scenarios, then models."""
    quantile = series[0].quantile
    return [Series(scenario=s, model=m, quantile=quantile) for s in scenarios for m in names]


class _Grid:
    """The rows sorted by series, in file order within each, and the checks that they form a grid of hours."""

    def __init__(self, rows: Rows, source: str) -> None:
        self.source = source
        self.series = rows.series
        if len(rows.series) == 1 or (np.diff(rows.code) >= 0).all():
            order: slice | NDArray[np.intp] = slice(None)
        else:
            order = np.argsort(rows.code, kind="stable")
        self.code = rows.code[order]
        self.time_s = rows.time_s[order]
        self.row = rows.row[order]
        self.input_tok_s = rows.input_tok_s[order]
        self.output_tok_s = rows.output_tok_s[order]
        self.is_measured = rows.is_measured[order]

    def step_s(self) -> int:
        """Seconds from row to row: an hour, or a part that divides it; rows in order and none twice."""
        apart = np.diff(self.time_s)
        apart = apart[np.diff(self.code) == 0]
        if apart.size == 0:
            return _HOUR_S
        if (apart <= 0).any():
            self._refuse_disorder()
        lengths, counts = np.unique(apart, return_counts=True)
        step_s = int(lengths[counts.argmax()])
        if step_s > _HOUR_S and step_s % _HOUR_S == 0:
            return _HOUR_S  # every other hour and the like: the hole is named by check_complete
        if _HOUR_S % step_s:
            raise InputError(
                f"{self.source}: rows are {_span(step_s)} apart; expected an hour, or a step that divides it"
            )
        return step_s

    def check_complete(self, step_s: int) -> None:
        """Each row stands at a multiple of the step, one step after the row before."""
        off = np.flatnonzero(self.time_s % step_s)
        if off.size:
            at = off[self.row[off].argmin()]
            raise InputError(
                f"{self._at(at)}: {_named(self.time_s[at])} is not at the start of"
                f" {'an hour' if step_s == _HOUR_S else f'a {_span(step_s)} step'} (UTC)"
            )
        holes = np.flatnonzero((np.diff(self.code) == 0) & (np.diff(self.time_s) != step_s))
        if holes.size:
            at = holes[self.row[holes].argmin()]
            missing = _named(self.time_s[at] + step_s)
            raise InputError(
                f"{self._at(at + 1)}: {_named(self.time_s[at + 1])} follows {_named(self.time_s[at])}{self._of(at)};"
                f" {missing} is missing, expected one row per {_span(step_s)}"
            )

    def check_every_series(self, scenarios: Sequence[str], names: Sequence[str]) -> None:
        """Each scenario has each model; a file with names in a column has one in every row."""
        for column, held in (("model", names), ("scenario", scenarios)):
            if "" in held and len(held) > 1:
                at = next(i for i, code in enumerate(self.code) if getattr(self.series[code], column) == "")
                raise InputError(f"{self._at(at)}: no {column}; expected a name in every row")
        known = set(self.series)
        for one in _cross(self.series, scenarios, names):
            if one not in known:
                raise InputError(
                    f"{self.source}: scenario {shown(one.scenario)} has no rows of model {shown(one.model)};"
                    " expected every model in every scenario"
                )

    def check_same_hours(self, step_s: int) -> None:
        """All series cover the same whole hours."""
        first = np.flatnonzero(np.diff(self.code, prepend=-1))
        count = np.diff(np.append(first, len(self.code)))
        start = self.time_s[first]
        for at, (begin, many) in enumerate(zip(start, count, strict=True)):
            if begin != start[0] or many != count[0]:
                raise InputError(
                    f"{self.source}: {_label(self.series[at])} covers {_named(begin)} to"
                    f" {_named(begin + many * step_s)}, {_label(self.series[0])} {_named(start[0])} to"
                    f" {_named(start[0] + count[0] * step_s)}; expected the same hours"
                )
        end = start[0] + count[0] * step_s
        for edge, hour in ((start[0], start[0]), (end, end)):
            if edge % _HOUR_S:
                raise InputError(
                    f"{self.source}: the hour {_named(hour - hour % _HOUR_S)} is only partly covered;"
                    " expected whole hours"
                )

    def _refuse_disorder(self) -> None:
        back = np.flatnonzero((np.diff(self.code) == 0) & (np.diff(self.time_s) <= 0)) + 1
        at = back[self.row[back].argmin()]
        earlier = np.flatnonzero((self.code[:at] == self.code[at]) & (self.time_s[:at] == self.time_s[at]))
        if earlier.size:
            raise InputError(
                f"{self._at(at)}: {_named(self.time_s[at])}{self._of(at)} stands in row {self.row[earlier[0]]} already;"
                " expected each hour once"
            )
        raise InputError(
            f"{self._at(at)}: {_named(self.time_s[at])} comes after {_named(self.time_s[at - 1])}{self._of(at)};"
            " expected rows in order of time"
        )

    def _at(self, index: int) -> str:
        return f"{self.source}, row {self.row[index]}"

    def _of(self, index: int) -> str:
        label = _label(self.series[self.code[index]])
        return "" if label == "the series" else f" of {label}"


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
        shape = (*series, count * self.step_s // _HOUR_S, _HOUR_S // self.step_s)
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
        if self.step_s < _HOUR_S:
            said.append(f"{self.source}: rows are {_span(self.step_s)} apart; averaged to hours")
        left_out = int((~self.is_measured).sum())
        if left_out:
            said.append(f"{self.source}: {left_out} rows without measurement (gap = 1) are in no average")
        empty = int((~self.is_measured.reshape(*self.is_measured.shape[:2], -1, _HOUR_S // self.step_s).any(-1)).sum())
        if empty:
            said.append(f"{self.source}: {empty} hours without any measurement are interpolated")
        return said


def _label(series: Series) -> str:
    parts = [f"scenario {shown(series.scenario)}"] if series.scenario else []
    parts += [f"model {shown(series.model)}"] if series.model else []
    return " ".join(parts) or "the series"


def _named(seconds: int | np.int64) -> str:
    moment = _EPOCH + timedelta(seconds=int(seconds))
    return f"{moment:%Y-%m-%dT%H:%M}{f':{moment:%S}' if moment.second else ''}Z"


def _span(seconds: int) -> str:
    for unit, length in (("hour", _HOUR_S), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return unit if count == 1 else f"{count} {unit}s"
    return "second" if seconds == 1 else f"{seconds} seconds"
