"""A what-if as the JSON document `baseload.whatif/1`, and its schema. Pure: the values written out, nothing rounded.

`python -m planner.report.whatif_json` prints the schema; the published copy is docs/schemas/whatif.schema.json.
Money is a decimal string in USD, floats are unrounded numbers, unknown is null.
"""

import json
import sys
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from planner.plan import CostLines, Plan
from planner.report.whatif_why import why
from planner.whatif import Change, Comparison, Figures, Outcome
from planner.whatif.causes import Cause, Kind

SCHEMA = "baseload.whatif/1"
COST_LINES = tuple(one.name for one in fields(CostLines))

Json = dict[str, Any]


def whatif_document(comparison: Comparison) -> Json:
    """The comparison as the JSON document `baseload.whatif/1`."""
    plan = comparison.plan
    return {
        "schema": SCHEMA,
        "horizon": horizon_document(plan),
        "currency": "USD",
        "price_basis": plan.price_basis,
        "before": {
            "forecast": plan.provenance.forecast,
            "policy": plan.provenance.policy,
            **figures_document(comparison.before),
            "remarks": list(plan.remarks),
        },
        "after": [_outcome(comparison.before, outcome) for outcome in comparison.after],
    }


def _outcome(before: Figures, outcome: Outcome) -> Json:
    after = outcome.figures
    return {
        "name": outcome.name,
        "change": _change(outcome.change),
        **figures_document(after),
        "difference": {
            "bill_usd": _money(after.bill_usd - before.bill_usd),
            "total_usd": _money(after.total_usd - before.total_usd),
            "setup_due_usd": _money(after.setup_due_usd - before.setup_due_usd),
            "unserved_ratio": float(after.unserved_ratio - before.unserved_ratio),
        },
        "causes": [_cause(cause) for cause in outcome.causes],
        "why": why(before, outcome),
        "remarks": list(outcome.plan.remarks),
    }


def _change(change: Change) -> Json:
    return {
        "set": list(change.settings),
        "without": list(change.without),
        "only": list(change.only),
        "slo": list(change.slo),
        "policy": change.policy,
        "measured_only": change.measured_only,
    }


def horizon_document(plan: Plan) -> Json:
    """The hours a plan is for."""
    return {
        "start": _time(plan.start),
        "end": _time(plan.end),
        "hours": int(plan.hours),
        "fee_basis": plan.fee_basis,
    }


def horizon_schema() -> Json:
    """The schema of `horizon_document`."""
    return _record(
        {
            "start": {"type": "string", "format": "date-time"},
            "end": {"type": "string", "format": "date-time"},
            "hours": {"type": "integer", "minimum": 1},
            "fee_basis": {"enum": ["month", "prorated"]},
        }
    )


def figures_document(shown: Figures) -> Json:
    """The figures of one plan."""
    unit = shown.cost_usd_mtok
    return {
        "asked_mtok": float(shown.demand.mtok),
        "peak_tok_s": float(shown.demand.peak_tok_s),
        "bill_usd": _money(shown.bill_usd),
        "setup_due_usd": _money(shown.setup_due_usd),
        "total_usd": _money(shown.total_usd),
        "lower_bound_usd": _money(shown.lower_bound_usd),
        "gap_ratio": float(shown.gap_ratio),
        "search": "proven" if shown.is_proven else "limit",
        "cost": {name: _money(getattr(shown.cost, name)) for name in COST_LINES},
        "cost_usd_mtok": {
            "blended": _money_or_none(unit.blended),
            "input": _money_or_none(unit.input),
            "output": _money_or_none(unit.output),
        },
        "base": {offer: int(count) for offer, count in shown.base.items()},
        "burst_node_hours": {pool: float(hours) for pool, hours in shown.burst_node_hours.items()},
        "unserved_ratio": float(shown.unserved_ratio),
        "utilization": {"mean": float(shown.utilization.mean), "peak": float(shown.utilization.peak)},
    }


