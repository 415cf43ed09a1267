"""plan.json: the contract, its schema and its text."""

import importlib.util
import json
import sys
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest

from planner.report.plan_json import plan_document, plan_text
from planner.report.plan_schema import plan_schema
from planner.report.schemas import SCHEMAS, write_schemas
from policies.planning import PlanningPolicy

HERE = Path(__file__).parent
PUBLISHED = HERE.parents[2] / "docs" / "schemas"


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


plans = load(HERE / "plans.py")


def errors(document: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(plan_schema(), format_checker=jsonschema.FormatChecker())
    return [error.message for error in validator.iter_errors(document)]


@pytest.mark.parametrize("name", ["small_plan", "two_model_plan"])
def test_documents_follow_the_schema(name: str) -> None:
    assert errors(plan_document(getattr(plans, name)())) == []


def test_the_schema_is_a_schema_and_the_published_files_are_current() -> None:
    jsonschema.Draft202012Validator.check_schema(plan_schema())
    for name, text in SCHEMAS.items():
        assert (PUBLISHED / name).read_text(encoding="utf-8") == text(), f"{name}: run `make schemas`"


def test_schemas_are_written_where_asked(tmp_path: Path) -> None:
    write_schemas(tmp_path, SCHEMAS)
    assert {path.name for path in tmp_path.iterdir()} == set(SCHEMAS)
    assert json.loads((tmp_path / "plan.schema.json").read_text(encoding="utf-8")) == plan_schema()


def objects(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Every object inside, with the path to it."""
    found = []
    if isinstance(value, dict):
        found.append((path, value))
        for key, inner in value.items():
            found += objects(inner, (*path, key))
    elif isinstance(value, list) and value:
        found += objects(value[0], (*path, 0))
    return found


def test_a_missing_or_unknown_key_is_refused_everywhere() -> None:
    document = json.loads(plan_text(plans.two_model_plan()))
    optional = {"fee_usd_horizon", "setup_usd_horizon", "rate_usd_hour", "cap_usd_month", "count_group", "group_max"}
    optional |= {"scenario", "by_model", "cheaper_by_usd", "has_launches"}
    by_name = {
        "base",
        "burst",
        "keep",
        "buy",
        "cancel",
        "models",
        "rates",
        "offers",
        "demand",
        "by_model",
        "lead_time_s",
    }
    for path, inner in objects(document):
        if path and path[-1] in by_name:
            continue  # its keys are names of offers or models
        inner["surprise"] = 1
        assert errors(document), f"{path}: an unknown key is accepted"
        del inner["surprise"]
        for key in set(inner) - optional:
            value = inner.pop(key)
            assert errors(document), f"{path}: {key} may be missing"
            inner[key] = value
    assert errors(document) == []


@pytest.mark.parametrize("money", ["1.8E+3", "", "1,800", "NaN"])
def test_money_is_a_plain_decimal_string(money: str) -> None:
    document = plan_document(plans.small_plan()) | {"bill_usd": money}
    assert len(errors(document)) == 1


def test_money_is_exact_and_without_exponent() -> None:
    plan = replace(plans.small_plan(), bill_usd=Decimal("1E+3"), total_usd=Decimal("0.1") + Decimal("1E-20"))
    document = plan_document(plan)
    assert (document["bill_usd"], document["total_usd"]) == ("1000", "0.10000000000000000001")


def test_floats_are_unrounded_and_unknown_is_null() -> None:
    document: Any = plan_document(plans.two_model_plan())
    assert document["gap_ratio"] == 0.725 / 6.825
    assert document["offers"][plans.BASE]["max_count"] is None
    assert document["hours_detail"][0]["marginal_usd_mtok"] is None
    assert "rate_usd_hour" not in document["offers"][plans.BASE]


def test_by_model_appears_with_the_second_model_and_scenario_with_a_name() -> None:
    small: Any = plan_document(plans.small_plan())
    two: Any = plan_document(plans.two_model_plan())
    assert set(two["hours_detail"][0]) - set(small["hours_detail"][0]) == {"by_model", "scenario"}
    assert (small["scenario_shown"], two["scenario_shown"]) == (None, "high")


def test_every_number_of_the_policy_is_in_the_document() -> None:
    document: Any = plan_document(plans.small_plan())
    assert set(document["policy"]) == {field.name for field in fields(PlanningPolicy)}


def test_times_are_utc_with_a_z() -> None:
    document: Any = plan_document(plans.two_model_plan())
    assert document["horizon"]["start"] == "2026-12-31T22:00:00Z"
    assert document["leases"][1]["start"] == "2026-12-31T23:55:00Z"


def test_the_text_is_the_document_with_one_line_for_each_hour_and_lease() -> None:
    plan = plans.two_model_plan()
    text = plan_text(plan)
    assert json.loads(text) == plan_document(plan)
    assert [line[:37] for line in text.splitlines() if line.startswith('  {"hour"')] == [
        '  {"hour": "2026-12-31T22:00:00Z", "s',
        '  {"hour": "2026-12-31T23:00:00Z", "s',
        '  {"hour": "2027-01-01T00:00:00Z", "s',
    ]


def test_a_number_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        plan_text(replace(plans.small_plan(), gap_ratio=float("inf")))
