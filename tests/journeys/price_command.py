"""`baseload price` as its tests call it: what it says, its JSON document held against the schema, a plan to price."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.fleet import sample_forecast_text
from planner.report.price.registry import price_schema


def said(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> tuple[str, str]:
    """stdout and stderr of `baseload price …`, which ends with `code`."""
    assert run(baseload(), ["price", *arguments]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """The JSON document, held against the schema."""
    found: dict[str, Any] = json.loads(said(capsys, 0, *arguments, "--json")[0])
    validator = jsonschema.Draft202012Validator(price_schema(), format_checker=jsonschema.FormatChecker())
    assert [error.message for error in validator.iter_errors(found)] == []
    return found


def first_day_plan(folder: Path) -> str:
    """The plan of the packaged forecast's first day, as a file in `folder`."""
    forecast = folder / "forecast.csv"
    forecast.write_text("\n".join(sample_forecast_text().splitlines()[:25]) + "\n")
    assert run(baseload(), ["plan", "-f", str(forecast), "-o", str(folder / "plan.json"), "-q"]) == 0
    return str(folder / "plan.json")
