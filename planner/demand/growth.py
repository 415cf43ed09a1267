"""Assumptions: growth and dated changes that a person knows of and the past does not, layered on a forecast. Pure.

    demand(m, h) = forecast(m, h) x growth(m, h) x change(m, h)
    growth = (1 + rate)^(periods since the history's end)      change = 1 + added share, from its day on

A change told in tok/s is the mean over the forecast's hours of input and output together; it keeps the hours and the
mix of what it is added to, so it is a share of that model's mean. Bands and paths are multiplied like the mean: what
is assumed is assumed to be certain, what is not known of the rest stays.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, TypeGuard
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from planner.demand.fan import Fan
from planner.demand.forecast import Forecast
from planner.demand.header import near, shown
from planner.errors import InputError

PERIOD_H: Mapping[str, float] = {"day": 24.0, "week": 168.0, "month": 730.5, "year": 8766.0}
"""Hours of a period of growth; a month is the twelfth of a year of 365.25 days."""
GROWTH_EXPECTED = "expected such as 5%/month, or MODEL=5%/month"
CHANGE_EXPECTED = "expected such as 2026-12-10=+300tok/s, 2026-12-10=-20% or MODEL@2026-12-10=*1.5"

_GROWTH = re.compile(r"(?:(?P<model>.+)=)?(?P<percent>[+-]?\d+(?:\.\d+)?)\s*%\s*/\s*(?P<per>day|week|month|year)")
_CHANGE = re.compile(
    r"(?:(?P<model>.+)@)?(?P<start>\d{4}-\d\d-\d\d)(?:/(?P<end>\d{4}-\d\d-\d\d))?="
    r"(?P<sign>[+*-])(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>%|tok/s)?"
)
_MOST_PERCENT = 1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Demand grows by a ratio per period, from the history's end on."""

    ratio: float
    """0.05: by 5 %; above -1."""
    per: str
    """A key of PERIOD_H."""
    model: str | None = None
    """None: every model."""

    @property
    def words(self) -> str:
        """As a person would say it."""
        return f"{_of(self.model)}{self.ratio * 100:+g} % per {self.per}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedChange:
    """A launch, a lost customer, a campaign: more or less from a local day on."""

    start: date
    end: date | None = None
    """Its last day; None: it stays."""
    ratio: float | None = None
    """-0.2: by a fifth less."""
    tok_s: float | None = None
    """Added mean tok/s, input and output together; one of the two."""
    model: str | None = None
    """None: every model, each by the same share."""
    name: str = ""

    @property
    def words(self) -> str:
        """As a person would say it."""
        when = f"from {self.start}" if self.end is None else f"{self.start} to {self.end}"
        amount = f"{self.tok_s:+,.6g} tok/s" if self.tok_s is not None else f"{(self.ratio or 0) * 100:+g} %"
        return f"{self.name + ': ' if self.name else ''}{_of(self.model)}{amount} {when}"


Assumption = Growth | DatedChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an assumption did to the forecast."""

    assumption: Assumption
    before_tok_s: float
    """Mean over the forecast's hours of its models, input and output, with the assumptions before it."""
    after_tok_s: float
    note: str = ""
    """Why it did nothing, where it did."""


def parse_growth(text: str, option: str = "--growth") -> Growth:
    """Growth as written on a command line. Raises InputError."""
    found = _GROWTH.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{option} {shown(text)}: {GROWTH_EXPECTED}")
    return _growth(float(found["percent"]), found["per"], found["model"], f"{option} {shown(text)}")


def parse_change(text: str, option: str = "--change") -> DatedChange:
    """A dated change as written on a command line. Raises InputError."""
    found = _CHANGE.fullmatch(text.strip())
    where = f"{option} {shown(text)}"
    if found is None:
        raise InputError(f"{where}: {CHANGE_EXPECTED}")
    amount, sign, unit = float(found["amount"]), found["sign"], found["unit"]
    if (sign == "*") == (unit is not None):
        raise InputError(f"{where}: {CHANGE_EXPECTED}")
    signed = -amount if sign == "-" else amount
    ratio = amount - 1 if sign == "*" else signed / 100 if unit == "%" else None
    return _change(
        start=_date(found["start"], where),
        end=None if found["end"] is None else _date(found["end"], where),
        ratio=ratio,
        tok_s=None if ratio is not None else signed,
        model=found["model"],
        name="",
        where=where,
    )


