"""plan.json read back is the plan that was written."""

import json

import pytest

from planner.errors import InputError
from planner.exchange.plan_file import read_plan
from planner.report.plan_json import plan_text
from tests.planner.report import plans


@pytest.mark.parametrize("name", [name for name in dir(plans) if name.endswith("_plan")])
def test_a_plan_read_back_is_written_alike(name: str) -> None:
    text = plan_text(getattr(plans, name)())
    assert plan_text(read_plan(text, source="plan.json")) == text


def test_what_is_no_plan_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"x\.json: schema is 'other'; expected 'baseload.plan/1'"):
        read_plan('{"schema": "other"}', source="x.json")
    with pytest.raises(InputError, match=r"x\.json: not readable as JSON"):
        read_plan("bill: 3", source="x.json")
    with pytest.raises(InputError, match=r"x\.json: schema is None"):
        read_plan("[]", source="x.json")


def test_a_missing_key_is_named() -> None:
    document = json.loads(plan_text(plans.small_plan()))
    del document["bill_usd"]
    with pytest.raises(InputError, match=r"key 'bill_usd' is missing"):
        read_plan(json.dumps(document), source="plan.json")


def test_a_value_that_does_not_fit_is_one_line() -> None:
    document = json.loads(plan_text(plans.small_plan()))
    document["total_usd"] = "much"
    with pytest.raises(InputError, match="a value does not fit") as caught:
        read_plan(json.dumps(document), source="plan.json")
    assert "\n" not in str(caught.value)
