"""Events: the holidays and special days of a calendar that a person gives, CSV or TOML. Text in; pure.

CSV has the columns `date,name` and, where an event lasts, `end` (its last day); TOML has `[[event]]` tables of the same
keys. Days are local days of the forecast's time zone. A day is called by one name: days of one name are taken to be
alike, so that last year's Christmas says something of this year's.
"""

import csv
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from planner.demand.header import near, shown
from planner.errors import InputError

KEYS = ("date", "end", "name")
LONGEST_DAYS = 366

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Days that are not like others of their weekday."""

    days: Mapping[date, str]
    """The name of each; local days."""
    source: str = ""
    remarks: tuple[str, ...] = ()


NO_EVENTS = Calendar(days=MappingProxyType({}))


def read_events(text: str, *, source: str) -> Calendar:
    """The calendar of a text, TOML where the source's name ends so, else CSV. Raises InputError."""
    text = text.removeprefix("\ufeff")
    if text.lstrip().upper().startswith("BEGIN:VCALENDAR"):
        raise InputError(f"{source}: is an iCalendar file; expected CSV with date,name[,end], or TOML with [[event]]")
    entries = _toml_entries(text, source) if source.lower().endswith(".toml") else _csv_entries(text, source)
    named = [
        (day, name)
        for name, first, last in (_event(entry, where) for where, entry in entries)
        for day in _days(first, last)
    ]
    if not named:
        raise InputError(f"{source}: holds no event; expected date and name of at least one")
    days = dict(reversed(named))  # so that the first name of a day is the one that stays
    remarks = tuple(
        f"{source}: {day} is {days[day]!r} and {name!r}; the first counts" for day, name in named if name != days[day]
    )
    return Calendar(days=MappingProxyType(dict(sorted(days.items()))), source=source, remarks=remarks)


def _csv_entries(text: str, source: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    reader = csv.reader(text.splitlines(), skipinitialspace=True, strict=True)
    columns: list[str] | None = None
    try:
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            where = f"{source}, row {reader.line_num}"
            if columns is None:
                columns = [cell.strip() for cell in row]
                _check_keys(columns, where, "column")
                continue
            if len(row) != len(columns):
                raise InputError(f"{where}: {len(row)} columns; expected {len(columns)} as in the header")
            yield where, {key: cell.strip() for key, cell in zip(columns, row, strict=True) if cell.strip()}
    except csv.Error as error:
        raise InputError(f"{source}, row {reader.line_num}: not readable as CSV ({error})") from None


def _toml_entries(text: str, source: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None
    for key in document:
        if key != "event":
            raise InputError(f"{source}: unknown key {shown(key)}; expected [[event]] tables")
    events = document.get("event", [])
    if not isinstance(events, list) or not all(isinstance(one, dict) for one in events):
        raise InputError(f"{source}: event is no list of tables; expected [[event]]")
    for number, event in enumerate(events, start=1):
        where = f"{source}, [[event]] number {number}"
        _check_keys(event, where, "key")
        yield where, event


def _check_keys(keys: Iterable[str], where: str, word: str) -> None:
    for key in keys:
        if key not in KEYS:
            meant = near(key, KEYS)
            hint = f"did you mean {meant!r}?" if meant else f"expected {', '.join(KEYS)}"
            raise InputError(f"{where}: unknown {word} {shown(key)}; {hint}")
    for key in ("date", "name"):
        if word == "column" and key not in keys:
            raise InputError(f"{where}: column {key!r} is missing; expected date,name and, if wanted, end")


def _event(entry: Mapping[str, object], where: str) -> tuple[str, date, date]:
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{where}: no name; expected what the day is called")
    first = _day(entry.get("date"), "date", where)
    last = first if entry.get("end") is None else _day(entry["end"], "end", where)
    if last < first:
        raise InputError(f"{where}: end {last} is before date {first}; expected the last day of the event")
    if last - first >= LONGEST_DAYS * _DAY:
        raise InputError(f"{where}: lasts {(last - first).days + 1} days; expected at most {LONGEST_DAYS}")
    return name.strip(), first, last


def _day(value: object, key: str, where: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            return date.fromisoformat(value.strip())
    except ValueError:
        pass
    said = "no " + key if value is None else f"{key} is {shown(str(value))}"
    raise InputError(f"{where}: {said}; expected a day such as 2026-12-25")


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + number * _DAY


def merged(calendars: Sequence[Calendar]) -> Calendar:
    """All calendars as one; a day that two of them name is called as the first calls it."""
    days: dict[date, str] = {}
    remarks = [remark for one in calendars for remark in one.remarks]
    for one in calendars:
        remarks += [
            f"{one.source}: {day} is {name!r}, and {days[day]!r} before; the first counts"
            for day, name in one.days.items()
            if days.get(day, name) != name
        ]
        days = {**one.days, **days}
    return Calendar(
        days=MappingProxyType(dict(sorted(days.items()))),
        source=", ".join(one.source for one in calendars),
        remarks=tuple(remarks),
    )
