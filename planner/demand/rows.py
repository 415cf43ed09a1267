"""The rows of a demand series: text in, columns of numbers out, every bad value named by its row. Pure.

Rows are read in chunks, column by column, which is what makes a year of twenty scenarios take half a second and two
million rows fit in memory. Only when a chunk holds something wrong is it read again row by row to find it.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice, repeat

import numpy as np
from numpy.typing import NDArray

from planner.demand.header import REQUIRED, Header, read_header, shown
from planner.errors import InputError

MAX_TOK_S = 1e12
"""More than this is a unit error, and too large to add up exactly."""

_CHUNK_ROWS = 50_000
_CHUNK_CHARACTERS = 4_000_000
_TIMES_KEPT = 100_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_LONGEST_S = 1e10
"""Three hundred years: more is an error of units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What tells one series of a file from another. `quantile` is None for the mean."""

    scenario: str
    model: str
    quantile: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a file as columns, in the order of the file."""

    header: Header
    series: tuple[Series, ...]
    probability: dict[str, float]
    """Of each scenario."""
    code: NDArray[np.int32]
    """Index into `series`."""
    time_s: NDArray[np.int64]
    """Seconds since 1970-01-01T00:00Z."""
    input_tok_s: NDArray[np.float64]
    output_tok_s: NDArray[np.float64]
    is_measured: NDArray[np.bool_]
    row: NDArray[np.int64]
    """Line number in the file, from 1."""


def read_rows(
    text: str,
    *,
    source: str,
    models: Sequence[str] | None = None,
    counted_from: datetime | None = None,
    expected: str = "one row per hour",
    of_the_past: bool = False,
) -> Rows:
    """All rows of a CSV text; `models` are the names that may stand in the model column (None: any).

    `counted_from`: the time is not in `timestamp` but in `t_s`, whole seconds from this moment. `expected`: what is
    asked for where there is no row. `of_the_past`: an empty rate (or NaN) is no measurement, not an error, and the
    zone may change from row to row, as it does where a file in local time goes through a change of clocks.
    """
    text = text.removeprefix("\ufeff")
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    reader = csv.reader(_lines(text), skipinitialspace=True, strict=True)
    header: Header | None = None
    parser: _Parser | None = None
    while True:
        first = reader.line_num + 1
        try:
            chunk = list(islice(reader, _CHUNK_ROWS if header else 1))
        except csv.Error as error:
            _refuse_open_quote(text, source)
            raise InputError(f"{source}, row {reader.line_num}: not readable as CSV ({error})") from error
        if not chunk:
            break
        if reader.line_num - first + 1 != len(chunk):
            _refuse_open_quote(text, source)
        if parser is not None:
            parser.add(chunk, first)
        elif any(name.strip() for name in chunk[0]):
            clock = "timestamp" if counted_from is None else "t_s"
            header = read_header(chunk[0], source=source, row=first, clock=clock)
            times = _Times(any_zone=of_the_past) if counted_from is None else _Elapsed(counted_from)
            parser = _Parser(header, source, models, times, of_the_past=of_the_past)
    if parser is None:
        raise InputError(f"{source}: the file is empty; expected a header and {expected}")
    if not parser.parts:
        raise InputError(f"{source}: there is a header and no row; expected {expected}")
    return parser.rows()


def _lines(text: str) -> Iterator[str]:
    """The lines of a text without copying all of it."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _CHUNK_CHARACTERS)
        end = len(text) if end < 0 else end
        yield from text[start:end].split("\n")
        start = end + 1


def _refuse_open_quote(text: str, source: str) -> None:
    """Name the first row whose quotes do not pair up; a value over several lines would hide which row is which."""
    for number, line in enumerate(_lines(text), start=1):
        if line.count('"') % 2:
            raise InputError(f"{source}, row {number}: a quote is opened and not closed; expected it closed in its row")


def parse_time(text: str) -> tuple[int, timedelta]:
    """Seconds since 1970 and the zone's offset of an ISO-8601 time; ValueError says what was expected."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"timestamp is {shown(text)}; expected ISO-8601 such as 2026-12-01T00:00:00Z") from None
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError(f"timestamp {shown(text)} has no time zone; expected one, as in 2026-12-01T00:00:00Z")
    if not 1900 <= moment.year <= 9000:
        raise ValueError(f"timestamp is {shown(text)}; expected a year from 1900 to 9000")
    if moment.microsecond or offset % _SECOND:
        raise ValueError(f"timestamp is {shown(text)}; expected whole seconds")
    return (moment - _EPOCH) // _SECOND, offset


