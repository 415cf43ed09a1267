"""The hours and the models a plan is for: a forecast cut to a calendar month, or to a fleet's models. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from planner.demand.forecast import Forecast
from planner.demand.header import near, shown
from planner.errors import InputError

_WEEK_H = 168
_HOUR = timedelta(hours=1)


def for_models(forecast: Forecast, models: Sequence[str]) -> Forecast:
    """The forecast by the fleet's names, in the fleet's order; one without names serves the fleet's only model."""
    names, order, remarks = in_fleet_order(forecast.models, models, forecast.source)
    return replace(
        forecast,
        models=names,
        input_tok_s=forecast.input_tok_s[:, order],
        output_tok_s=forecast.output_tok_s[:, order],
        remarks=forecast.remarks + remarks,
    )


def in_fleet_order(
    held: Sequence[str], models: Sequence[str], source: str
) -> tuple[tuple[str, ...], list[int], tuple[str, ...]]:
    """The fleet's models that a file `held` demand of, where each stands in the file, and remarks."""
    if not models:
        raise InputError(f"{source}: the fleet has no model; expected a [[model]]")
    if tuple(held) == ("",):
        if len(models) != 1:
            raise InputError(
                f"{source}: no model column, and the fleet has {len(models)} models ({', '.join(models)});"
                " expected the column 'model'"
            )
        return (models[0],), [0], ()
    for name in held:
        if name not in models:
            meant = near(name, models)
            raise InputError(
                f"{source}: unknown model {shown(name)}; "
                + (f"did you mean {meant!r}?" if meant else f"expected {' or '.join(map(repr, models))}")
            )
    named = tuple(name for name in models if name in held)
    left = [name for name in models if name not in held]
    remarks = (f"{source}: no demand for {', '.join(left)}; not planned",) if left else ()
    return named, [list(held).index(name) for name in named], remarks


def month_span(month: str) -> tuple[datetime, datetime]:
    """First instant of a calendar month written as 2026-12, and of the one after, UTC."""
    if not re.fullmatch(r"(19|2\d)\d\d-(0[1-9]|1[0-2])", month, flags=re.ASCII):
        raise InputError(f"month is {shown(month)}; expected a year and a month such as 2026-12")
    year, number = int(month[:4]), int(month[5:])
    return datetime(year, number, 1, tzinfo=UTC), datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def select_month(forecast: Forecast, month: str, fill: Literal["weekly"] | None = None) -> Forecast:
    """The forecast for every hour of a calendar month; `fill` repeats the last whole week where hours are missing."""
    start, end = month_span(month)
    if fill not in (None, "weekly"):
        raise InputError(f"fill is {shown(str(fill))}; expected 'weekly'")
    first, hours = (start - forecast.start) // _HOUR, (end - start) // _HOUR
    index = np.arange(first, first + hours)
    is_known = (index >= 0) & (index < forecast.hours)
    missing = hours - int(is_known.sum())
    remarks = forecast.remarks
    if missing:
        covers = f"{forecast.source} covers {_named(forecast.start)} to {_named(forecast.end)}"
        if fill is None:
            raise InputError(
                f"{covers}: {hours - missing} of the {hours} hours of {month}; expected all of them, or --fill weekly"
            )
        if forecast.hours < _WEEK_H:
            raise InputError(f"{covers}: {forecast.hours} hours; --fill weekly repeats a week and needs {_WEEK_H}")
        if end <= forecast.start:
            raise InputError(f"{covers}; {month} is before that, and --fill weekly repeats a week that has been")
        # hours since the end, modulo a week, keep the weekday and the hour of the day
        index = np.where(is_known, index, forecast.hours - _WEEK_H + (index - forecast.hours) % _WEEK_H)
        held = (
            f"none of the {hours} hours of {month} is"
            if missing == hours
            else f"{missing} of the {hours} hours of {month} are not"
        )
        remarks += (
            f"{held} in {forecast.source}: its last week"
            f" ({_named(forecast.end - timedelta(hours=_WEEK_H))} to {_named(forecast.end)}) is repeated",
        )
    return replace(
        forecast,
        start=start,
        input_tok_s=forecast.input_tok_s[..., index],
        output_tok_s=forecast.output_tok_s[..., index],
        remarks=remarks,
    )


def _named(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"
