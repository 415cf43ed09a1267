"""A month's report as the JSON document `baseload.month/1`: its values written out whole; nothing is rounded. Pure.

Money and exact numbers are decimal strings, times UTC with a Z, unknown (NaN in a series) is null. Each part is a
record of planner/month/value.py, key for field; a plan is a document `baseload.plan/1`. The schema is
docs/schemas/month.schema.json, made by report/month_schema.py.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np

from planner.economics.charges import Charge
from planner.economics.spend import Spend
from planner.month.value import MonthReport, NextMonth, Regret
from planner.plan import Plan
from planner.report.plan_json import plan_document

SCHEMA = "baseload.month/1"

DERIVED: dict[type, tuple[str, ...]] = {
    MonthReport: ("is_over",),
    Regret: ("regret_usd",),
    NextMonth: ("saving_usd",),
    Charge: ("allocated_usd",),
    Spend: ("cost_usd", "tokens"),
}
"""What a record says of itself beside its fields."""

Json = dict[str, Any]


def month_document(report: MonthReport) -> Json:
    """The report as the JSON document `baseload.month/1`, made of dicts, lists, strings, numbers and None."""
    return {
        "schema": SCHEMA,
        "currency": "USD",
        **_record(report),
    }


def month_text(report: MonthReport) -> str:
    """The document as text: one line per key, and per entry of a list."""
    lines = [f"{_dump(key)}: {_block(value)}" for key, value in month_document(report).items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def written(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Plan):
        return plan_document(value)
    if is_dataclass(value):
        return _record(value)
    if isinstance(value, np.ndarray | tuple):
        return [written(one) for one in (value.tolist() if isinstance(value, np.ndarray) else value)]
    if isinstance(value, Mapping):
        return {str(key): written(one) for key, one in value.items()}
    return _scalar(value)


def _scalar(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case float():
            return None if math.isnan(value) else value
        case _:
            return value


def _record(value: Any) -> Json:
    names = [one.name for one in fields(value)] + list(DERIVED.get(type(value), ()))
    return {name: written(getattr(value, name)) for name in names}


def _block(value: object) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        return "[\n" + ",\n".join(f"  {_dump(item)}" for item in value) + "\n]"
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"  {_dump(key)}: {_dump(item)}" for key, item in value.items()) + "\n}"
    return _dump(value)


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