def read_assumptions(text: str, *, source: str) -> tuple[Assumption, ...]:
    """The `[[growth]]` and `[[change]]` tables of a TOML text, growth first. Raises InputError."""
    try:
        document = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: not readable as TOML ({' '.join(str(error).split())})") from None
    _check_keys(document, ("growth", "change"), source)
    found: list[Assumption] = []
    readers: tuple[tuple[str, Callable[[dict[str, Any], str], Assumption]], ...] = (
        ("growth", _growth_table),
        ("change", _change_table),
    )
    for key, read in readers:
        tables = document.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            raise InputError(f"{source}: {key} is no list of tables; expected [[{key}]]")
        found += [read(one, f"{source}, [[{key}]] number {number}") for number, one in enumerate(tables, start=1)]
    if not found:
        raise InputError(f"{source}: holds no assumption; expected [[growth]] or [[change]]")
    return tuple(found)


def assumed(
    fan: Fan, assumptions: Iterable[Assumption], *, zone: str, known_until: datetime
) -> tuple[Fan, list[Effect]]:
    """The fan under the assumptions, and what each did; days are those of `zone`.

    `known_until`: the end of the history; growth counts from there, and a change that began before is in the history.
    Raises InputError where one names a model the forecast does not have, or takes away more than there is.
    """
    effects = []
    for one in assumptions:
        rows = _rows(one, fan.mean.models)
        factor, note = _factor(one, fan.mean, rows, zone=zone, known_until=known_until)
        before = _mean(fan.mean, rows)
        fan = _times(fan, rows, factor)
        effects.append(Effect(assumption=one, before_tok_s=before, after_tok_s=_mean(fan.mean, rows), note=note))
    return fan, effects


def _factor(
    one: Assumption, mean: Forecast, rows: Sequence[int], *, zone: str, known_until: datetime
) -> tuple[NDArray[np.float64], str]:
    """(hours,) what demand is multiplied by, and why it does nothing."""
    if isinstance(one, Growth):
        since_h = (mean.start - known_until) / timedelta(hours=1) + np.arange(mean.hours)
        return np.exp(np.log1p(one.ratio) * since_h / PERIOD_H[one.per]), ""
    place = ZoneInfo(zone)
    start = datetime.combine(one.start, time(), place)
    end = mean.end if one.end is None else datetime.combine(one.end + timedelta(days=1), time(), place)
    nothing = np.ones(mean.hours)
    if start < known_until:
        return nothing, "begins before the history ends, which holds it already"
    if start >= mean.end:
        return nothing, "begins after the forecast ends"
    if end <= mean.start:
        return nothing, "ends before the forecast begins"
    ratio = one.ratio
    if ratio is None:
        assert one.tok_s is not None
        whole = _mean(mean, rows)
        if whole + one.tok_s < 0:
            raise InputError(f"change {one.words}: takes away more than the {whole:,.6g} tok/s that are forecast")
        if whole == 0:
            raise InputError(
                f"change {one.words}: nothing is forecast, so that nothing says by which hours it is spread"
            )
        ratio = one.tok_s / whole
    index = np.arange(mean.hours)
    hour = timedelta(hours=1)
    inside = (index >= (start - mean.start) / hour) & (index < (end - mean.start) / hour)
    return np.where(inside, 1 + ratio, 1.0), ""


def _times(fan: Fan, rows: Sequence[int], factor: NDArray[np.float64]) -> Fan:
    scale = np.ones((len(fan.mean.models), fan.mean.hours))
    scale[list(rows)] = factor
    return replace(
        fan,
        mean=_scaled(fan.mean, scale),
        input_tok_s=fan.input_tok_s * scale,
        output_tok_s=fan.output_tok_s * scale,
        paths=None if fan.paths is None else _scaled(fan.paths, scale),
    )


