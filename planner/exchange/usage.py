"""Reads usage.csv: tokens served by hour and model, and whose they were. Text in, ServedHours out. Pure.

Columns: `timestamp` (or `hour`), `input_tokens` and `output_tokens` - counts of the row, or `input_tokens_per_s` and
`output_tokens_per_s` - rates over the row's step. Optional: `model`, `cached_input_tokens`, `unserved_tokens`, `gap`
(1: not measured), and the columns named as tags; nothing else is kept. Rows of one hour, model and tags add up,
whatever finer step or further columns told them apart. An hour between the first and the last without a row was empty.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from planner.demand.header import shown
from planner.errors import InputError
from planner.exchange.table import Columns, Row, read_name, read_table, read_time
from planner.ledger import ServedHours, Tags, tags_of

TIMES = ("timestamp", "hour")
COUNTS = ("input_tokens", "output_tokens")
RATES = ("input_tokens_per_s", "output_tokens_per_s")
RECORDED = ("cached_input_tokens", "unserved_tokens")
MAX_TOKENS = 1e15
"""More in one row is an error of units, and not exact as a float."""

_EXACT = 2**53
"""Floats count without a gap up to here."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_S = 3600
_DAY_S = 86400
_TIMES_KEPT = 100_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRead:
    """Usage as read, and what its reader should know."""

    usage: ServedHours
    remarks: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class UsageRows:
    """Rows of usage as columns, in the order of their source; what every reader of usage ends in."""

    source: str
    series: dict[tuple[str, Tags], int] = field(default_factory=dict)
    """(model, tags) -> number."""
    time_s: list[Ints] = field(default_factory=list)
    code: list[Ints] = field(default_factory=list)
    counts: list[Floats] = field(default_factory=list)
    """(4, n): input, output, cached input, unserved; NaN: not recorded."""
    is_measured: list[NDArray[np.bool_]] = field(default_factory=list)

    def number(self, model: str, tags: Tags) -> int:
        """The number of a series."""
        return self.series.setdefault((model, tags), len(self.series))


def read_usage(
    text: str,
    *,
    source: str,
    tags: Mapping[str, str] | None = None,
    model: str | None = None,
    model_column: str | None = None,
) -> UsageRead:
    """The usage a CSV text holds. `tags`: tag -> column. `model`: whose tokens, where the file has no model column.

    `model_column`: the column of the model, where it is not called `model`.
    """
    columns, chunks = read_table(
        text,
        source=source,
        required=(),
        optional=(*TIMES, model_column or "model", *COUNTS, *RATES, *RECORDED, "gap"),
        tags=tags,
    )
    if model_column is not None:
        if model_column not in columns.position:
            raise InputError(f"{source}: no column {shown(model_column)}; expected the one --model-column names")
        columns = replace(columns, position={**columns.position, "model": columns.position[model_column]})
    time, is_rate = _shape(columns, model)
    rows = UsageRows(source=source)
    parser = _Parser(columns=columns, rows=rows, time=time, numbers=RATES if is_rate else COUNTS, model=model)
    for part, lines in chunks:
        parser.add(part, lines)
    if not rows.time_s:
        raise InputError(f"{source}: there is a header and no row; expected one row per hour and model")
    step_s = _step_s(rows, parser.lines, is_strict=is_rate or time == "hour")
    parser.refuse_repeated()
    found = hourly(rows, step_s=step_s if is_rate else None)
    return UsageRead(usage=found.usage, remarks=(*columns.remarks, *found.remarks))


