"""The sections of `baseload price`, in the order they are shown, and the schema of the document they make.

A new section is one line here: its module. Sections that were not asked for are absent from the document.
"""

import json
from types import ModuleType

from planner.report.price import (
    break_even,
    card,
    claims,
    curve,
    market,
    patterns,
    per_token,
    quotes,
    scenarios,
    splits,
    tiers,
    true_cost,
    unit,
)
from planner.report.price.section import TEXT, Json, or_null, record, said

SCHEMA = "baseload.price/1"
SECTIONS: tuple[ModuleType, ...] = (
    card,
    scenarios,
    quotes,
    unit,
    splits,
    true_cost,
    curve,
    patterns,
    tiers,
    per_token,
    market,
    break_even,
    claims,
)


def section_keys() -> tuple[str, ...]:
    """Keys of all sections, in the order they are shown."""
    return tuple(module.KEY for module in SECTIONS)


def price_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `price --json` prints."""
    head: Json = {
        "schema": {"const": SCHEMA},
        "currency": {"const": "USD"},
        "price_basis": said(TEXT, "Currency, VAT, hours and dates of the prices behind every amount."),
        "basis": said({"enum": ["quote", "plan", "month", "none"]}, "none: traffic patterns alone."),
        "source": TEXT,
        "start": or_null({"type": "string", "format": "date-time"}),
        "end": or_null({"type": "string", "format": "date-time"}),
        "remarks": {"type": "array", "items": TEXT},
    }
    document = record(head)
    document["properties"] = {**head, **{module.KEY: module.SCHEMA for module in SECTIONS}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "What a million tokens costs and should cost. Money: USD net of VAT, decimal strings, "
        "unrounded. Ratios are 0-1. Unknown is null; a section that was not asked for is absent.",
        **document,
    }


def price_schema_text() -> str:
    """The published file docs/schemas/price.schema.json."""
    return json.dumps(price_schema(), indent=2, ensure_ascii=False) + "\n"
