from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.economics.bill import MonthBill, month_bill
from planner.economics.chargeback import chargeback, largest_remainder
from planner.economics.charges import Charge, Chargeback
from planner.economics.fleet_hours import fleet_hours
from planner.ledger import ServedHours, tags_of
from tests.planner.economics.months import LATER, NOVEMBER, RATES, lease, other, served

HALF = 180_000
"""Output tokens that keep a node busy for half an hour."""
LONE = Charge(
    model="small",
    tag="a",
    input_tokens=0,
    output_tokens=HALF,
    work_node_hours=0.5,
    usage_usd=Decimal("0.20"),
    idle_usd=Decimal("0.20"),
    shared_usd=Decimal(0),
)


def charged(leases, traffic: ServedHours | None, others=(), of=None) -> Chargeback:
    bill = month_bill(NOVEMBER, leases, others, as_of=LATER)
    hours = fleet_hours(bill, traffic, RATES if of is None else of)
    found = chargeback(bill, hours, traffic)
    check_sums(bill, found)
    return found


def check_sums(bill: MonthBill, found: Chargeback) -> None:
    """The two sums that must hold to the cent."""
    assert found.bill_usd == round(bill.bill_usd, 2) or abs(found.bill_usd - bill.bill_usd) <= Decimal("0.005")
    used = sum(charge.usage_usd for charge in found.charges)
    assert used + sum(found.idle_usd.values()) + found.shared_usd == found.bill_usd
    assert sum(charge.allocated_usd for charge in found.charges) + found.unallocated_usd == found.bill_usd
    for amount in [charge.allocated_usd for charge in found.charges] + [found.shared_usd, *found.idle_usd.values()]:
        assert amount == amount.quantize(Decimal("0.01"))


def of(found: Chargeback, tag: str, model: str = "small") -> Charge:
    (one,) = [charge for charge in found.charges if (charge.model, charge.tag) == (model, tag)]
    return one


def test_one_team_pays_for_what_it_used_and_for_what_idled() -> None:
    found = charged([lease(0, 1)], served([(0, "small", "a", 0, HALF)]))
    assert found.charges == (LONE,)
    assert found.idle_usd == {"small": Decimal("0.20")}
    assert (found.shared_usd, found.unallocated_usd) == (0, 0)


def test_busy_cost_goes_by_work_and_idle_by_usage() -> None:
    rows = [(0, "small", "a", 900_000, 0), (0, "small", "b", 0, HALF), (1, "small", "a", 0, HALF)]
    found = charged([lease(0, 2)], served(rows))
    # hour 0: a quarter and a half of 0.40; hour 1: half of it is a's. Idle is 0.80 - 0.10 - 0.20 - 0.20, by 3 : 2
    assert (of(found, "a").usage_usd, of(found, "b").usage_usd) == (Decimal("0.30"), Decimal("0.20"))
    assert (of(found, "a").idle_usd, of(found, "b").idle_usd) == (Decimal("0.18"), Decimal("0.12"))
    assert (of(found, "a").input_tokens, of(found, "a").output_tokens) == (900_000, HALF)
    assert of(found, "a").work_node_hours == pytest.approx(0.75)


