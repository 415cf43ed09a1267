"""Why a price should be reviewed: the chargeback guide's four reasons, each alone, by numbers."""

from typing import Any

import pytest

from planner.publish.made_of import triggers


def made_of(**offers: dict[str, Any]) -> dict[str, Any]:
    plain = {
        "usd_hour": "1.212000",
        "node_hours_ratio": 1.0,
        "is_spot": False,
        "prefill_tok_s": 700.0,
        "decode_tok_s": 35.0,
    }
    return {name.replace("_", "/"): plain | values for name, values in offers.items()}


BEFORE = made_of(aws_g5={})


@pytest.mark.parametrize(
    ("after", "name", "said"),
    [
        (made_of(aws_g5={"usd_hour": "1.300000"}), "price", "aws/g5 USD 1.2120 → 1.3000 per hour"),
        (made_of(aws_g6={}), "instance type", "no longer on aws/g5; now on aws/g6"),
        (made_of(aws_g5={"decode_tok_s": 70.0}), "throughput", "aws/g5 output 35.0 → 70.0 tok/s"),
        (
            made_of(aws_g5={"node_hours_ratio": 0.4}, aws_g5_spot={"node_hours_ratio": 0.6, "is_spot": True}),
            "spot",
            "0% → 60% of node-hours on spot",
        ),
    ],
)
def test_each_reason_alone(after: dict[str, Any], name: str, said: str) -> None:
    found = triggers(BEFORE, after)
    assert found is not None
    assert [one.name for one in found] == ["price", "instance type", "throughput", "spot"]
    assert {one.name: one.said for one in found if one.said is not None} == {name: said}


def test_nothing_changed_is_no_reason() -> None:
    found = triggers(BEFORE, made_of(aws_g5={"decode_tok_s": 35.2, "usd_hour": "1.2120"}))
    assert found is not None
    assert [one.said for one in found] == [None] * 4


@pytest.mark.parametrize("before", ["by hand", {"aws/g5": {}}, {"aws/g5": {"usd_hour": "x"}}, [1]])
def test_an_entry_that_does_not_say_is_unknown(before: object) -> None:
    assert triggers(before, BEFORE) is None
