"""OpenCost's CSV export: costs of a cluster by day and named tags."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from planner.errors import InputError
from planner.exchange.opencost import read_allocations

HEAD = (
    "Date,Namespace,ControllerKind,ControllerName,Pod,Container,Labels,CPUCoreUsageAverage,CPUCoreRequestAverage,"
    "RAMBytesUsageAverage,RAMBytesRequestAverage,NetworkReceiveBytes,NetworkTransferBytes,GPUs,PVBytes,"
    "CPUCost,RAMCost,NetworkCost,PVCost,GPUCost,TotalCost\n"
)


def a_row(day: str, namespace: str, team: str, cost: str) -> str:
    labels = f'"{{""app"":""vllm"",""team"":""{team}""}}"' if team else ""
    return f"{day},{namespace},deployment,chat,chat-5d9,main,{labels},1,1,1,1,0,0,1,0,0.1,0.1,0,0,0.3,{cost}\n"


def test_costs_add_up_by_day_and_named_tags() -> None:
    text = HEAD + a_row("2026-11-01", "prod", "x", "0.1") + a_row("2026-11-01", "test", "x", "0.2")
    text += a_row("2026-11-01", "prod", "", "1.25") + a_row("2026-11-02", "prod", "x", "3")
    found = read_allocations(text, source="opencost.csv", tags={"team": "Labels.team"}, model="m").costs
    assert [(cost.start.day, cost.tags, cost.amount_usd) for cost in found] == [
        (1, (("team", "x"),), Decimal("0.3")),
        (1, (), Decimal("1.25")),
        (2, (("team", "x"),), Decimal(3)),
    ]
    assert found[0].end == datetime(2026, 11, 2, tzinfo=UTC)
    assert {cost.model for cost in found} == {"m"}


def test_a_grown_file_gives_days_held_already_the_same_ids() -> None:
    first = read_allocations(HEAD + a_row("2026-11-01", "prod", "x", "0.1"), source="a", tags={"ns": "Namespace"})
    text = HEAD + a_row("2026-11-01", "prod", "x", "0.1") + a_row("2026-11-02", "prod", "x", "0.1")
    grown = read_allocations(text, source="b", tags={"ns": "Namespace"})
    assert grown.costs[0] == first.costs[0]
    assert grown.costs[1].id != grown.costs[0].id


def test_the_model_may_be_a_column_or_a_label() -> None:
    text = HEAD + a_row("2026-11-01", "prod", "x", "0.1")
    for column, model in (("ControllerName", "chat"), ("Labels.app", "vllm")):
        (cost,) = read_allocations(text, source="a", model_column=column).costs
        assert (cost.model, cost.tags) == (model, ())


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (a_row("01.11.2026", "a", "", "1"), "row 2: Date is '01.11.2026'; expected a date"),
        (a_row("1926-11-01", "a", "", "1"), "row 2: Date is '1926-11-01'; expected a year"),
        (a_row("2026-11-01", "a", "", "NaN"), "row 2: TotalCost is 'NaN'; expected an amount"),
        (a_row("2026-11-01", "a", "", ""), "row 2: TotalCost is ''; expected an amount"),
        ("", "there is a header and no row"),
    ],
)
def test_bad_rows_are_named(row: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_allocations(HEAD + row, source="opencost.csv")


def test_a_tag_of_no_column_is_refused() -> None:
    with pytest.raises(InputError, match=r"no column 'Labels'; expected one of Namespace, .* or Labels.KEY"):
        read_allocations(HEAD, source="opencost.csv", tags={"all": "Labels"})
