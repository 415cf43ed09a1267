"""The JSON Schema of `baseload.month/1`, the contract for readers of a month's report. Pure.

Made from the types of planner/month/value.py, as the document is made from its values: a new field is in both.
The published copy is docs/schemas/month.schema.json, written by report/schemas.py (`make schemas`).
"""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from inspect import getdoc
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from planner.month.value import MonthReport
from planner.plan import Plan
from planner.report.month_json import DERIVED, SCHEMA
from planner.report.plan_schema import plan_schema

Json = dict[str, Any]

_SIMPLE: dict[Any, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"]},
    bool: {"type": "boolean"},
    Decimal: {"$ref": "#/$defs/decimal"},
    datetime: {"type": "string", "format": "date-time", "pattern": "Z$"},
    date: {"type": "string", "format": "date"},
}


def month_schema() -> Json:
    """The JSON Schema (draft 2020-12) of the document that `report --format json` writes."""
    known: dict[str, Json] = {
        "decimal": {
            "type": "string",
            "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
            "description": "An exact number; USD where the key ends in _usd, of the invoice's currency in _invoice.",
        }
    }
    report = _record(MonthReport, known)
    plan = plan_schema()
    plan.pop("$schema")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:month:1",
        "title": SCHEMA,
        "description": "A month of `baseload report`. Money: USD net of VAT, decimal strings. Times: UTC.",
        **report,
        "properties": {"schema": {"const": SCHEMA}, "currency": {"const": "USD"}, **report["properties"]},
        "required": ["schema", "currency", *report["required"]],
        "$defs": {**known, "Plan": plan},
    }


def month_schema_text() -> str:
    """The published file docs/schemas/month.schema.json."""
    return json.dumps(month_schema(), indent=2, ensure_ascii=False) + "\n"


def _record(kind: type, known: dict[str, Json]) -> Json:
    """A closed object with a property for each field, and for what the record says of itself."""
    hints = get_type_hints(kind)
    names = [one.name for one in fields(kind)]
    properties = {name: _schema(hints[name], known) for name in names}
    for name in DERIVED.get(kind, ()):
        properties[name] = _schema(get_type_hints(getattr(kind, name).fget)["return"], known)
    return {
        "type": "object",
        "description": (getdoc(kind) or "").partition("\n")[0],
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _schema(hint: Any, known: dict[str, Json]) -> Json:
    """The schema of a type as `month_json.written` writes its values."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    if hint is Plan:
        return {"$ref": "#/$defs/Plan"}
    if origin in (Union, UnionType):
        some = [_schema(one, known) for one in inner if one is not NoneType]
        return {"anyOf": [*some, {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(inner[0], known)}
    if origin is np.ndarray:
        return {"type": "array", "items": {"type": ["number", "null"]}}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": _schema(inner[1], known)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [one.value for one in hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in known:
            known[hint.__name__] = {}  # its place, in the order it is met
            known[hint.__name__] = _record(hint, known)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    raise TypeError(f"no schema for {hint}")