class _Times(dict[str, int]):
    """Seconds of each timestamp seen lately; all must be of one zone, unless any is taken."""

    def __init__(self, *, any_zone: bool = False) -> None:
        super().__init__()
        self.any_zone = any_zone
        self.offset: timedelta | None = None

    def __missing__(self, text: str) -> int:
        seconds, offset = parse_time(text)
        if self.offset is None:
            self.offset = offset
        elif offset != self.offset and not self.any_zone:
            raise ValueError(
                f"timestamp {shown(text)} is in another time zone than the first row's"
                f" (UTC{_signed(self.offset)}); expected one zone in the whole file, best UTC"
            )
        if len(self) >= _TIMES_KEPT:
            self.clear()
        self[text] = seconds
        return seconds


class _Elapsed(dict[str, int]):
    """Seconds since 1970 of times told as seconds from `start`."""

    def __init__(self, start: datetime) -> None:
        super().__init__()
        self.start_s = (start - _EPOCH) // _SECOND

    def __missing__(self, text: str) -> int:
        value = _number(text.strip())
        if value is None or not 0 <= value <= _LONGEST_S or value != int(value):
            raise ValueError(f"t_s is {shown(text)}; expected whole seconds from the start, 0 or more")
        if len(self) >= _TIMES_KEPT:
            self.clear()
        self[text] = self.start_s + int(value)
        return self[text]


@dataclass(slots=True)
class _Codes(dict[tuple[str, str, str, str], int]):
    """Number of the series of each (scenario, model, quantile, probability) as written."""

    models: Sequence[str] | None
    has_scenario: bool
    series: dict[Series, int] = field(default_factory=dict)
    probability: dict[str, float] = field(default_factory=dict)

    def __missing__(self, written: tuple[str, str, str, str]) -> int:
        scenario, model, quantile, probability = (value.strip() for value in written)
        series = Series(scenario=scenario, model=model, quantile=_quantile(quantile))
        if model and self.models is not None and model not in self.models:
            raise ValueError(f"unknown model {shown(model)}; expected {' or '.join(map(repr, self.models))}")
        if self.has_scenario and (scenario or probability):  # neither: a mean row, or a quantile's, beside scenarios
            value = _probability(probability)
            known = self.probability.setdefault(scenario, value)
            if value != known:
                raise ValueError(
                    f"scenario {shown(scenario)} has probability {value:g} here and {known:g} before;"
                    " expected one probability per scenario"
                )
        code = self.series.setdefault(series, len(self.series))
        self[written] = code
        return code


