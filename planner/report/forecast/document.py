"""A forecast as the JSON document `baseload.forecast/1`: values written out whole, nothing rounded. Pure.

Times are UTC with a Z, rates tok/s, unknown is null. With a back-test its scores stand beside the forecast. The schema
is docs/schemas/forecast.schema.json, made by schema.py beside this.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.demand.backtest import Backtest
from planner.demand.cleaning import Finding
from planner.demand.fan import Fan
from planner.demand.forecasting import Forecasted
from planner.demand.growth import Effect, Growth

SCHEMA = "baseload.forecast/1"

Json = dict[str, Any]


def forecast_document(made: Forecasted) -> Json:
    """The forecast, made of dicts, lists, strings, numbers and None."""
    history, fan, wanted = made.history, made.fan, made.wanted
    return {
        "schema": SCHEMA,
        "history": {
            "source": history.source,
            "start": _time(history.start),
            "end": _time(history.end),
            "hours": history.hours,
            "measured_ratio": dict(zip(history.models, map(float, history.is_measured.mean(axis=1)), strict=True)),
        },
        "horizon": {"start": _time(fan.mean.start), "end": _time(fan.mean.end), "hours": fan.mean.hours},
        "time_zone": wanted.zone,
        "method": made.method,
        "methods": [
            {"name": one.name, "mase": one.mase, "pinball": one.pinball, "coverage_90": one.coverage}
            for one in made.errors
        ],
        **({} if made.backtest is None else _scores(made.backtest)),
        "seed": wanted.seed,
        "cleaning": [_finding(one) for one in made.findings],
        "events": [{"date": day.isoformat(), "name": name} for day, name in wanted.calendar.days.items()],
        "assumptions": [_effect(one) for one in made.effects],
        "models": {model: _model(made, row) for row, model in enumerate(fan.mean.models)},
        "quantiles": list(fan.quantiles),
        "hours_detail": [_hour(fan, index) for index in range(fan.mean.hours)],
        "remarks": list(made.remarks),
    }


def forecast_text(made: Forecasted) -> str:
    """The document as text: one line per key, and per hour."""
    lines = []
    for key, value in forecast_document(made).items():
        if key == "hours_detail":
            hours = ",\n".join(f"  {_dump(one)}" for one in value)
            lines.append(f"{_dump(key)}: [\n{hours}\n]")
        else:
            lines.append(f"{_dump(key)}: {_dump(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _scores(found: Backtest) -> Json:
    return {
        "target": found.target,
        "horizon_hours": found.horizon_hours,
        "origins": found.origins,
        "mase_vs_seasonal_naive": found.mase_vs_seasonal_naive,
        "pinball": found.pinball,
        "coverage": {f"{level:g}": share for level, share in found.coverage.items()},
        "mean_width_ratio": found.mean_width_ratio,
        "interval_score": found.interval_score,
        "interval_score_vs_seasonal_naive": found.interval_score_vs_seasonal_naive,
        "peak_error_ratio": found.peak_error_ratio,
        "runs": [{"origin": _time(one.origin), "method": one.method} for one in found.runs],
    }


def _finding(one: Finding) -> Json:
    return {
        "kind": one.kind.value,
        "model": one.model,
        "start": _time(one.start),
        "end": _time(one.end),
        "hours": one.hours,
        "ratio": one.ratio,
        "is_kept": one.is_kept,
        "words": one.words,
    }


def _effect(effect: Effect) -> Json:
    one = effect.assumption
    if isinstance(one, Growth):
        said: Json = {"kind": "growth", "model": one.model, "ratio": one.ratio, "per": one.per}
    else:
        said = {
            "kind": "change",
            "name": one.name,
            "model": one.model,
            "start": one.start.isoformat(),
            "end": None if one.end is None else one.end.isoformat(),
            "ratio": one.ratio,
            "tok_s": one.tok_s,
        }
    return {
        **said,
        "before_tok_s": effect.before_tok_s,
        "after_tok_s": effect.after_tok_s,
        "is_applied": not effect.note,
        "note": effect.note,
    }


def _model(made: Forecasted, row: int) -> Json:
    fan, peak = made.fan, made.peaks[row]
    found: Json = {}
    for word, mean, highest in (
        ("input_tok_s", fan.mean.input_tok_s, peak.input_tok_s),
        ("output_tok_s", fan.mean.output_tok_s, peak.output_tok_s),
    ):
        found[word] = {
            "mean": float(mean[0, row].mean()),
            "highest_hour": {f"{level:g}": value for level, value in highest.items()},
        }
    return found


def _hour(fan: Fan, index: int) -> Json:
    models = {
        model: {
            "input_tok_s": _spread(fan, fan.mean.input_tok_s, fan.input_tok_s, row, index),
            "output_tok_s": _spread(fan, fan.mean.output_tok_s, fan.output_tok_s, row, index),
        }
        for row, model in enumerate(fan.mean.models)
    }
    return {"hour": _time(fan.mean.hour(index)), "models": models}


def _spread(
    fan: Fan, mean: NDArray[np.float64], bands: NDArray[np.float64], row: int, index: int
) -> Mapping[str, float]:
    read = zip(fan.quantiles, bands[:, row, index].tolist(), strict=True)
    return {"mean": float(mean[0, row, index]), **{f"{level:g}": value for level, value in read}}


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
