"""The JSON of a month's report: its schema, held against real output, and its numbers."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from planner.month.facts import MonthFacts
from planner.month.report import month_report
from planner.report.month.html import html
from planner.report.month.markdown import markdown
from planner.report.month.outline import outline
from planner.report.month_json import month_document, month_text
from planner.report.month_schema import month_schema, month_schema_text
from tests.planner.month.months import (
    START,
    base_lease,
    burst_leases,
    report_with_gaps,
    report_without_plan,
    served,
    small_facts,
    small_report,
)

PUBLISHED = Path(__file__).parents[3] / "docs" / "schemas" / "month.schema.json"


def errors(document: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(month_schema(), format_checker=jsonschema.FormatChecker())
    return [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(document)]


def hard_facts() -> dict[str, MonthFacts]:
    """Facts whose report lacks some part."""
    usage = served(frozenset({5, 6}), hours=240)
    unserved = replace(usage, unserved_tokens=usage.output_tokens)
    return {
        "whole": small_facts(),
        "not over, unserved": small_facts(served=unserved, as_of=START + timedelta(days=10)),
        "no usage": small_facts(served=None),
        "no leases": small_facts(leases=()),
        "other costs alone": small_facts(leases=(), served=None, planned=None),
        "first minutes": small_facts(as_of=START + timedelta(minutes=20), served=served(hours=1)),
        "setup": small_facts(leases=(base_lease(start=START), *burst_leases()), planned=None),
    }


@pytest.mark.parametrize("name", list(hard_facts()))
def test_real_reports_follow_the_schema(name: str) -> None:
    report = month_report(hard_facts()[name])
    assert errors(json.loads(month_text(report))) == []
    document = outline(report)  # and people can read what is known
    assert len(document.summary) == 5
    assert html(document).endswith("</html>\n")
    assert markdown(document)


@pytest.mark.parametrize("make", [small_report, report_without_plan, report_with_gaps])
def test_reports_made_by_hand_follow_the_schema(make: Any) -> None:
    assert errors(month_document(make())) == []


def test_the_schema_is_a_schema_and_the_published_file_is_current() -> None:
    jsonschema.Draft202012Validator.check_schema(month_schema())
    assert PUBLISHED.read_text(encoding="utf-8") == month_schema_text(), "run `make schemas`"


def test_the_schema_refuses_what_is_no_report() -> None:
    document = month_document(small_report())
    assert errors({**document, "bill_usd": 100.0})
    assert errors({**document, "more": 1})
    assert errors({key: value for key, value in document.items() if key != "variance"})


def test_numbers_are_those_of_the_report() -> None:
    report = small_report()
    document = json.loads(month_text(report))
    assert Decimal(document["bill_usd"]) == report.bill_usd
    assert sum(Decimal(line["amount_usd"]) for line in document["bill"]) == 100
    assert sum(Decimal(one["allocated_usd"]) for one in document["charges"]["charges"]) == 100
    variance = {key: Decimal(value) for key, value in document["variance"].items() if key.endswith("_usd")}
    parts = ("volume_usd", "price_usd", "utilization_usd", "other_usd")
    assert sum(variance[part] for part in parts) == variance["actual_usd"] - variance["planned_usd"]
    assert document["regret"]["regret_usd"] == "4"
    assert document["next_month"]["saving_usd"] == "8.00"
    assert document["plan"]["schema"] == "baseload.plan/1"
    assert document["is_over"] is True


def test_what_was_not_measured_is_null() -> None:
    document = json.loads(month_text(report_with_gaps()))
    assert document["hourly"]["utilization"][:24] == [None] * 24
    assert document["hourly"]["utilization"][24] == pytest.approx(0.4)
    assert document["unserved_ratio"] is None