def test_shared_cost_goes_by_usage_over_all_models() -> None:
    leases = [lease(0, 1), lease(0, 1, id="l", model="large"), lease(0, 1, id="gateway", model=None)]
    rows = [(0, "small", "a", 0, HALF), (0, "large", "b", 0, HALF // 2)]
    found = charged(leases, served(rows), [other("0.20")])
    assert found.shared_usd == Decimal("0.60")  # the gateway's 0.40 and egress; usage is 0.20 and 0.10
    assert (of(found, "a").shared_usd, of(found, "b", "large").shared_usd) == (Decimal("0.40"), Decimal("0.20"))
    assert found.idle_usd == {"large": Decimal("0.30"), "small": Decimal("0.20")}


def test_a_setup_fee_is_shared() -> None:
    found = charged([lease(0, 1, setup_fee_usd=Decimal(50))], served([(0, "small", "a", 0, HALF)]))
    assert found.shared_usd == 50


def test_shared_cost_that_bears_a_team_is_that_teams() -> None:
    rows = [(0, "small", "a", 0, HALF), (0, "small", "b", 0, HALF)]
    costs = [other("5.00", tags=tags_of({"team": "b"})), other("3.00", tags=tags_of({"team": "c"})), other("1.00")]
    found = charged([lease(0, 1)], served(rows), costs)
    assert found.shared_usd == 9
    assert of(found, "b").shared_usd == Decimal("5.50")
    assert of(found, "a").shared_usd == Decimal("0.50")
    assert of(found, "c", model="").shared_usd == 3  # c served nothing


def test_the_setup_fee_of_a_lease_that_bears_a_team_is_that_teams() -> None:
    rows = [(0, "small", "a", 0, HALF), (0, "small", "b", 0, HALF)]
    found = charged([lease(0, 1, setup_fee_usd=Decimal(50), tags=tags_of({"team": "b"}))], served(rows))
    assert (of(found, "a").shared_usd, of(found, "b").shared_usd) == (0, 50)


def test_untagged_usage_is_charged_to_nobody_in_particular() -> None:
    found = charged([lease(0, 1)], served([(0, "small", "", 0, HALF), (0, "small", "a", 0, HALF)]))
    assert of(found, "").usage_usd == of(found, "a").usage_usd == Decimal("0.20")


def test_a_tie_for_the_last_cent_goes_to_the_first() -> None:
    rows = [(0, "small", team, 0, HALF // 2) for team in ("a", "b", "c")]
    found = charged([lease(0, 1)], served(rows))  # 0.10 each of usage; idle 0.10 over three
    assert [charge.idle_usd for charge in found.charges] == [Decimal("0.04"), Decimal("0.03"), Decimal("0.03")]


def test_what_nobody_used_is_allocated_to_nobody() -> None:
    found = charged([lease(0, 10)], None, [other("7.00")])
    assert found.charges == ()
    assert (found.idle_usd, found.shared_usd, found.unallocated_usd) == ({"small": 4}, 7, 11)
    assert "USD 11.00 is allocated to nobody: there was no usage to allocate it by" in found.remarks


def test_the_idle_cost_of_a_model_nobody_used_is_not_another_models() -> None:
    found = charged([lease(0, 1), lease(0, 1, id="l", model="large")], served([(0, "small", "a", 0, 2 * HALF)]))
    assert of(found, "a").allocated_usd == Decimal("0.40")
    assert found.unallocated_usd == Decimal("0.40")


def test_tokens_without_a_node_cost_nothing_and_carry_shared_cost_only_where_nothing_else_does() -> None:
    rows = [(5, "large", "a", 0, HALF)]
    found = charged([lease(0, 1)], served(rows), [other("2.00")])
    assert of(found, "a", "large").usage_usd == 0
    assert of(found, "a", "large").shared_usd == 2
    assert found.unallocated_usd == Decimal("0.40")
    beside = charged([lease(0, 1)], served([*rows, (0, "small", "b", 0, HALF)]), [other("2.00")])
    assert of(beside, "a", "large").allocated_usd == 0


def test_without_rates_cost_is_idle_and_goes_by_tokens() -> None:
    found = charged([lease(0, 1)], served([(0, "small", "a", 30, 0), (0, "small", "b", 0, 10)]), of={})
    assert found.idle_usd == {"small": Decimal("0.40")}
    assert (of(found, "a").idle_usd, of(found, "b").idle_usd) == (Decimal("0.30"), Decimal("0.10"))
    assert any("USD 0.40 was spent on hours whose utilization is unknown" in remark for remark in found.remarks)


def test_a_gap_stands_as_idle_and_is_said() -> None:
    found = charged([lease(0, 2)], served([(0, "small", "a", 0, 2 * HALF), (1, "small", "b", 0, HALF)], gaps=[1]))
    assert [charge.tag for charge in found.charges] == ["a"]
    assert found.idle_usd == {"small": Decimal("0.40")}
    assert "1 hour without measurement cost USD 0.40, which stands as idle" in found.remarks


def test_a_gap_in_which_a_model_cost_something_without_a_node_is_an_hour_too() -> None:
    fee = replace(other("7.20"), model="small")
    found = charged([], served([(0, "small", "a", 0, HALF)], gaps=[1, 2]), [fee])
    assert any(remark.startswith("2 hours without measurement cost USD") for remark in found.remarks)


def test_another_tag_charges_by_itself() -> None:
    traffic = served([(0, "small", "a", 0, HALF)])
    traffic = replace(traffic, tags=(tags_of({"team": "a", "product": "chat"}),))
    bill = month_bill(NOVEMBER, [lease(0, 1)], as_of=LATER)
    found = chargeback(bill, fleet_hours(bill, traffic, RATES), traffic, by="product")
    assert [charge.tag for charge in found.charges] == ["chat"]
    assert found.by == "product"


def test_rows_of_other_months_are_left_out() -> None:
    traffic = served(
        [(0, "small", "a", 0, HALF), (720, "small", "b", 0, HALF), (800, "small", "b", 0, HALF)], hours=1000
    )
    assert [charge.tag for charge in charged([lease(0, 1)], traffic).charges] == ["a"]


@pytest.mark.parametrize(
    ("amounts", "total", "cents"),
    [
        ([0.333, 0.333, 0.334], 100, [33, 33, 34]),
        ([1 / 3, 1 / 3, 1 / 3], 100, [34, 33, 33]),
        ([0.005, 0.005], 1, [1, 0]),
        ([0.0, 0.01], 1, [0, 1]),
        ([-0.005, 1.005], 100, [0, 100]),
        ([4.35], 435, [435]),
    ],
)
def test_cents_left_over_go_to_the_largest_remainders(amounts: list[float], total: int, cents: list[int]) -> None:
    assert largest_remainder(np.array(amounts), total).tolist() == cents


spans = st.tuples(
    st.floats(-30, 730),
    st.floats(0, 200),
    st.sampled_from(["small", "large", None]),
    st.sampled_from(["ovh/b3-64", "aws/no-rate"]),
    st.sampled_from(["0", "39.99"]),
)
rows = st.tuples(
    st.integers(0, 719),
    st.sampled_from(["small", "large", "unrented"]),
    st.sampled_from(["", "a", "b", "c"]),
    st.integers(0, 10**7),
    st.integers(0, 10**6),
)
costs = st.tuples(
    st.decimals(-50, 500, places=3), st.sampled_from(["small", None]), st.sampled_from(["", "b", "somebody else"])
)


@given(
    held=st.lists(spans, max_size=6),
    used=st.lists(rows, max_size=30),
    extra=st.lists(costs, max_size=3),
    gaps=st.sets(st.integers(0, 719), max_size=5),
)
def test_usage_idle_and_shared_sum_to_the_bill_and_so_do_the_charges(held, used, extra, gaps) -> None:
    leases = [
        lease(start, start + length, id=str(i), model=model, offer=offer, setup_fee_usd=Decimal(setup))
        for i, (start, length, model, offer, setup) in enumerate(held)
    ]
    others = [
        other(str(usd), id=str(i), model=model, tags=tags_of({"team": team}))
        for i, (usd, model, team) in enumerate(extra)
    ]
    found = charged(leases, served(used, gaps=gaps) if used else None, others)
    assert all(charge.usage_usd >= 0 for charge in found.charges) or any(usd < 0 for usd, _, _ in extra)


@given(used=st.lists(rows, min_size=1, max_size=20))
def test_the_order_of_the_rows_does_not_matter(used) -> None:
    leases = [lease(0, 720), lease(0, 720, id="l", model="large")]
    one, other_way = charged(leases, served(used)), charged(leases, served(used[::-1]))
    for a, b in zip(one.charges, other_way.charges, strict=True):
        assert (a.model, a.tag, a.input_tokens, a.output_tokens) == (b.model, b.tag, b.input_tokens, b.output_tokens)
        assert abs(a.allocated_usd - b.allocated_usd) <= Decimal("0.02")  # sums of floats differ in their last digit