def hourly(rows: UsageRows, *, step_s: int | None = None) -> UsageRead:
    """Rows added up by hour, model and tags. `step_s`: the numbers are tok/s over steps of that length; None: counts.

    An hour no row measured is a gap. An hour measured in part counts as measured, and is remarked: counts stay as they
    are, rates stand for the steps without a measurement too.
    """
    time_s, code = np.concatenate(rows.time_s), np.concatenate(rows.code)
    counts, is_measured = np.concatenate(rows.counts, axis=1), np.concatenate(rows.is_measured)
    hour = time_s // _HOUR_S
    first, last = int(hour.min()), int(hour.max()) + 1
    measured = np.unique(hour[is_measured])
    gaps = np.setdiff1d(np.unique(hour[~is_measured]), measured)
    partly = len(np.intersect1d(np.unique(hour[~is_measured]), measured))
    remarks = [f"{rows.source}: {partly} hours are measured in part only"] if partly else []
    hour, code, counts = hour[is_measured], code[is_measured], counts[:, is_measured]
    size = max(len(rows.series), 1)
    keys, at = np.unique((hour - first) * size + code, return_inverse=True)
    totals = np.zeros((len(counts), len(keys)))
    for total, column in zip(totals, counts, strict=True):
        np.add.at(total, at, column)
    if step_s is not None:
        totals[:2] *= step_s / _measured_ratio(time_s, is_measured, step_s)(keys // size + first)
    if np.nanmax(totals, initial=0) >= _EXACT:
        raise InputError(f"{rows.source}: 2^53 tokens or more in one hour; expected fewer, counted one by one")
    names = list(rows.series)
    models = tuple(dict.fromkeys(model for model, _ in names))
    tag_sets = tuple(dict.fromkeys(tags for _, tags in names))
    model_at = np.array([models.index(model) for model, _ in names], dtype=np.int32)
    number_of = {tags: index for index, tags in enumerate(tag_sets)}
    tag_at = np.array([number_of[tags] for _, tags in names], dtype=np.int32)
    whole = [None if np.isnan(total).any() else np.rint(total).astype(np.int64) for total in totals]
    assert whole[0] is not None  # every row has tokens in and out
    assert whole[1] is not None
    usage = ServedHours(
        start=_EPOCH + timedelta(hours=first),
        hours=last - first,
        models=models,
        tags=tag_sets,
        hour=(keys // size).astype(np.int32),
        model=model_at[keys % size],
        tag=tag_at[keys % size],
        input_tokens=whole[0],
        output_tokens=whole[1],
        cached_input_tokens=whole[2],
        unserved_tokens=whole[3],
        gaps=frozenset((gaps - first).tolist()),
        source=rows.source,
    )
    return UsageRead(usage=usage, remarks=tuple(remarks))


def _measured_ratio(time_s: Ints, is_measured: NDArray[np.bool_], step_s: int) -> Callable[[Ints], Floats]:
    """Hour number -> the part of it that was measured; steps without any row are empty, not unmeasured."""
    lost = np.setdiff1d(time_s[~is_measured], time_s[is_measured]) // _HOUR_S
    hours, steps = np.unique(lost, return_counts=True)
    ratio = dict(zip(hours.tolist(), (1 - steps * step_s / _HOUR_S).tolist(), strict=True))
    return lambda numbers: np.array([ratio.get(number, 1.0) for number in numbers.tolist()])


class _Times(dict[str, int]):
    """Seconds since 1970 of each time seen lately."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def __missing__(self, text: str) -> int:
        seconds = (read_time(text, self.name) - _EPOCH) // timedelta(seconds=1)
        if len(self) >= _TIMES_KEPT:
            self.clear()
        self[text] = seconds
        return seconds


class _Series(dict[tuple[str, ...], int]):
    """Number of the series of each (model, *tags) as written."""

    def __init__(self, columns: Columns, rows: UsageRows) -> None:
        super().__init__()
        self.names = tuple(columns.tags)
        self.rows = rows

    def __missing__(self, written: tuple[str, ...]) -> int:
        model = read_name(written[0], "model")
        values = [
            read_name(value, name) if value.strip() else "" for name, value in zip(self.names, written[1:], strict=True)
        ]
        self[written] = self.rows.number(model, tags_of(dict(zip(self.names, values, strict=True))))
        return self[written]


@dataclass(kw_only=True)
class _Parser:
    """Reads chunks of rows column by column; a chunk that holds something wrong is read again row by row."""

    columns: Columns
    rows: UsageRows
    time: str
    numbers: Sequence[str]
    model: str | None

    def __post_init__(self) -> None:
        self.times = _Times(self.time)
        self.series = _Series(self.columns, self.rows)
        self.lines: list[Ints] = []
        self.seen: set[int] = set()
        self.repeated: int | None = None

    def add(self, chunk: list[Row], lines: Sequence[int]) -> None:
        """Read one chunk."""
        if not chunk:
            return
        self._look_for_repeated(chunk, lines)
        try:
            self._add(chunk)
            self.lines.append(np.array(lines, dtype=np.int64))
        except (ValueError, OverflowError):
            for row, line in zip(chunk, lines, strict=True):
                try:
                    self._check(row)
                except (ValueError, OverflowError) as error:
                    raise InputError(f"{self.columns.source}, row {line}: {error}") from None
            raise

    def refuse_repeated(self) -> None:
        """Raises InputError where a row of an hourly file is the copy of another: its tokens would count twice.

        Times within hours may be those of single requests, of which two can be alike.
        """
        is_hourly = all(not (part % _HOUR_S).any() for part in self.rows.time_s)
        if self.repeated is not None and is_hourly:
            raise InputError(
                f"{self.columns.source}, row {self.repeated}: is the same as a row before it, in every column;"
                " expected each row once"
            )

    def _look_for_repeated(self, chunk: list[Row], lines: Sequence[int]) -> None:
        for row, line in zip(chunk, lines, strict=True):
            mark = hash(tuple(row))
            if mark in self.seen and self.repeated is None:
                self.repeated = line
            self.seen.add(mark)

    def _add(self, chunk: list[Row]) -> None:
        count, at = len(chunk), self.columns.position
        cells = list(zip(*chunk, strict=True))
        time_s = np.fromiter(map(self.times.__getitem__, cells[at[self.time]]), np.int64, count)
        model = cells[at["model"]] if "model" in at else repeat(self.model or "", count)
        written = zip(model, *(cells[column] for column in self.columns.tags.values()), strict=True)
        code = np.fromiter(map(self.series.__getitem__, written), np.int64, count)
        is_measured = np.ones(count, dtype=np.bool_)
        if "gap" in at:
            is_measured = np.fromiter(map(_is_measured, cells[at["gap"]]), np.bool_, count)
        counts = np.full((4, count), np.nan)
        for index, name in enumerate((*self.numbers, *RECORDED)):
            if name in at:
                counts[index] = _column(cells[at[name]], is_measured, optional=name in RECORDED)
        whole = counts[2:] if self.numbers == RATES else counts
        if (whole[~np.isnan(whole)] % 1).any() or ((counts[2] > counts[0]).any() and self.numbers == COUNTS):
            raise ValueError("a count is not whole, or more is cached than came in")
        self.rows.time_s.append(time_s)
        self.rows.code.append(code)
        self.rows.counts.append(counts)
        self.rows.is_measured.append(is_measured)

    def _check(self, row: Row) -> None:
        """Raises ValueError that says what is wrong with a row."""
        columns = self.columns
        self.times[row[columns.position[self.time]]]
        written = (row[columns.position["model"]] if "model" in columns.position else self.model or "",)
        self.series[written + tuple(row[at] for at in columns.tags.values())]
        if "gap" in columns.position and not _is_measured(row[columns.position["gap"]]):
            return
        values = {}
        for name in (*self.numbers, *RECORDED):
            if name in columns.position and (name in self.numbers or columns.cell(row, name)):
                values[name] = read_tokens(columns.cell(row, name), name, whole=name not in RATES)
        cached = values.get("cached_input_tokens", 0)
        if self.numbers == COUNTS and cached > values["input_tokens"]:
            raise ValueError(
                f"cached_input_tokens is {cached:.0f}, more than input_tokens {values['input_tokens']:.0f};"
                " expected the part of the input tokens found in the cache"
            )


def read_tokens(text: str, name: str, *, whole: bool = True) -> float:
    """A count of tokens, or a rate; ValueError says what was expected."""
    expected = "expected a whole number of tokens, 0 or more" if whole else "expected tokens per second, 0 or more"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {shown(text)}; {expected}" if text.strip() else f"no {name}; {expected}") from None
    if not 0 <= value < float("inf") or "_" in text or (whole and value % 1):
        raise ValueError(f"{name} is {shown(text)}; {expected}")
    if value > MAX_TOKENS:
        raise ValueError(f"{name} is {shown(text)}; expected at most {MAX_TOKENS:g}")
    return value


def _shape(columns: Columns, model: str | None) -> tuple[str, bool]:
    """Name of the time column, and whether the numbers are rates; an InputError where it is neither or both."""
    at, source = columns.position, columns.source
    times = [name for name in TIMES if name in at]
    if len(times) != 1:
        found = "both are there" if times else "neither is there"
        raise InputError(f"{source}: expected one column timestamp or hour, {found}")
    has_counts, has_rates = (any(name in at for name in names) for names in (COUNTS, RATES))
    if has_counts == has_rates:
        found = "both are there" if has_counts else "neither is there"
        raise InputError(f"{source}: expected columns {','.join(COUNTS)} or {','.join(RATES)}, {found}")
    for name in RATES if has_rates else COUNTS:
        if name not in at:
            raise InputError(f"{source}: column {name!r} is missing")
    if "model" not in at and model is None:
        raise InputError(f"{source}: column 'model' is missing; --model NAME says whose tokens these are")
    return times[0], has_rates


def _step_s(rows: UsageRows, lines: Sequence[Ints], *, is_strict: bool) -> int:
    """Seconds from one row's time to the next, at most an hour. InputError where rows do not fall into hours of UTC.

    `is_strict`: rows stand for spans (hours, rates), so each must start one; else times may be those of requests.
    """
    time_s = np.concatenate(rows.time_s)
    times = np.unique(time_s)
    steps = np.diff(times)
    if len(steps) > 1 and not (steps % _DAY_S).any():
        raise InputError(f"{rows.source}: rows are a day or more apart; expected one row per hour, or finer")
    step_s = min(int(steps.min(initial=_HOUR_S)), _HOUR_S)
    is_hourly = len(steps) > 0 and not (steps % _HOUR_S).any()
    off = times[times % step_s != 0] if is_strict else times[times % _HOUR_S != 0] if is_hourly else times[:0]
    if len(off):
        line, moment = np.concatenate(lines)[np.argmax(time_s == off[0])], _EPOCH + timedelta(seconds=int(off[0]))
        raise InputError(
            f"{rows.source}, row {line}: {moment:%Y-%m-%dT%H:%M:%SZ} is no start of a full hour in UTC;"
            " expected rows that start on the hour, or rows of finer steps"
        )
    if is_strict and _HOUR_S % step_s:
        raise InputError(f"{rows.source}: rows are {step_s} s apart; expected an hour, or a part of one such as 600 s")
    return step_s


def _column(texts: Sequence[str], is_measured: NDArray[np.bool_], *, optional: bool) -> Floats:
    """Numbers of a column; NaN where an optional one is empty, 0 where not measured; ValueError if any is bad."""
    if "_" in "".join(texts):  # Python reads 1_000 as a number; a CSV does not mean it
        raise ValueError("underscore in a number")
    if not is_measured.all():
        texts = [text if ok else "0" for text, ok in zip(texts, is_measured, strict=True)]
    if optional and not all(texts):
        texts = [text.strip() or "nan" for text in texts]
        values = np.fromiter(map(float, texts), np.float64, len(texts))
        if (np.isnan(values) != np.array([text == "nan" for text in texts])).any():
            raise ValueError("not a number")
        if not (np.isnan(values) | ((values >= 0) & (values <= MAX_TOKENS))).all():
            raise ValueError("count out of range")
        return values
    values = np.fromiter(map(float, texts), np.float64, len(texts))
    if not ((values >= 0) & (values <= MAX_TOKENS)).all():
        raise ValueError("count out of range")
    return values


def _is_measured(text: str) -> bool:
    mark = text.strip()
    if mark not in ("", "0", "1"):
        raise ValueError(f"gap is {shown(text)}; expected 0, or 1 for a row without measurement")
    return mark != "1"


def covering(usage: ServedHours, start: datetime, end: datetime) -> ServedHours:
    """The same usage, said to cover [start, end): hours of it without a row were measured as empty."""
    shift = (usage.start - start) // timedelta(hours=1)
    if shift < 0 or usage.at(usage.hours) > end:
        raise InputError(
            f"{usage.source}: holds rows from {usage.start:%Y-%m-%dT%H:%MZ} to {usage.at(usage.hours):%Y-%m-%dT%H:%MZ},"
            f" outside {start:%Y-%m-%dT%H:%MZ} to {end:%Y-%m-%dT%H:%MZ} it is said to cover"
        )
    return replace(
        usage,
        start=start,
        hours=(end - start) // timedelta(hours=1),
        hour=usage.hour + np.int32(shift),
        gaps=frozenset(gap + shift for gap in usage.gaps),
    )
