"""The cases of consecutive months: one forecast cut to each, with growth and changes that begin in a month. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from planner.case import Case
from planner.demand.forecast import Forecast
from planner.demand.header import shown
from planner.demand.horizon import month_span, select_month
from planner.errors import InputError
from planner.whatif.change import Change, changed

MOST_MONTHS = 36
MOST_GROWTH = 10
"""Eleven times as much from one month to the next; above it a percent sign is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Something that changes at the start of a month and stays."""

    month: str
    setting: str
    """KEY=VALUE, see `planner.whatif.settings`."""


def read_later(written: str) -> Later:
    """A change written as 2027-03:price.hetzner=*1.1. Raises InputError."""
    month, colon, setting = (part.strip() for part in written.partition(":"))
    try:
        month_span(month)
    except InputError:
        colon = ""
    if not (colon and setting):
        raise InputError(f"--set-from {shown(written)}: expected MONTH:KEY=VALUE, such as 2027-03:price.hetzner=*1.1")
    return Later(month=month, setting=setting)


def read_growth(written: str) -> float:
    """Growth per month, written as 5% or 0.05; shrinking is below 0. Raises InputError."""
    found = re.fullmatch(r"([+-]?\d{1,4}(?:\.\d{1,6})?)(%?)", written.strip(), flags=re.ASCII)
    ratio = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if found is None or not -1 < ratio <= MOST_GROWTH:
        raise InputError(
            f"--growth {shown(written)}: expected a part per month above -100 % and at most {100 * MOST_GROWTH} %, "
            "such as 5% or 0.05"
        )
    return ratio


def months_from(first: str, count: int) -> tuple[str, ...]:
    """Consecutive calendar months, such as 2026-12, 2027-01. Raises InputError."""
    if not 1 <= count <= MOST_MONTHS:
        raise InputError(f"--months {count}: expected 1 to {MOST_MONTHS}")
    start, _ = month_span(first)
    number = start.year * 12 + start.month - 1
    return tuple(f"{(number + k) // 12:04d}-{(number + k) % 12 + 1:02d}" for k in range(count))


def first_whole_month(forecast: Forecast) -> str:
    """The first calendar month of which the forecast holds the first hour."""
    start = forecast.start
    if start.day == 1 and start.hour == 0:
        return f"{start:%Y-%m}"
    following = datetime(start.year + start.month // 12, start.month % 12 + 1, 1, tzinfo=start.tzinfo)
    return f"{following:%Y-%m}"


def month_cases(
    case: Case,
    months: Sequence[str],
    *,
    fill: Literal["weekly"] | None = None,
    growth_ratio: float = 0.0,
    change: Change | None = None,
    later: Sequence[Later] = (),
) -> tuple[Case, ...]:
    """The case of each month: `change` in all of them, demand grown from the second on, each `later` from its month on.

    Raises InputError.
    """
    for one in later:
        if one.month not in months:
            raise InputError(
                f"--set-from {one.month}:{one.setting}: not one of the months, {months[0]} to {months[-1]}"
            )
    whole = changed(case, change or Change())
    found, filled = [], []
    for number, month in enumerate(months):
        forecast = select_month(whole.forecast, month, fill)
        if forecast.remarks != whole.forecast.remarks:
            filled.append(month)
        cut = replace(forecast.scaled((1 + growth_ratio) ** number), remarks=whole.forecast.remarks)
        own = replace(whole, forecast=cut)
        then = tuple(one.setting for one in later if one.month <= month)
        found.append(replace(changed(own, Change(settings=then)), remarks=own.remarks))
    remarks = (*found[0].remarks, *_remarks(whole.forecast, filled, growth_ratio, later))
    return (replace(found[0], remarks=remarks), *(replace(one, remarks=()) for one in found[1:]))


def _remarks(forecast: Forecast, filled: Sequence[str], growth_ratio: float, later: Sequence[Later]) -> tuple[str, ...]:
    said = []
    if filled:
        span = filled[0] if len(filled) == 1 else f"{filled[0]} to {filled[-1]}"
        said.append(f"{forecast.source} ends {forecast.end:%Y-%m-%dT%H:%MZ}: its last week is repeated in {span}")
    if growth_ratio:
        said.append(f"demand grows by {growth_ratio:.2%} a month on top of the forecast")
    said += [f"from {one.month} on: {one.setting}" for one in later]
    return tuple(said)