def _cause(cause: Cause) -> Json:
    return {
        "kind": str(cause.kind),
        "subject": cause.subject or None,
        "model": cause.model or None,
        "before": _value(cause.before),
        "after": _value(cause.after),
        "detail": cause.detail or None,
    }


def _value(value: float | Decimal | str | None) -> float | str | None:
    return _money(value) if isinstance(value, Decimal) else value


def _money(usd: Decimal) -> str:
    return f"{usd:f}"


def _money_or_none(usd: Decimal | None) -> str | None:
    return None if usd is None else _money(usd)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# The schema


def whatif_schema() -> Json:
    """The JSON Schema (draft 2020-12) of the document that `whatif --json` prints."""
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    after = {
        "name": {**text, "description": "Of the scenario; `after` for the one change of a command line."},
        "change": _record(
            {**dict.fromkeys(("set", "without", "only", "slo"), texts), "policy": {"type": ["string", "null"]}}
            | {"measured_only": {"type": "boolean"}}
        ),
        **figures_schema(),
        "difference": _record(
            {**dict.fromkeys(("bill_usd", "total_usd", "setup_due_usd"), _MONEY), "unserved_ratio": {"type": "number"}}
        ),
        "causes": {"type": "array", "items": _cause_schema()},
        "why": {**text, "description": "What the change does to the bill, and why, in one sentence; rounded."},
        "remarks": texts,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:whatif:1",
        "title": SCHEMA,
        "description": "Plans compared by `baseload whatif`. Money: USD net of VAT, decimal strings. Times: UTC.",
        **_record(
            {
                "schema": {"const": SCHEMA},
                "horizon": horizon_schema(),
                "currency": {"const": "USD"},
                "price_basis": text,
                "before": _record({"forecast": text, "policy": text, **figures_schema(), "remarks": texts}),
                "after": {"type": "array", "items": _record(after), "minItems": 1},
            }
        ),
        "$defs": {"money": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}},
    }


def schema_text() -> str:
    """The published file docs/schemas/whatif.schema.json."""
    return json.dumps(whatif_schema(), indent=2, ensure_ascii=False) + "\n"


_MONEY: Json = {"$ref": "#/$defs/money"}
_RATIO: Json = {"type": "number", "minimum": 0}


def figures_schema() -> Json:
    """The properties of `figures_document`; their money is `$defs` of the document's schema."""
    unit = {"anyOf": [_MONEY, {"type": "null"}]}
    return {
        "asked_mtok": {**_RATIO, "description": "Million tokens asked for, input and output; expected over scenarios."},
        "peak_tok_s": {**_RATIO, "description": "Tokens per second of the busiest hour, all models together."},
        **dict.fromkeys(("bill_usd", "setup_due_usd", "total_usd", "lower_bound_usd"), _MONEY),
        "gap_ratio": {"type": "number", "description": "(total - lower bound) / total."},
        "search": {"enum": ["proven", "limit"]},
        "cost": _record(dict.fromkeys(COST_LINES, _MONEY)),
        "cost_usd_mtok": _record(dict.fromkeys(("blended", "input", "output"), unit)),
        "base": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
        "burst_node_hours": {
            "type": "object",
            "additionalProperties": _RATIO,
            "description": "Expected node-hours of each pool while it serves, lead times apart.",
        },
        "unserved_ratio": _RATIO,
        "utilization": _record({"mean": _RATIO, "peak": _RATIO}),
    }


def _cause_schema() -> Json:
    value = {"type": ["number", "string", "null"]}
    return _record(
        {
            "kind": {"enum": [str(kind) for kind in Kind]},
            "subject": {"type": ["string", "null"], "description": "Offer, group, or key of the policy."},
            "model": {"type": ["string", "null"]},
            "before": value,
            "after": value,
            "detail": {"type": ["string", "null"]},
        }
    )


def _record(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


if __name__ == "__main__":
    sys.stdout.write(schema_text())
