"""The relaxation over buckets: against every fleet of two pools with waiting, and against runs in slots of a step."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.bound.buckets import Buckets, bucket_steps
from autoscaler.replay.bound.case import BaseCapacity, BoundCase, BurstPool, CountGroup
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound, bound_usd
from policies.billing import Billing, Tariff, charge_usd
from tests.autoscaler.replay.bound.worlds import START, a_case, brute_waiting, demands, least_usd, quick

RATIOS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.9, 1.0)
SLOTS = 4
"""Slots of a step, in which a run's leases begin and end."""


def a_second_pool(case: BoundCase, *, size: float, price: float, lead_s: float, billing=Billing.SECOND) -> BoundCase:
    """The case with a further pool whose node does `size` times as much."""
    pool = BurstPool(
        name="other",
        work=case.pools[0].work / size,
        billing=billing,
        price_usd_hour=np.full(case.steps, price),
        lead_s=lead_s,
    )
    return replace(case, pools=(*case.pools, pool))


def test_waiting_lets_one_node_serve_a_peak_of_two() -> None:
    nodes = [2, 0, 2, 0]
    assert bound_usd(a_case(nodes, lead_s=60), 0.0) == pytest.approx(5 + 2 * 4 * 0.01)
    assert bound_usd(a_case(nodes, lead_s=60, patience_s=60), 0.0) == pytest.approx(5 + 0.01 + 4 * 0.01, rel=1e-6)


def test_the_cheaper_pool_serves_while_it_is_in_stock() -> None:
    case = a_second_pool(a_case([1, 1, 1], lead_s=0, price=6.0), size=1, price=0.6, lead_s=0)
    assert bound_usd(case, 0.0) == pytest.approx(5 + 3 * 0.01, rel=1e-6)
    sold_out = replace(case.pools[1], most_nodes=np.array([1.0, 0.0, 1.0]))
    case = replace(case, pools=(case.pools[0], sold_out))
    assert bound_usd(case, 0.0) == pytest.approx(5 + 2 * 0.01 + 0.1, rel=1e-6)


def test_pools_of_a_group_share_their_maximum() -> None:
    case = a_second_pool(a_case([2, 2], lead_s=0), size=1, price=0.6, lead_s=0)
    case = replace(case, groups=(CountGroup(pools=(0, 1), most=1),))
    bound = ClairvoyantBound(case)
    assert bound.least_unserved_ratio == pytest.approx(0.5)
    assert bound.usd(0.4) == float("inf")
    assert bound.usd(0.5) == pytest.approx(5 + 2 * 0.01, rel=1e-5)


def test_two_models_share_base_that_serves_both_and_only_their_own_pool() -> None:
    steps, inf = 3, np.inf
    ones, nothing = np.ones(steps), np.full(steps, inf)
    own = [
        BurstPool(
            name=name,
            work=np.array(work),
            billing=Billing.SECOND,
            price_usd_hour=np.full(steps, price),
            lead_s=0.0,
        )
        for name, work, price in (("a", [ones, nothing], 0.6), ("b", [nothing, ones], 1.2))
    ]
    case = BoundCase(
        step_s=60.0,
        tokens=100 * np.array([ones, ones]),
        base_usd=5.0,
        base=(BaseCapacity(nodes=1, work=np.array([ones, ones])),),
        pools=tuple(own),
        patience_s=0.0,
    )
    assert bound_usd(case, 0.0) == pytest.approx(5 + 3 * 0.01, rel=1e-6)  # base takes the model that is dear elsewhere


def test_work_that_waits_is_served_by_base_that_is_free_later() -> None:
    case = a_case([2, 0, 0], base_nodes=1, patience_s=60.0)
    assert bound_usd(case, 0.0) == pytest.approx(5.0)
    assert bound_usd(replace(case, patience_s=0.0), 0.0) == pytest.approx(5 + 3 * 0.01)


def test_without_burst_only_base_serves() -> None:
    case = replace(a_case([1, 3], base_nodes=1), pools=())
    bound = ClairvoyantBound(case)
    assert bound.least_unserved_ratio == pytest.approx(0.5, rel=1e-6)
    assert bound.usd(0.6) == pytest.approx(5.0)
    assert bound.usd(0.3) == float("inf")


