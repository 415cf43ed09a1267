"""Charges rendered: table, CSV and the published schema."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

from planner.economics.charges import Charge, Chargeback
from planner.report.charges import MonthCharges, charges_csv, charges_document, render_charges
from planner.report.charges_schema import charges_schema, charges_schema_text
from planner.report.screen import Screen
from tests.planner.economics.months import DECEMBER, LATER, after
from tests.planner.exchange.bills import some_bill, some_charges

PUBLISHED = Path(__file__).parents[3] / "docs" / "schemas"


def shown(as_of=LATER) -> MonthCharges:
    return MonthCharges(month="2026-11", as_of=as_of, end=DECEMBER, charges=some_charges(some_bill()))


def test_untagged_usage_comes_last_and_the_sum_below() -> None:
    lines = render_charges(shown()).splitlines()
    starts = [line.split()[0] for line in lines if line.split() and line.split()[0] in {"a", "b", "untagged", "sum"}]
    assert starts == ["a", "b", "untagged", "sum"]


def test_tokens_no_lease_was_recorded_for_are_not_free() -> None:
    charge = Charge(
        model="m", tag="a", input_tokens=9, output_tokens=1, work_node_hours=0.0,
        usage_usd=Decimal(0), idle_usd=Decimal(0), shared_usd=Decimal(0),
    )  # fmt: skip
    found = Chargeback(by="team", bill_usd=Decimal(0), charges=(charge,), idle_usd={}, shared_usd=Decimal(0))
    month = MonthCharges(month="2026-11", as_of=LATER, end=DECEMBER, charges=found)
    text = render_charges(month, screen=Screen(width=120))
    assert "0.000" not in text
    assert "USD/Mtok" not in text  # a column in which nothing is known is not shown


def test_a_month_that_is_not_over_says_up_to_when() -> None:
    assert "up to" not in render_charges(shown()).splitlines()[0]
    assert render_charges(shown(after(100))).startswith("Charges of 2026-11, up to 2026-11-05 04:00 UTC")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = render_charges(shown(), screen=Screen(width=width))
    assert max(len(line) for line in text.splitlines()) <= width
    assert ("Not shown at this width" in text) == (width < 100)


def test_the_csv_sums_to_the_bill_with_what_is_allocated_to_nobody() -> None:
    month = MonthCharges(month="2026-11", as_of=LATER, end=DECEMBER, charges=some_charges(some_bill()))
    rows = [line.split(",") for line in charges_csv(month).splitlines()]
    assert rows[0][-1] == "allocated_usd"
    assert sum(round(float(row[-1]) * 100) for row in rows[1:]) == round(float(month.charges.bill_usd) * 100)


def test_the_document_follows_the_published_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(charges_schema())
    jsonschema.Draft202012Validator(charges_schema()).validate(json.loads(json.dumps(charges_document(shown()))))
    assert (PUBLISHED / "charges.schema.json").read_text("utf-8") == charges_schema_text(), "make schemas"
