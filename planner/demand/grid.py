"""The grid that the rows of a demand series form: one band, every series on the same steps without a hole. Pure.

A step is an hour or a part that divides it. What is missing, doubled or out of order is an error that names the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from planner.demand.header import shown
from planner.demand.rows import Rows, Series
from planner.errors import InputError

HOUR_S = 3600
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def mean_or_band(rows: Rows, quantile: float | None, source: str, remarks: list[str]) -> Rows:
    """The rows of one band: the mean, unless a quantile is asked for; where a file has scenarios, they are its mean."""
    held = {one.quantile for one in rows.series}
    bands = ", ".join(f"{band:g}" for band in sorted(band for band in held if band is not None))
    if quantile not in held:
        if quantile is None:
            raise InputError(f"{source}: no mean rows (empty quantile); the file holds quantiles {bands}: choose one")
        raise InputError(f"{source}: no rows of quantile {quantile:g}; the file holds {bands or 'only the mean'}")
    wanted = [one.quantile == quantile for one in rows.series]
    scenarios = {one.scenario for one, is_wanted in zip(rows.series, wanted, strict=True) if is_wanted and one.scenario}
    has_mean = (
        any(is_wanted and not one.scenario for one, is_wanted in zip(rows.series, wanted, strict=True))
        and "" not in rows.probability
    )
    if scenarios and has_mean:
        wanted = [is_wanted and one.scenario != "" for one, is_wanted in zip(rows.series, wanted, strict=True)]
    unused = ["mean rows"] if scenarios and has_mean else []
    unused += [f"quantiles {bands}"] if quantile is None and bands else []
    if unused:
        used = f"its {len(scenarios)} scenarios" if scenarios else "the mean rows"
        remarks.append(f"{source}: {used} are used; the {' and the '.join(unused)} are not")
    return rows if all(wanted) else _only(rows, np.array(wanted))


def _only(rows: Rows, wanted: NDArray[np.bool_]) -> Rows:
    """The rows of the wanted series."""
    kept = wanted[rows.code]
    number = np.cumsum(wanted) - 1
    return Rows(
        header=rows.header,
        series=tuple(one for one, is_wanted in zip(rows.series, wanted, strict=True) if is_wanted),
        probability=rows.probability,
        code=number[rows.code[kept]].astype(np.int32),
        time_s=rows.time_s[kept],
        input_tok_s=rows.input_tok_s[kept],
        output_tok_s=rows.output_tok_s[kept],
        is_measured=rows.is_measured[kept],
        row=rows.row[kept],
    )


def probabilities(rows: Rows, source: str) -> dict[str, float]:
    """The probability of each scenario, summing to 1."""
    held = {one.scenario: rows.probability.get(one.scenario, 1.0) for one in rows.series}
    total = sum(held.values())
    if abs(total - 1) > 1e-5:
        raise InputError(f"{source}: the probabilities of {len(held)} scenarios sum to {total:g}; expected 1")
    if abs(total - 1) < 1e-9:
        return held
    return {name: value / total for name, value in held.items()}


def cross(series: Sequence[Series], scenarios: Sequence[str], names: Sequence[str]) -> list[Series]:
    """Every series in the order of scenarios, then models."""
    quantile = series[0].quantile
    return [Series(scenario=s, model=m, quantile=quantile) for s in scenarios for m in names]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gridded:
    """A series on its grid. Arrays have the shape (scenarios, models, steps), mean tok/s over each step."""

    start: datetime
    step_s: int
    scenarios: tuple[str, ...]
    models: tuple[str, ...]
    """As the file names them; ("",) where it names none."""
    probability: tuple[float, ...]
    input_tok_s: NDArray[np.float64]
    output_tok_s: NDArray[np.float64]
    is_measured: NDArray[np.bool_]


def gridded(rows: Rows, *, source: str, whole_hours: bool) -> Gridded:
    """The rows of one band on their grid; InputError where they form none, or none of `whole_hours`."""
    probability = probabilities(rows, source)
    grid = Grid(rows, source)
    step_s = grid.step_s()
    grid.check_complete(step_s)
    scenarios = list(dict.fromkeys(one.scenario for one in grid.series))
    names = list(dict.fromkeys(one.model for one in grid.series))
    grid.check_every_series(scenarios, names)
    grid.check_same_hours(step_s, whole_hours=whole_hours)
    shape = (len(scenarios), len(names), -1)
    number = {series: index for index, series in enumerate(grid.series)}
    order = [number[series] for series in cross(grid.series, scenarios, names)]
    return Gridded(
        start=EPOCH + timedelta(seconds=int(grid.time_s[0])),
        step_s=step_s,
        scenarios=tuple(scenarios),
        models=tuple(names),
        probability=tuple(probability[name] for name in scenarios),
        input_tok_s=grid.input_tok_s.reshape(len(order), -1)[order].reshape(shape),
        output_tok_s=grid.output_tok_s.reshape(len(order), -1)[order].reshape(shape),
        is_measured=grid.is_measured.reshape(len(order), -1)[order].reshape(shape),
    )


class Grid:
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
            return HOUR_S
        if (apart <= 0).any():
            self._refuse_disorder()
        lengths, counts = np.unique(apart, return_counts=True)
        step_s = int(lengths[counts.argmax()])
        if step_s > HOUR_S and step_s % HOUR_S == 0:
            return HOUR_S  # every other hour and the like: the hole is named by check_complete
        if HOUR_S % step_s:
            raise InputError(
                f"{self.source}: rows are {span(step_s)} apart; expected an hour, or a step that divides it"
            )
        return step_s

    def check_complete(self, step_s: int) -> None:
        """Each row stands at a multiple of the step, one step after the row before."""
        off = np.flatnonzero(self.time_s % step_s)
        if off.size:
            at = off[self.row[off].argmin()]
            raise InputError(
                f"{self._at(at)}: {named(self.time_s[at])} is not at the start of"
                f" {'an hour' if step_s == HOUR_S else f'a {span(step_s)} step'} (UTC)"
            )
        holes = np.flatnonzero((np.diff(self.code) == 0) & (np.diff(self.time_s) != step_s))
        if holes.size:
            at = holes[self.row[holes].argmin()]
            missing = named(self.time_s[at] + step_s)
            raise InputError(
                f"{self._at(at + 1)}: {named(self.time_s[at + 1])} follows {named(self.time_s[at])}{self._of(at)};"
                f" {missing} is missing, expected one row per {span(step_s)}"
            )

    def check_every_series(self, scenarios: Sequence[str], names: Sequence[str]) -> None:
        """Each scenario has each model; a file with names in a column has one in every row."""
        for column, held in (("model", names), ("scenario", scenarios)):
            if "" in held and len(held) > 1:
                at = next(i for i, code in enumerate(self.code) if getattr(self.series[code], column) == "")
                raise InputError(f"{self._at(at)}: no {column}; expected a name in every row")
        known = set(self.series)
        for one in cross(self.series, scenarios, names):
            if one not in known:
                raise InputError(
                    f"{self.source}: scenario {shown(one.scenario)} has no rows of model {shown(one.model)};"
                    " expected every model in every scenario"
                )

    def check_same_hours(self, step_s: int, *, whole_hours: bool) -> None:
        """All series cover the same steps; from one hour's start to another's where they are to be whole."""
        first = np.flatnonzero(np.diff(self.code, prepend=-1))
        count = np.diff(np.append(first, len(self.code)))
        start = self.time_s[first]
        for at, (begin, many) in enumerate(zip(start, count, strict=True)):
            if begin != start[0] or many != count[0]:
                raise InputError(
                    f"{self.source}: {label(self.series[at])} covers {named(begin)} to"
                    f" {named(begin + many * step_s)}, {label(self.series[0])} {named(start[0])} to"
                    f" {named(start[0] + count[0] * step_s)}; expected the same hours"
                )
        end = start[0] + count[0] * step_s
        for edge, hour in ((start[0], start[0]), (end, end)):
            if whole_hours and edge % HOUR_S:
                raise InputError(
                    f"{self.source}: the hour {named(hour - hour % HOUR_S)} is only partly covered;"
                    " expected whole hours"
                )

    def _refuse_disorder(self) -> None:
        back = np.flatnonzero((np.diff(self.code) == 0) & (np.diff(self.time_s) <= 0)) + 1
        at = back[self.row[back].argmin()]
        earlier = np.flatnonzero((self.code[:at] == self.code[at]) & (self.time_s[:at] == self.time_s[at]))
        if earlier.size:
            raise InputError(
                f"{self._at(at)}: {named(self.time_s[at])}{self._of(at)} stands in row {self.row[earlier[0]]} already;"
                " expected each hour once"
            )
        raise InputError(
            f"{self._at(at)}: {named(self.time_s[at])} comes after {named(self.time_s[at - 1])}{self._of(at)};"
            " expected rows in order of time"
        )

    def _at(self, index: int) -> str:
        return f"{self.source}, row {self.row[index]}"

    def _of(self, index: int) -> str:
        told = label(self.series[self.code[index]])
        return "" if told == "the series" else f" of {told}"


def label(series: Series) -> str:
    """What a message calls the series."""
    parts = [f"scenario {shown(series.scenario)}"] if series.scenario else []
    parts += [f"model {shown(series.model)}"] if series.model else []
    return " ".join(parts) or "the series"


def named(seconds: int | np.int64) -> str:
    """A moment as a message writes it."""
    moment = EPOCH + timedelta(seconds=int(seconds))
    return f"{moment:%Y-%m-%dT%H:%M}{f':{moment:%S}' if moment.second else ''}Z"


def span(seconds: int) -> str:
    """A length of time in words, such as 10 minutes."""
    for unit, length in (("hour", HOUR_S), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return unit if count == 1 else f"{count} {unit}s"
    return "second" if seconds == 1 else f"{seconds} seconds"