def test_light_work_is_lost_last() -> None:
    case = a_second_pool(a_case([1, 1], lead_s=0, richness=[1.0, 3.0]), size=1, price=6.0, lead_s=0)
    merged = Buckets(case, 2)
    assert merged.usd(0.25 * 400) == pytest.approx(0.01, rel=1e-5)
    assert merged.usd(0.25 * 400) <= Buckets(case, 1).usd(0.25 * 400) + 1e-9


def test_a_case_without_patience_said_is_refused() -> None:
    case = a_case([1])
    with pytest.raises(TypeError, match="patience_s"):
        BoundCase(step_s=60.0, tokens=case.tokens, base_usd=0.0, pools=case.pools)  # type: ignore[call-arg]


def test_buckets_are_whole_parts_of_an_hour_and_few_enough() -> None:
    case = a_case([1] * 3000, patience_s=60.0)
    assert bucket_steps(case) == 1
    assert bucket_steps(case, 700) == 5
    assert bucket_steps(replace(case, patience_s=1000.0)) == 6


@quick(25)
@given(
    nodes=demands(4, most=2.0),
    leads=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    size=st.sampled_from([0.5, 1.0, 1.5]),
    price=st.sampled_from([0.3, 0.6, 1.0]),
    base_nodes=st.sampled_from([0.0, 0.5]),
    waits=st.sampled_from([0, 1]),
    bucket=st.sampled_from([1, 2]),
)
def test_no_fleet_of_two_pools_is_cheaper_at_any_share(nodes, leads, size, price, base_nodes, waits, bucket) -> None:
    case = a_case(nodes, lead_s=60.0 * leads[0], base_nodes=base_nodes, patience_s=60.0 * waits)
    case = a_second_pool(case, size=size, price=price, lead_s=60.0 * leads[1])
    bills, unserved = brute_waiting(case, 2, waits)
    total = float(case.tokens.sum())
    bound = Buckets(case, bucket)
    for ratio in RATIOS:
        assert case.base_usd + bound.usd(ratio * total) <= least_usd(bills, unserved, ratio, total) + 1e-7


@dataclass(frozen=True, slots=True)
class Run:
    """Leases of a run by pool: first and last slot."""

    leases: tuple[tuple[int, int, int], ...]


def run_result(case: BoundCase, run: Run) -> tuple[float, float]:
    """Bill and unserved ratio of leases that begin and end in slots, work served oldest first within its patience.

    What arrives in a slot is served in a slot that ends before the first of it would be lost; with no patience at once.
    """
    slot_s = case.step_s / SLOTS
    slots = case.steps * SLOTS
    bill, capacity = Decimal(0), np.zeros((1, slots))
    asked = np.repeat(case.tokens[0] > 0, SLOTS)
    for place, first, length in run.leases:
        pool = case.pools[place % len(case.pools)]
        tariff = Tariff(billing=pool.billing, price_usd_hour=Decimal(repr(float(pool.price_usd_hour[0]))))
        moments = [START + timedelta(seconds=slot_s * slot) for slot in (first, first + length)]
        bill += charge_usd(tariff, moments[0], moments[1])
        at = np.arange(slots)
        ready = (at * slot_s >= first * slot_s + pool.lead_s - 1e-9) & (at < first + length) & asked
        tokens = np.repeat(case.tokens[0] / np.where(case.tokens[0] > 0, pool.work[0], 1.0), SLOTS) / SLOTS
        capacity[0] += np.where(ready, tokens.max(initial=0.0), 0.0)
    for base in case.base:
        per_node = (case.tokens[0] / np.where(case.tokens[0] > 0, base.work[0], 1.0)).max(initial=0.0)
        capacity += base.nodes * per_node / SLOTS
    arrived = np.repeat(case.tokens[0] / SLOTS, SLOTS)
    waits = max(round(case.patience_s / slot_s) - 1, 0)
    served = np.zeros(1)
    waiting = np.zeros(waits + 1)
    for slot in range(slots):
        waiting = np.append(waiting[1:], arrived[slot])
        left = capacity[0, slot]
        for age in range(waits + 1):
            taken = min(waiting[age], left)
            waiting[age] -= taken
            left -= taken
            served += taken
    total = float(case.tokens.sum())
    return case.base_usd + float(bill), 1 - float(served[0]) / total if total else 0.0


