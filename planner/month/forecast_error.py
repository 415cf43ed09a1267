"""How good the plan's forecast was: each model's forecast against what came, over the hours measured. Pure; numpy.

    bias = sum f / sum a - 1      error = sum |f - a| / sum a      MASE = mean |f - a| / mean |a(h - 168) - a|

The forecast is that of the file the plan was made for, as the plan read it: where the file lacks hours of the month its
last week is repeated. What a plan makes of it (`--quantile`, `--set demand=...`) is the planner's choice, no error of
the forecast.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.demand.forecast import Forecast
from planner.demand.horizon import select_month
from planner.demand.read import held_quantiles, read_forecast
from planner.errors import InputError
from planner.month.demand import WEEK_H, Asked
from planner.month.facts import HOUR, Floats, Reckoning
from planner.month.value import ForecastError, SeriesError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """The forecast of the month. Arrays are (models, hours)."""

    models: tuple[str, ...]
    mean: dict[str, Floats]
    """By direction; the expectation where the forecast has scenarios."""
    bands: dict[str, dict[str, tuple[Floats, Floats]]]
    """Direction -> level such as "0.9" -> low and high."""
    remarks: tuple[str, ...]


def forecast_error(month: Reckoning, came: Asked | None) -> tuple[ForecastError | None, tuple[str, ...]]:
    """The errors of the forecast recorded with the plan, or None and why there are none."""
    planned = month.facts.planned
    if planned is None or came is None:
        return None, ()
    if planned.forecast is None:
        return None, ("the plan was recorded without its forecast, so its error is unknown",)
    source = planned.forecast_source or "the forecast"
    try:
        expected = _expected(planned.forecast, source, month)
    except InputError as error:
        return None, (f"the error of the plan's forecast is unknown: {error}",)
    hours = came.forecast.hours
    index = np.arange(hours)
    plan = planned.plan
    known = month.hours.is_measured[:hours] & (index >= (plan.start - came.forecast.start) / HOUR)
    known &= index < (plan.end - came.forecast.start) / HOUR
    if not known.any():
        return None, ("no hour that was planned is over and measured, so the error of the forecast is unknown",)
    actual = {"input": came.forecast.input_tok_s[0], "output": came.forecast.output_tok_s[0]}
    series = tuple(
        _error(model, direction, expected, actual[direction][row], known)
        for row, model in enumerate(came.forecast.models)
        if model in expected.models
        for direction in ("input", "output")
    )
    unseen = [model for model in came.forecast.models if model not in expected.models]
    said = (f"{', '.join(unseen)}: came, and was not forecast",) if unseen else ()
    return ForecastError(source=source, hours=int(known.sum()), series=series, remarks=(*said, *expected.remarks)), ()


def _expected(text: str, source: str, month: Reckoning) -> _Expected:
    """What the file says of the month. Raises InputError."""
    names = [model.name for model in month.facts.fleet.models]
    quantiles = held_quantiles(text, source=source)

    def read(quantile: float | None) -> Forecast:
        found = read_forecast(text, source=source, models=names, quantile=quantile, unmeasured="interpolate")
        return select_month(found, month.facts.month, "weekly")

    mean = read(None)
    chance = np.array(mean.probability)
    levels = {one: read(one) for one in quantiles}
    pairs = {
        f"{round(high - low, 6):g}": (levels[low], levels[high])
        for low, high in zip(quantiles, reversed(quantiles), strict=True)
        if low < high and abs(low + high - 1) < 1e-6
    }
    return _Expected(
        models=mean.models,
        mean={
            "input": np.tensordot(chance, mean.input_tok_s, axes=1),
            "output": np.tensordot(chance, mean.output_tok_s, axes=1),
        },
        bands={
            "input": {level: (low.input_tok_s[0], high.input_tok_s[0]) for level, (low, high) in pairs.items()},
            "output": {level: (low.output_tok_s[0], high.output_tok_s[0]) for level, (low, high) in pairs.items()},
        },
        remarks=tuple(one for one in mean.remarks if one.endswith("is repeated")),
    )


def _error(model: str, direction: str, expected: _Expected, actual: Floats, known: NDArray[np.bool_]) -> SeriesError:
    row, hours = expected.models.index(model), len(actual)
    forecast = expected.mean[direction][row, :hours]
    miss = np.abs(forecast - actual)
    came, told = float(actual[known].sum()), float(forecast[known].sum())
    again = known.copy()
    again[:WEEK_H] = False
    again[WEEK_H:] &= known[:-WEEK_H] if hours > WEEK_H else False
    before = np.roll(actual, WEEK_H)
    naive = float(np.abs(before - actual)[again].sum())
    highest = float(actual[known].max())
    return SeriesError(
        model=model,
        direction=direction,
        forecast_tok_s=told / int(known.sum()),
        actual_tok_s=came / int(known.sum()),
        bias_ratio=told / came - 1 if came > 0 else None,
        error_ratio=float(miss[known].sum()) / came if came > 0 else None,
        mase_vs_seasonal_naive=float(miss[again].sum()) / naive if naive > 0 else None,
        coverage={
            level: float(((low[row, :hours] <= actual) & (actual <= high[row, :hours]))[known].mean())
            for level, (low, high) in expected.bands[direction].items()
        },
        peak_error_ratio=float(forecast[known].max()) / highest - 1 if highest > 0 else None,
    )
