"""Whole leases by the started hour: against every set of leases, and against leases from any second."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.bound.buckets import Buckets
from autoscaler.replay.bound.case import BoundCase
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound, bound_usd
from policies.billing import Billing
from tests.autoscaler.replay.bound.worlds import Held, a_case, brute_by_hour, demands, least_usd, played, quick

RATIOS = (0.0, 0.05, 0.1, 0.25, 0.5, 0.9, 1.0)


def hourly(nodes: Sequence[float], **how: Any) -> BoundCase:
    """Steps of 20 minutes: three to the hour; 1 USD an hour, 5 USD of base."""
    usual: dict[str, Any] = {"step_s": 1200.0, "price": 1.0, "billing": Billing.STARTED_HOUR, "lead_s": 0.0}
    return a_case(nodes, **usual | how)


def test_a_minute_costs_an_hour_and_the_rest_of_the_hour_is_free() -> None:
    assert bound_usd(hourly([1]), 0.0) == pytest.approx(6)
    assert bound_usd(hourly([1, 0, 1]), 0.0) == pytest.approx(6)
    assert bound_usd(hourly([1, 0, 0, 1]), 0.0) == pytest.approx(7)


def test_the_lead_is_within_the_first_paid_hour_and_not_within_a_renewal() -> None:
    assert bound_usd(hourly([1, 1, 1], lead_s=1200.0), 0.0) == pytest.approx(7)
    assert bound_usd(hourly([1, 1, 1, 1, 1], lead_s=1200.0), 0.0) == pytest.approx(7)
    assert bound_usd(hourly([1] * 6, lead_s=1200.0), 0.0) == pytest.approx(8)


def test_a_lead_longer_than_an_hour_pays_the_hours_before() -> None:
    assert bound_usd(hourly([1], lead_s=4800.0), 0.0) == pytest.approx(7)


def test_two_leases_share_a_peak_better_than_layers_alone() -> None:
    nodes = [1, 1, 2, 1, 1]  # two leases that overlap at the peak, not one for the peak and two for the rest
    assert bound_usd(hourly(nodes), 0.0) == pytest.approx(7)


@quick(40)
@given(
    nodes=demands(5, most=2.0),
    lead=st.integers(0, 4),
    richness=st.lists(st.sampled_from([1.0, 3.0]), min_size=5, max_size=5),
    most=st.none() | st.lists(st.integers(0, 2), min_size=5, max_size=5),
    base_nodes=st.sampled_from([0.0, 0.5]),
    egress=st.sampled_from([0.0, 0.3]),
)
def test_no_set_of_leases_is_cheaper_and_at_all_served_the_best_is_the_bound(
    nodes, lead, richness, most, base_nodes, egress
) -> None:
    steps = len(nodes)
    case = hourly(
        nodes,
        lead_s=1200.0 * lead,
        richness=richness[:steps],
        most=None if most is None else most[:steps],
        base_nodes=base_nodes,
        egress_usd_step=egress,
    )
    bound = ClairvoyantBound(case)
    bills, unserved = brute_by_hour(case, 4)
    total = float(case.tokens.sum())
    for ratio in RATIOS:
        assert bound.usd(ratio) <= least_usd(bills, unserved, ratio, total) + 1e-9
    least = bound.least_unserved_ratio
    assert bound.usd(least) == pytest.approx(least_usd(bills, unserved, least, total), rel=1e-6)
    values = np.array([bound.usd(ratio) for ratio in np.linspace(least, 1, 9)])
    assert (np.diff(values) <= 1e-6).all()
    assert (np.diff(values, 2) >= -1e-6).all()


@quick(150)
@given(
    nodes=demands(8),
    lead_s=st.sampled_from([0.0, 300.0, 1200.0, 4000.0]),
    held=st.lists(st.tuples(st.floats(-4000, 9000), st.floats(0, 12000)), max_size=5),
    base_nodes=st.sampled_from([0, 1]),
)
def test_no_lease_from_any_second_pays_less_than_the_bound_at_its_own_share(nodes, lead_s, held, base_nodes) -> None:
    case = hourly(nodes, lead_s=lead_s, base_nodes=base_nodes)
    bill, ratio = played(case, [Held(start, start + length) for start, length in held], Decimal(1))
    ratio = min(max(ratio, 0.0), 1.0)
    assert bound_usd(case, ratio) <= bill + 1e-9
    assert case.base_usd + Buckets(case, 1).usd(ratio * case.tokens.sum()) <= bill + 1e-6


@quick(25)
@given(nodes=demands(8), lead=st.integers(0, 4))
def test_a_longer_lead_never_lowers_the_bound_and_the_relaxation_is_never_above_it(nodes, lead) -> None:
    case = hourly(nodes, lead_s=1200.0 * lead)
    bound, longer = ClairvoyantBound(case), ClairvoyantBound(hourly(nodes, lead_s=1200.0 * lead + 1200))
    for ratio in (0.0, 0.1, 0.5):
        assert longer.usd(ratio) >= bound.usd(ratio) - 1e-6
        for size in (1, 3):
            relaxed = Buckets(case, size).usd(ratio * case.tokens.sum())
            assert relaxed <= bound.usd(ratio) - case.base_usd + 1e-6