runs = st.lists(st.tuples(st.integers(0, 1), st.integers(-8, 28), st.integers(1, 40)), max_size=6).map(
    lambda leases: Run(tuple(leases))
)


@quick(120)
@given(
    nodes=demands(8),
    run=runs,
    patience_s=st.sampled_from([0.0, 300.0, 600.0, 1500.0]),
    leads=st.tuples(st.sampled_from([0.0, 300.0, 700.0]), st.sampled_from([0.0, 300.0, 1500.0])),
    billings=st.tuples(st.sampled_from([Billing.SECOND, Billing.STARTED_HOUR]), st.sampled_from(list(Billing)[:1])),
    bucket=st.sampled_from([1, 3, 5]),
    base_nodes=st.sampled_from([0.0, 0.5]),
)
def test_no_run_between_the_edges_of_steps_pays_less_at_its_own_share(
    nodes, run, patience_s, leads, billings, bucket, base_nodes
) -> None:
    case = a_case(
        nodes,
        step_s=1200.0,
        lead_s=leads[0],
        billing=billings[0],
        price=1.0,
        patience_s=patience_s,
        base_nodes=base_nodes,
    )
    case = a_second_pool(case, size=1.5, price=1.25, lead_s=leads[1], billing=billings[1])
    bill, ratio = run_result(case, run)
    found = case.base_usd + Buckets(case, bucket).usd(min(max(ratio, 0.0), 1.0) * float(case.tokens.sum()))
    assert found <= bill + 1e-6


@quick(25)
@given(nodes=demands(8), lead=st.integers(0, 2), base_nodes=st.sampled_from([0.0, 0.5]), bucket=st.sampled_from([1, 3]))
def test_the_bound_falls_with_share_and_patience_and_rises_with_the_lead(nodes, lead, base_nodes, bucket) -> None:
    def values(lead_s: float, patience_s: float) -> np.ndarray:
        case = a_case(nodes, lead_s=lead_s, base_nodes=base_nodes, patience_s=patience_s)
        bound = Buckets(a_second_pool(case, size=1.5, price=0.7, lead_s=lead_s), bucket)
        return np.array([bound.usd(ratio * float(case.tokens.sum())) for ratio in np.linspace(0, 1, 9)])

    at_once = values(60.0 * lead, 0.0)
    assert (np.diff(at_once) <= 1e-6).all()
    assert (np.diff(at_once, 2) >= -1e-6).all()
    assert (values(60.0 * lead, 60.0) <= at_once + 1e-6).all()
    assert (values(60.0 * lead, 120.0) <= values(60.0 * lead, 60.0) + 1e-6).all()
    assert (values(60.0 * lead + 60, 0.0) >= at_once - 1e-6).all()


@quick(25)
@given(
    nodes=demands(8),
    lead=st.integers(0, 2),
    most=st.lists(st.integers(0, 3), min_size=8, max_size=8),
    richness=st.lists(st.sampled_from([1.0, 2.0, 5.0]), min_size=8, max_size=8),
    bucket=st.sampled_from([1, 6, 8]),
    egress=st.sampled_from([0.0, 0.004]),
)
def test_for_one_pool_the_relaxation_is_never_above_whole_nodes(nodes, lead, most, richness, bucket, egress) -> None:
    steps = len(nodes)
    case = a_case(nodes, lead_s=60.0 * lead, most=most[:steps], richness=richness[:steps], egress_usd_step=egress)
    whole = ClairvoyantBound(case)
    for ratio in (whole.least_unserved_ratio, 0.2, 0.5):
        relaxed = case.base_usd + Buckets(case, bucket).usd(ratio * float(case.tokens.sum()))
        assert relaxed <= whole.usd(ratio) + 1e-6
