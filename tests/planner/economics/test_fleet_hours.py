from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.economics.bill import month_bill
from planner.economics.fleet_hours import FleetHours, Pool, fleet_hours
from planner.ledger import ServedHours
from tests.planner.economics.months import (
    LATER,
    MONTHLY,
    NOVEMBER,
    RATES,
    after,
    lease,
    other,
    rates,
    served,
)

HALF = 180_000
"""Output tokens that keep a node busy for half an hour."""


def hours_of(leases, traffic: ServedHours | None = None, others=(), of=None, hits=None) -> FleetHours:
    bill = month_bill(NOVEMBER, leases, others, as_of=LATER)
    return fleet_hours(bill, traffic, RATES if of is None else of, cache_hit_ratio=hits)


def test_nodes_are_the_part_of_the_hour_they_were_held() -> None:
    found = hours_of([lease(1.5, 3.25), lease(2, 3, id="second")])
    assert found.nodes[0, 0, :5].tolist() == [0, 0.5, 2, 0.25, 0]


def test_cost_is_spread_evenly_over_the_time_held() -> None:
    found = hours_of([lease(1.5, 3.5)])  # 2 started hours at 0.40 over 2 hours
    assert found.cost_usd[0, :5] == pytest.approx([0, 0.20, 0.40, 0.20, 0])
    month = hours_of([lease(0, None, tariff=MONTHLY, offer="hetzner/ax102")])
    assert month.cost_usd[0] == pytest.approx(np.full(720, 0.10))


def test_cost_without_a_model_is_shared_and_other_costs_of_a_model_are_its_own() -> None:
    found = hours_of([lease(0, 10), lease(0, 10, id="x", model=None)], others=[other("7.20", model="small")])
    assert found.shared_cost_usd[:10] == pytest.approx(np.full(10, 0.40))
    assert found.cost_usd[0, 5] == pytest.approx(0.41)
    assert found.cost_usd.sum() + found.shared_cost_usd.sum() == pytest.approx(4 + 4 + 7.20)
    assert found.base_nodes.sum() == 0
    assert found.burst_nodes["ovh/b3-64"][:11].tolist() == [2.0] * 10 + [0.0]


def test_base_and_burst_of_one_offer_are_two_pools() -> None:
    found = hours_of([lease(0, 10, is_base=True), lease(0, 5, id="burst")])
    assert found.pools == (Pool(offer="ovh/b3-64", is_base=True), Pool(offer="ovh/b3-64", is_base=False))
    assert found.base_nodes.sum() == 10
    assert found.burst_nodes["ovh/b3-64"].sum() == 5


def test_utilization_is_work_over_nodes() -> None:
    found = hours_of([lease(0, 10), lease(0, 10, id="second")], served([(3, "small", "a", 900_000, HALF)]))
    # a quarter of an hour of prefill and half an hour of decode on two nodes
    assert found.busy_nodes[0, 3] == pytest.approx(0.75)
    assert found.utilization[0, 3] == pytest.approx(0.375)
    assert found.utilization[0, 4] == 0
    assert np.isnan(found.utilization[0, 11])  # no node
    assert found.busy_nodes[0, 11] == 0
    assert found.input_tok_s[0, 3] == 250
    assert found.model_utilization("small") == pytest.approx(0.75 / 20)


def test_nodes_of_different_speed_are_equally_busy() -> None:
    fast = {**RATES, ("small", "hetzner/ax102"): rates(3000, 300)}
    leases = [lease(0, 1), lease(0, 1, offer="hetzner/ax102")]
    found = hours_of(leases, served([(0, "small", "a", 0, 4 * HALF)]), of=fast)
    # w is 2 nodes of the slow kind or 2/3 of the fast one; 1 / (1/2 + 3/2) = 1/2
    assert found.utilization[0, 0] == pytest.approx(0.5)
    assert found.busy_nodes[0, 0] == pytest.approx(1.0)
    # a quarter is served at 100 tok/s, three at 300: 0.25 / 100 + 0.75 / 300 = 0.005 s a token
    assert found.output_node_s[0, 0] == pytest.approx(0.005 * 1e6)


def test_more_than_the_profile_says_is_full_and_said() -> None:
    found = hours_of([lease(0, 1)], served([(0, "small", "a", 0, 3 * HALF)]))
    assert found.utilization[0, 0] == 1
    assert found.busy_nodes[0, 0] == 1
    assert found.remarks == (
        "small: in 1 hour more was served than its profile says the nodes sustain; utilization is taken as 1",
    )