class _Parser:
    """Collects the chunks of a file as arrays."""

    def __init__(
        self,
        header: Header,
        source: str,
        models: Sequence[str] | None,
        times: dict[str, int],
        *,
        of_the_past: bool,
    ) -> None:
        self.of_the_past = of_the_past
        self.header = header
        self.source = source
        self.times = times
        self.codes = _Codes(models, "scenario" in header.position)
        self.parts: list[tuple[NDArray[np.generic], ...]] = []

    def add(self, chunk: list[list[str]], first: int) -> None:
        """Read one chunk whose first line has the number `first`."""
        numbers: Sequence[int] = range(first, first + len(chunk))
        at = self.header.position["timestamp"]
        if set(map(len, chunk)) != {self.header.width} or any(not row[at] for row in chunk):
            kept = [(row, number) for row, number in zip(chunk, numbers, strict=True) if any(map(str.strip, row))]
            if not kept:
                return
            chunk, numbers = [row for row, _ in kept], [number for _, number in kept]
        try:
            self.parts.append(self._columns(chunk, numbers))
        except (ValueError, OverflowError):
            for row, number in zip(chunk, numbers, strict=True):
                try:
                    self._columns([row], [number])
                except (ValueError, OverflowError):
                    raise InputError(f"{self.source}, row {number}: {self._complaint(row)}") from None
            raise

    def _columns(self, chunk: list[list[str]], numbers: Sequence[int]) -> tuple[NDArray[np.generic], ...]:
        count = len(chunk)
        columns: list[Sequence[str]] = list(zip(*chunk, strict=True))
        if len(columns) != self.header.width:
            raise ValueError("wrong number of columns")
        at = self.header.position
        time_s = np.fromiter(map(self.times.__getitem__, columns[at["timestamp"]]), np.int64, count)
        is_measured = np.ones(count, dtype=np.bool_)
        rates = [columns[at["input_tokens_per_s"]], columns[at["output_tokens_per_s"]]]
        if "gap" in at:
            is_measured = np.fromiter(map(_is_measured, columns[at["gap"]]), np.bool_, count)
        if self.of_the_past:
            is_measured &= np.array([not (_is_void(i) or _is_void(o)) for i, o in zip(*rates, strict=True)])
        if not is_measured.all():
            rates = [[text if ok else "0" for text, ok in zip(r, is_measured, strict=True)] for r in rates]
        keys = [columns[at[name]] if name in at else None for name in ("scenario", "model", "quantile", "probability")]
        if any(key is not None for key in keys):
            written = zip(*(repeat("", count) if key is None else key for key in keys), strict=True)
            code = np.fromiter(map(self.codes.__getitem__, written), np.int32, count)
        else:
            code = np.full(count, self.codes["", "", "", ""], dtype=np.int32)
        return code, time_s, _rates(rates[0]), _rates(rates[1]), is_measured, np.array(numbers, dtype=np.int64)

    def _complaint(self, row: list[str]) -> str:
        """What is wrong with a row that could not be read."""
        if len(row) != self.header.width:
            return f"{len(row)} columns; expected {self.header.width} as in the header"
        at = self.header.position
        try:
            self.times[row[at["timestamp"]]]
            is_measured = _is_measured(row[at["gap"]]) if "gap" in at else True
            if self.of_the_past:
                is_measured &= not any(map(_is_void, (row[at[name]] for name in REQUIRED[1:])))
            for name in ("input_tokens_per_s", "output_tokens_per_s"):
                if is_measured:
                    _check_rate(name, row[at[name]])
            names = ("scenario", "model", "quantile", "probability")
            scenario, model, quantile, probability = (row[at[name]] if name in at else "" for name in names)
            self.codes[scenario, model, quantile, probability]
        except (ValueError, OverflowError) as error:
            return str(error)
        raise AssertionError(f"row {row} was refused and then accepted")

    def rows(self) -> Rows:
        """All that was added, as one table."""
        code, time_s, input_tok_s, output_tok_s, is_measured, row = map(np.concatenate, zip(*self.parts, strict=True))
        return Rows(
            header=self.header,
            series=tuple(self.codes.series),
            probability=self.codes.probability,
            code=code,
            time_s=time_s,
            input_tok_s=input_tok_s,
            output_tok_s=output_tok_s,
            is_measured=is_measured,
            row=row,
        )


def _rates(texts: Sequence[str]) -> NDArray[np.float64]:
    """Rates as numbers; ValueError if any is not a finite number from 0 to MAX_TOK_S."""
    if "_" in "".join(texts):  # Python reads 1_000 as a number; a CSV does not mean it
        raise ValueError("underscore in a number")
    values = np.fromiter(map(float, texts), np.float64, len(texts))
    if not ((values >= 0) & (values <= MAX_TOK_S)).all():
        raise ValueError("rate out of range")
    return values


def _check_rate(name: str, text: str) -> None:
    expected = "expected a number of tokens per second, 0 or more"
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {shown(text)}; {expected}" if text.strip() else f"no {name}; {expected}") from None
    if value > MAX_TOK_S and value != float("inf"):
        raise ValueError(f"{name} is {shown(text)}; expected at most {MAX_TOK_S:g} tokens per second")
    if "_" in text or not 0 <= value <= MAX_TOK_S:
        raise ValueError(f"{name} is {shown(text)}; {expected}")


def _is_measured(text: str) -> bool:
    mark = text.strip()
    if mark not in ("", "0", "1"):
        raise ValueError(f"gap is {shown(text)}; expected 0, or 1 for a row without measurement")
    return mark != "1"


def _is_void(text: str) -> bool:
    """Whether a rate says that nothing is known."""
    return text.strip().lower() in ("", "nan")


def _quantile(text: str) -> float | None:
    if not text:
        return None
    value = _number(text)
    if value is None or not 0 < value < 1:
        raise ValueError(f"quantile is {shown(text)}; expected a number between 0 and 1, or nothing for the mean")
    return value


def _probability(text: str) -> float:
    value = _number(text)
    if value is None or not 0 < value <= 1:
        raise ValueError(f"probability is {shown(text)}; expected a number above 0, at most 1")
    return value


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _signed(offset: timedelta) -> str:
    minutes = offset // timedelta(minutes=1)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
