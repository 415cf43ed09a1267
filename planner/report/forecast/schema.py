"""The JSON Schema of `baseload.forecast/1`, for readers of `forecast --json`. Pure.

The published copy is docs/schemas/forecast.schema.json.
"""

import json
from typing import Any

from planner.demand.cleaning import Kind
from planner.demand.growth import PERIOD_H
from planner.report.forecast.document import SCHEMA

Json = dict[str, Any]

TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
NUMBER: Json = {"type": "number", "minimum": 0}
RATIO: Json = {"type": "number", "minimum": 0, "maximum": 1}
TIME: Json = {"type": "string", "format": "date-time", "pattern": "Z$"}
DATE: Json = {"type": "string", "format": "date"}
LEVEL = r"^0\.\d+$"
"""Name of a quantile or a band, such as 0.95."""

SCORES: Json = {
    "target": {"enum": ["input", "output"], "description": "Tokens the back-test is scored on."},
    "horizon_hours": COUNT,
    "origins": {**COUNT, "description": "Moments of the history it was forecast from."},
    "mase_vs_seasonal_naive": {
        "type": ["number", "null"],
        "description": "Mean absolute error over that of the better seasonal-naive; null: that made none.",
    },
    "pinball": {**NUMBER, "description": "Mean pinball loss over the levels 0.05 to 0.95, over mean demand."},
    "coverage": {
        "type": "object",
        "description": "Share of hours within the band of that level.",
        "properties": dict.fromkeys(("0.5", "0.8", "0.9", "0.95"), RATIO),
        "required": ["0.5", "0.8", "0.9", "0.95"],
        "additionalProperties": False,
    },
    "mean_width_ratio": {**NUMBER, "description": "Mean width of the 90 % band over mean demand."},
    "interval_score": {**NUMBER, "description": "Of the 90 % band, over mean demand."},
    "interval_score_vs_seasonal_naive": {"type": ["number", "null"]},
    "peak_error_ratio": {**NUMBER, "description": "Mean error of the highest hour over that hour."},
}


def forecast_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `forecast --json` prints."""
    optional = {**SCORES, "runs": _list(_record({"origin": TIME, "method": TEXT}))}
    required = {
        "schema": {"const": SCHEMA},
        "history": _record(
            {
                "source": TEXT,
                "start": TIME,
                "end": TIME,
                "hours": COUNT,
                "measured_ratio": {"type": "object", "additionalProperties": RATIO, "description": "By model."},
            }
        ),
        "horizon": _record({"start": TIME, "end": TIME, "hours": COUNT}),
        "time_zone": {**TEXT, "description": "IANA name of the zone of days and weeks."},
        "method": {**TEXT, "description": "The one chosen."},
        "methods": {
            **_list(
                _record({"name": TEXT, "mase": _null(NUMBER), "pinball": _null(NUMBER), "coverage_90": _null(RATIO)})
            ),
            "description": "Errors over rolling origins of the history, the best first.",
        },
        "seed": {"type": "integer"},
        "cleaning": {**_list(_finding()), "description": "Faults of the history, and what was done about them."},
        "events": _list(_record({"date": DATE, "name": TEXT})),
        "assumptions": _list({"anyOf": [_growth(), _change()]}),
        "models": {
            "type": "object",
            "additionalProperties": _record({"input_tok_s": _peak(), "output_tok_s": _peak()}),
        },
        "quantiles": _list({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
        "hours_detail": _list(
            _record(
                {
                    "hour": TIME,
                    "models": {
                        "type": "object",
                        "additionalProperties": _record({"input_tok_s": _spread(), "output_tok_s": _spread()}),
                    },
                }
            )
        ),
        "remarks": _list(TEXT),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "A forecast of demand, mean tok/s of each hour. Scores of a back-test only with --backtest.",
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "dependentRequired": {"target": list(optional)},
        "additionalProperties": False,
    }


def forecast_schema_text() -> str:
    """The schema as text."""
    return json.dumps(forecast_schema(), indent=2, ensure_ascii=False) + "\n"


def _finding() -> Json:
    return _record(
        {
            "kind": {"enum": [one.value for one in Kind]},
            "model": {**_null(TEXT), "description": "null: all of them."},
            "start": TIME,
            "end": TIME,
            "hours": {**COUNT, "description": "Not used or, of a shift, rescaled."},
            "ratio": {**_null(NUMBER), "description": "Measured over usual; of a shift, new level over old."},
            "is_kept": {"type": "boolean", "description": "Said only; used as measured."},
            "words": TEXT,
        }
    )


def _growth() -> Json:
    said = {
        "kind": {"const": "growth"},
        "model": _null(TEXT),
        "ratio": {"type": "number"},
        "per": {"enum": [*PERIOD_H]},
    }
    return _record({**said, **_effect()})


def _change() -> Json:
    said = {
        "kind": {"const": "change"},
        "name": TEXT,
        "model": _null(TEXT),
        "start": DATE,
        "end": _null(DATE),
        "ratio": _null({"type": "number"}),
        "tok_s": _null({"type": "number"}),
    }
    return _record({**said, **_effect()})


def _effect() -> Json:
    return {"before_tok_s": NUMBER, "after_tok_s": NUMBER, "is_applied": {"type": "boolean"}, "note": TEXT}


def _peak() -> Json:
    levels: Json = {"type": "object", "patternProperties": {LEVEL: NUMBER}, "additionalProperties": False}
    return _record({"mean": NUMBER, "highest_hour": {**levels, "description": "Quantiles over paths."}})


def _spread() -> Json:
    return {
        "type": "object",
        "properties": {"mean": NUMBER},
        "patternProperties": {LEVEL: NUMBER},
        "required": ["mean"],
        "additionalProperties": False,
    }


def _record(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Json) -> Json:
    return {"type": "array", "items": items}


def _null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}
