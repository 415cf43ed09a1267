"""Told in finer steps, the exact bill of perfect foresight is one that some schedule reaches: no bound exceeds it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.bound.buckets import Buckets
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound, bound_usd
from policies.billing import Billing
from tests.autoscaler.replay.bound.worlds import a_case, brute_waiting, demands, finer, least_usd, quick

RATIOS = (0.0, 0.03, 0.1, 0.3, 0.7)
STEP_S = 1200.0
billings = st.sampled_from([Billing.SECOND, Billing.STARTED_HOUR])


@quick(60)
@given(
    nodes=demands(8),
    quarters=st.integers(0, 16),
    price=st.lists(st.sampled_from([0.2, 1.0, 5.0]), min_size=8, max_size=8),
    richness=st.lists(st.sampled_from([1.0, 3.0]), min_size=8, max_size=8),
    billing=billings,
    bucket=st.sampled_from([1, 3, 6]),
    base_nodes=st.sampled_from([0.0, 0.5]),
)
def test_no_bound_is_above_the_best_schedule_on_a_grid_four_times_as_fine(
    nodes, quarters, price, richness, billing, bucket, base_nodes
) -> None:
    steps = len(nodes)
    case = a_case(
        nodes,
        step_s=STEP_S,
        lead_s=STEP_S * quarters / 4,
        price=price[:steps] if billing is Billing.SECOND else price[0],
        richness=richness[:steps],
        billing=billing,
        base_nodes=base_nodes,
    )
    fine, coarse, relaxed = ClairvoyantBound(finer(case, 4)), ClairvoyantBound(case), Buckets(case, bucket)
    total = float(case.tokens.sum())
    for ratio in RATIOS:
        assert coarse.usd(ratio) <= fine.usd(ratio) + 1e-6
        assert case.base_usd + relaxed.usd(ratio * total) <= fine.usd(ratio) + 1e-6


@quick(40)
@given(nodes=demands(8), lead=st.integers(0, 4), billing=billings)
def test_where_the_lead_is_whole_steps_a_finer_grid_wins_nothing(nodes, lead, billing) -> None:
    case = a_case(nodes, step_s=STEP_S, lead_s=STEP_S * lead, price=1.0, billing=billing)
    for ratio in RATIOS:
        assert bound_usd(finer(case, 4), ratio) == pytest.approx(bound_usd(case, ratio), rel=1e-5)


@quick(40)
@given(
    nodes=demands(4),
    lead=st.integers(0, 3),
    halves=st.sampled_from([0, 1, 2, 3]),
    bucket=st.sampled_from([1, 2, 3]),
    base_nodes=st.sampled_from([0.0, 0.5]),
)
def test_no_fleet_that_moves_and_waits_by_half_steps_is_cheaper(nodes, lead, halves, bucket, base_nodes) -> None:
    """What arrives in a half step and waits n more may have to wait (n + 1) halves; at once is no wait at all."""
    patience_s = 60.0 * (halves + 1) if halves else 0.0
    case = a_case(nodes, step_s=120.0, lead_s=60.0 * lead, patience_s=patience_s, base_nodes=base_nodes)
    bills, unserved = brute_waiting(finer(case, 2), 3, halves)
    total = float(case.tokens.sum())
    bound = Buckets(case, bucket)
    for ratio in RATIOS:
        assert case.base_usd + bound.usd(ratio * total) <= least_usd(bills, unserved, ratio, total) + 1e-7


def test_work_may_wait_into_the_next_bucket_for_no_more_than_its_patience() -> None:
    nodes = [1, 2, 0, 1, 0]  # one node for four steps serves it all
    case = a_case(nodes, lead_s=600.0, patience_s=60.0)
    assert Buckets(case, 1).usd(0.0) == pytest.approx((10 + 4) * 0.01, rel=1e-6)
    assert Buckets(case, 2).usd(0.0) <= (10 + 4) * 0.01
    assert Buckets(a_case(nodes, lead_s=600.0), 1).usd(0.0) == pytest.approx((2 * 10 + 5) * 0.01, rel=1e-6)


def test_what_may_still_wait_at_the_end_counts_as_served() -> None:
    half_a_node = 0.5 * 0.01 + 2 * 0.5 * 0.01  # for both steps, and its lead
    assert Buckets(a_case([1, 1], lead_s=60.0, patience_s=60.0), 1).usd(0.0) == pytest.approx(half_a_node, rel=1e-6)
    assert Buckets(a_case([1, 1], lead_s=60.0), 1).usd(0.0) == pytest.approx(3 * 0.01, rel=1e-6)
