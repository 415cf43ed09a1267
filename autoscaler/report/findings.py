"""Findings of a check as a table and as JSON. Renders values."""

import json
from collections.abc import Sequence
from typing import Any

from autoscaler.providers.check import Finding
from planner.report.narrow import wrapped
from planner.report.screen import Screen

FINDINGS_SCHEMA = "baseload.check/1"
Json = dict[str, Any]
_MARKS = {True: "ok", False: "WRONG", None: "look"}


def render_findings(findings: Sequence[Finding], *, screen: Screen | None = None) -> str:
    """A line per finding with its mark, and how many there are of each at the end."""
    screen = screen or Screen()
    longest = min(28, max((len(one.what) for one in findings), default=0))
    indent = 7 + longest
    lines = [
        piece
        for one in findings
        for piece in wrapped(f"{_MARKS[one.is_ok]:<5}  {one.what:<{longest}}  {one.detail}", screen, indent + 2)
    ]
    wrong = sum(one.is_ok is False for one in findings)
    unsure = sum(one.is_ok is None for one in findings)
    good = len(findings) - wrong - unsure
    verdict = ": a daemon would not start, or not do its work." if wrong else "."
    return "\n".join([*lines, "", f"{good} ok, {unsure} to look at, {wrong} wrong{verdict}", ""])


def findings_text(findings: Sequence[Finding]) -> str:
    """The findings as one JSON document."""
    document = {
        "schema": FINDINGS_SCHEMA,
        "findings": [{"what": one.what, "is_ok": one.is_ok, "detail": one.detail} for one in findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def check_schema() -> Json:
    """The JSON Schema (draft 2020-12) of what `autoscale check --json` prints."""
    finding: Json = {
        "type": "object",
        "properties": {
            "what": {"type": "string"},
            "is_ok": {"type": ["boolean", "null"], "description": "null: it cannot be told, or is to be looked at."},
            "detail": {"type": "string"},
        },
        "required": ["what", "is_ok", "detail"],
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:baseload:schema:check:1",
        "title": FINDINGS_SCHEMA,
        "description": "What was found of a daemon's configuration, clouds, metrics, cluster and database.",
        "type": "object",
        "properties": {"schema": {"const": FINDINGS_SCHEMA}, "findings": {"type": "array", "items": finding}},
        "required": ["schema", "findings"],
        "additionalProperties": False,
    }


def check_schema_text() -> str:
    """The published file docs/schemas/check.schema.json."""
    return json.dumps(check_schema(), indent=2, ensure_ascii=False) + "\n"