def test_cached_input_is_no_work() -> None:
    rows = [(0, "small", "a", 3_600_000, 0)]
    assert hours_of([lease()], served(rows)).utilization[0, 0] == pytest.approx(1)
    assert hours_of([lease()], served(rows, cached=[1_800_000])).utilization[0, 0] == pytest.approx(0.5)
    assert hours_of([lease()], served(rows), hits={"small": 0.75}).utilization[0, 0] == pytest.approx(0.25)


def test_a_gap_is_unknown_and_not_idle() -> None:
    found = hours_of([lease()], served([(0, "small", "a", 0, HALF), (1, "small", "a", 0, HALF)], gaps=[1]))
    assert np.isnan([found.utilization[0, 1], found.busy_nodes[0, 1], found.output_tok_s[0, 1]]).all()
    assert found.nodes[0, 0, 1] == 1
    assert found.is_measured.sum() == 719
    assert found.model_utilization("small") == pytest.approx(0.5 / 9)


def test_hours_outside_of_what_was_collected_are_unknown() -> None:
    found = hours_of([lease()], served([(0, "small", "a", 0, HALF)], hours=5, start=after(2)))
    assert np.flatnonzero(found.is_measured).tolist() == [2, 3, 4, 5, 6]
    assert found.utilization[0, 2] == pytest.approx(0.5)
    nothing = hours_of([lease()])
    assert not nothing.is_measured.any()
    assert nothing.model_utilization("small") is None


def test_without_a_rate_utilization_is_unknown_where_that_offer_serves() -> None:
    traffic = served([(0, "small", "a", 0, HALF), (5, "small", "a", 0, HALF)])
    found = hours_of([lease(0, 10), lease(0, 2, offer="aws/x")], traffic)
    assert np.isnan(found.utilization[0, 0])
    assert found.utilization[0, 1] == 0  # nothing was served
    assert found.utilization[0, 5] == pytest.approx(0.5)
    assert "no rate is known on aws/x (2 node-hours)" in found.remarks[0]


def test_tokens_without_a_node_are_said() -> None:
    found = hours_of([lease(0, 1)], served([(5, "small", "a", 0, HALF), (6, "large", "a", 0, HALF)]))
    assert found.models == ("large", "small")
    assert found.remarks == tuple(
        f"{model}: in 1 hour tokens were served and no node was rented for it" for model in ("large", "small")
    )


def test_the_fleet_is_as_busy_as_its_nodes_together() -> None:
    leases = [lease(0, 2), lease(0, 2, id="l", model="large")]
    found = hours_of(leases, served([(0, "small", "a", 0, HALF), (0, "large", "a", 0, 2 * HALF)]))
    assert found.fleet_utilization[0] == pytest.approx(0.75)
    assert found.fleet_utilization[1] == 0
    assert np.isnan(found.fleet_utilization[2])


def test_a_month_without_anything_is_empty() -> None:
    found = hours_of([])
    assert (found.models, found.pools, found.hours) == ((), (), 720)
    assert found.fleet_utilization.shape == (720,)
    assert found.base_nodes.tolist() == [0.0] * 720


spans = st.tuples(st.floats(-50, 750), st.floats(0, 300))


@given(
    held=st.lists(spans, max_size=6), tokens=st.lists(st.tuples(st.integers(0, 719), st.integers(0, 10**6)), max_size=9)
)
def test_hours_sum_to_the_bill_and_work_to_the_busy_nodes(
    held: list[tuple[float, float]], tokens: list[tuple[int, int]]
) -> None:
    leases = [lease(start, start + length, id=str(i)) for i, (start, length) in enumerate(held)]
    bill = month_bill(NOVEMBER, leases, as_of=LATER)
    traffic = served([(hour, "small", "a", 3 * count, count) for hour, count in tokens])
    found = fleet_hours(bill, traffic, RATES)
    assert found.cost_usd.sum() == pytest.approx(float(bill.bill_usd))
    assert found.nodes.sum() == pytest.approx(float(sum((one.node_hours for one in bill.leases), Decimal(0))))
    if "small" not in found.models:
        return
    m = found.models.index("small")
    on, busy = found.nodes[m].sum(axis=0), found.busy_nodes[m]
    work_s = found.input_node_s[m] * found.input_tok_s[m] + found.output_node_s[m] * found.output_tok_s[m]
    np.testing.assert_allclose(np.where(on > 0, work_s, 0) * 3600 / 1e6, busy * 3600, rtol=1e-9, atol=1e-9)
    assert (busy <= on * (1 + 1e-12)).all()
