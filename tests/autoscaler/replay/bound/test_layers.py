"""Whole nodes by the second: against every fleet there is, and against schedules that start and end at any second."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.bound.clairvoyant import ClairvoyantBound, bound_usd
from tests.autoscaler.replay.bound.worlds import Held, a_case, brute_by_second, demands, least_usd, played, quick

RATIOS = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
A_STEP_USD = 0.01
"""60 s at 0.6 USD an hour."""


def test_one_node_for_three_minutes_pays_its_lead_and_its_minutes() -> None:
    case = a_case([0, 1, 1, 1, 0], lead_s=120)
    assert bound_usd(case, 0.0) == pytest.approx(5 + (2 + 3) * A_STEP_USD)


def test_a_gap_shorter_than_the_lead_is_kept_and_a_longer_one_relaunched() -> None:
    assert bound_usd(a_case([1, 0, 1], lead_s=120), 0.0) == pytest.approx(5 + (2 + 3) * A_STEP_USD)
    assert bound_usd(a_case([1, 0, 0, 0, 1], lead_s=120), 0.0) == pytest.approx(5 + (2 + 1 + 2 + 1) * A_STEP_USD)


def test_each_layer_of_demand_pays_alone() -> None:
    assert bound_usd(a_case([1, 2.5, 1], lead_s=60), 0.0) == pytest.approx(5 + (1 + 3) * 0.01 + 2 * (1 + 1) * 0.01)


def test_base_serves_first_and_is_in_every_bill() -> None:
    assert bound_usd(a_case([1, 2, 1], base_nodes=1, lead_s=60), 0.0) == pytest.approx(5 + 2 * A_STEP_USD)
    assert bound_usd(a_case([1, 1], base_nodes=1), 0.0) == 5.0


def test_a_node_that_serves_egress_pays_for_it() -> None:
    assert bound_usd(a_case([0.5], lead_s=0, egress_usd_step=1.0), 0.0) == pytest.approx(5 + A_STEP_USD + 0.5)


def test_the_lead_is_paid_at_the_prices_of_its_own_steps() -> None:
    case = a_case([0, 0, 1], lead_s=120, price=[0.6, 1.2, 6.0])
    assert bound_usd(case, 0.0) == pytest.approx(5 + 0.01 + 0.02 + 0.1)


def test_nothing_served_costs_the_base_alone_and_nothing_asked_too() -> None:
    assert bound_usd(a_case([1, 3, 2]), 1.0) == 5.0
    assert bound_usd(a_case([0, 0]), 0.0) == 5.0


def test_where_the_pool_is_sold_out_no_bill_serves_all() -> None:
    case = a_case([1, 2, 1], most=[1, 1, 1])
    bound = ClairvoyantBound(case)
    assert bound.least_unserved_ratio == pytest.approx(0.25)
    assert bound.usd(0.24) == float("inf")
    assert bound.usd(0.25) == pytest.approx(5 + (2 + 3) * A_STEP_USD)


def test_a_share_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unserved_ratio must be in \[0, 1\], got -0.1"):
        bound_usd(a_case([1]), -0.1)


@quick(60)
@given(
    nodes=demands(6),
    lead=st.integers(0, 3),
    richness=st.lists(st.sampled_from([1.0, 2.0, 5.0]), min_size=6, max_size=6),
    prices=st.lists(st.sampled_from([0.3, 0.6, 2.0]), min_size=6, max_size=6),
    most=st.none() | st.lists(st.integers(0, 3), min_size=6, max_size=6),
    base_nodes=st.sampled_from([0.0, 0.5, 1.0]),
    egress=st.sampled_from([0.0, 0.004]),
)
def test_no_fleet_is_cheaper_at_any_share_and_at_all_served_the_best_is_the_bound(
    nodes, lead, richness, prices, most, base_nodes, egress
) -> None:
    steps = len(nodes)
    case = a_case(
        nodes,
        lead_s=60.0 * lead,
        richness=richness[:steps],
        price=prices[:steps],
        most=None if most is None else most[:steps],
        base_nodes=base_nodes,
        egress_usd_step=egress,
    )
    bound = ClairvoyantBound(case)
    bills, unserved = brute_by_second(case, 3)
    total = float(case.tokens.sum())
    for ratio in RATIOS:
        assert bound.usd(ratio) <= least_usd(bills, unserved, ratio, total)
    least = bound.least_unserved_ratio
    assert bound.usd(least) == pytest.approx(least_usd(bills, unserved, least, total), rel=1e-7)
    hull = lower_hull(bills, unserved, [ratio * total for ratio in RATIOS if ratio >= least])
    found = [bound.usd(ratio) for ratio in RATIOS if ratio >= least]
    assert found == pytest.approx(hull, rel=1e-5)


def lower_hull(bills, unserved, at) -> list[float]:
    """The convex envelope of (unserved, bill) at some amounts: the least mixture of two fleets that leaves no more."""
    best = np.minimum.accumulate(np.array([bills[unserved <= u + 1e-9].min() for u in np.unique(unserved)]))
    amounts = np.unique(unserved)
    values = []
    for amount in at:
        low, high = amounts <= amount + 1e-9, amounts > amount
        value = best[low].min()
        if high.any():
            left, right = amounts[low][:, None], amounts[high][None, :]
            share = (amount - left) / (right - left)
            value = min(value, float((best[low][:, None] * (1 - share) + best[high][None, :] * share).min()))
        values.append(value)
    return values


leases = st.lists(st.tuples(st.floats(-300, 420), st.floats(0, 600)), max_size=5)


@quick(150)
@given(
    nodes=demands(8), lead_s=st.sampled_from([0.0, 45.0, 60.0, 150.0]), held=leases, base_nodes=st.sampled_from([0, 1])
)
def test_no_schedule_at_any_second_pays_less_than_the_bound_at_its_own_share(nodes, lead_s, held, base_nodes) -> None:
    case = a_case(nodes, lead_s=lead_s, base_nodes=base_nodes)
    bill, ratio = played(case, [Held(start, start + length) for start, length in held], Decimal("0.6"))
    assert bound_usd(case, min(max(ratio, 0.0), 1.0)) <= bill + 1e-9


@quick(60)
@given(nodes=demands(8), lead_s=st.sampled_from([0.0, 45.0, 60.0, 150.0]), shift=st.floats(0, 59.9))
def test_a_schedule_that_serves_all_from_between_two_steps_pays_no_less(nodes, lead_s, shift) -> None:
    case = a_case(nodes, lead_s=lead_s)
    held = [
        Held(60.0 * step - shift - lead_s, 60.0 * (step + 1) + shift)
        for step, work in enumerate(nodes)
        for _ in range(int(np.ceil(work)))
    ]
    bill, ratio = played(case, held, Decimal("0.6"))
    assert ratio == pytest.approx(0.0, abs=1e-12)
    assert bound_usd(case, 0.0) <= bill


@quick(40)
@given(nodes=demands(8), lead=st.integers(0, 4), base_nodes=st.sampled_from([0.0, 0.5]))
def test_the_bound_falls_and_is_convex_in_the_share_unserved_and_rises_with_the_lead(nodes, lead, base_nodes) -> None:
    bound = ClairvoyantBound(a_case(nodes, lead_s=60.0 * lead, base_nodes=base_nodes))
    values = np.array([bound.usd(ratio) for ratio in np.linspace(0, 1, 21)])
    assert (np.diff(values) <= 1e-9).all()
    assert (np.diff(values, 2) >= -1e-5).all()
    longer = ClairvoyantBound(a_case(nodes, lead_s=60.0 * lead + 30, base_nodes=base_nodes))
    assert all(longer.usd(ratio) >= bound.usd(ratio) - 1e-6 for ratio in (0.0, 0.1, 0.5))


def kept_or_relaunched_usd(nodes: list[float], lead: int) -> float:
    """Each layer's minutes, its gaps at the lesser of their own length and a launch, and its first launch."""
    minutes = 0
    for layer in range(int(np.ceil(max(nodes)))):
        on = [minute for minute, work in enumerate(nodes) if work > layer]
        gaps = [later - earlier - 1 for earlier, later in pairwise(on)]
        minutes += lead + len(on) + sum(min(gap, lead) for gap in gaps)
    return minutes * A_STEP_USD


@pytest.mark.parametrize("seed", range(5))
def test_on_a_day_of_noisy_minutes_every_layer_is_kept_or_relaunched_by_what_is_cheaper(seed: int) -> None:
    rng = np.random.default_rng(seed)
    day = np.maximum(4 + 3 * np.sin(np.arange(1440) / 229) + rng.normal(0, 0.3, 1440), 0)
    case = a_case(day.tolist(), lead_s=360)
    assert bound_usd(case, 0.0) == pytest.approx(5 + kept_or_relaunched_usd(day.tolist(), 6), rel=1e-8)
