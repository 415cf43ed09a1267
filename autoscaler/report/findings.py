"""Findings of a check as a table and as JSON. Renders values."""

import json
from collections.abc import Sequence

from autoscaler.providers.check import Finding
from planner.report.narrow import wrapped
from planner.report.screen import Screen

FINDINGS_SCHEMA = "baseload.check/1"
_MARKS = {True: "ok", False: "WRONG", None: "look"}


def render_findings(findings: Sequence[Finding], *, screen: Screen | None = None) -> str:
    """A line per finding with its mark, and a sentence at the end."""
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
    verdict = f"{wrong} wrong: a daemon would not start, or not do its work." if wrong else "Nothing is wrong."
    return "\n".join([*lines, "", f"{good} ok, {unsure} to look at, {verdict}", ""])


def findings_text(findings: Sequence[Finding]) -> str:
    """The findings as one JSON document."""
    document = {
        "schema": FINDINGS_SCHEMA,
        "findings": [{"what": one.what, "is_ok": one.is_ok, "detail": one.detail} for one in findings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