def _scaled(forecast: Forecast, scale: NDArray[np.float64]) -> Forecast:
    return replace(forecast, input_tok_s=forecast.input_tok_s * scale, output_tok_s=forecast.output_tok_s * scale)


def _mean(mean: Forecast, rows: Sequence[int]) -> float:
    both = mean.input_tok_s[0, list(rows)] + mean.output_tok_s[0, list(rows)]
    return float(both.sum(axis=0).mean())


def _rows(one: Assumption, models: Sequence[str]) -> list[int]:
    if one.model is None:
        return list(range(len(models)))
    if one.model not in models:
        meant = near(one.model, models)
        named = " or ".join(map(repr, models)) if any(models) else "none: the history names no model"
        raise InputError(
            f"assumption {one.words}: unknown model {shown(one.model)}; "
            + (f"did you mean {meant!r}?" if meant else f"expected {named}")
        )
    return [list(models).index(one.model)]


def _growth_table(table: dict[str, Any], where: str) -> Growth:
    _check_keys(table, ("percent", "per", "model"), where)
    percent = table.get("percent")
    if not _is_number(percent):
        raise InputError(f"{where}: percent is {_said(percent)}; expected a number such as 5")
    per = table.get("per", "month")
    if per not in PERIOD_H:
        raise InputError(f"{where}: per is {_said(per)}; expected {', '.join(PERIOD_H)}")
    return _growth(float(percent), per, _name(table, "model", where), where)


def _change_table(table: dict[str, Any], where: str) -> DatedChange:
    _check_keys(table, ("date", "end", "percent", "tok_s", "model", "name"), where)
    if ("percent" in table) == ("tok_s" in table):
        raise InputError(f"{where}: expected one of percent and tok_s")
    for key in ("percent", "tok_s"):
        if key in table and not _is_number(table[key]):
            raise InputError(f"{where}: {key} is {_said(table[key])}; expected a number")
    return _change(
        start=_date(table.get("date"), where),
        end=_date(table["end"], where) if "end" in table else None,
        ratio=float(table["percent"]) / 100 if "percent" in table else None,
        tok_s=float(table["tok_s"]) if "tok_s" in table else None,
        model=_name(table, "model", where),
        name=_name(table, "name", where) or "",
        where=where,
    )


def _growth(percent: float, per: str, model: str | None, where: str) -> Growth:
    if not -100 < percent <= _MOST_PERCENT:
        raise InputError(f"{where}: {percent:g} %; expected above -100 and at most {_MOST_PERCENT:g}")
    return Growth(ratio=percent / 100, per=per, model=model)


def _change(
    *, start: date, end: date | None, ratio: float | None, tok_s: float | None, model: str | None, name: str, where: str
) -> DatedChange:
    if end is not None and end < start:
        raise InputError(f"{where}: the end {end} is before {start}; expected its last day")
    if ratio is not None and not -1 <= ratio <= _MOST_PERCENT / 100:
        raise InputError(f"{where}: {ratio * 100:g} %; expected -100 to {_MOST_PERCENT:g}")
    return DatedChange(start=start, end=end, ratio=ratio, tok_s=tok_s, model=model, name=name)


def _date(value: object, where: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise InputError(f"{where}: date is {_said(value)}; expected a day such as 2026-12-10")


def _name(table: Mapping[str, Any], key: str, where: str) -> str | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise InputError(f"{where}: {key} is {_said(value)}; expected a name")
    return value


def _check_keys(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            meant = near(key, known)
            hint = f"did you mean {meant!r}?" if meant else f"expected {', '.join(known)}"
            raise InputError(f"{where}: unknown key {shown(key)}; {hint}")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _said(value: object) -> str:
    return "missing" if value is None else shown(str(value))


def _of(model: str | None) -> str:
    return "" if model is None else f"{model} "
