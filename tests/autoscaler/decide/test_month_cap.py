"""The cap on the month holds where a drain saves nothing that is counted: at the month's end, or with little margin."""

from datetime import timedelta
from decimal import Decimal

import pytest

from autoscaler.decide import decide
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import MONTH_END, a_node, a_pool, a_snapshot, drained


def a_policy(**other) -> ScalingPolicy:
    return ScalingPolicy(max_usd_month=Decimal(10), drain_timeout_s=600, **other)


def test_past_the_cap_a_node_by_the_second_goes_though_its_drain_may_last_to_the_months_end():
    now = MONTH_END - timedelta(minutes=5)
    node = a_node(ordered_at=now - timedelta(hours=1), since=now - timedelta(hours=1))
    seen = a_snapshot(node, now=now, spent_month_usd=Decimal(11), pools=(a_pool(usd_hour="0.20"),))
    assert drained(decide(seen, None, a_policy())) == [node.id]


def test_a_margin_of_nothing_is_refused_since_no_renewal_could_be_kept_from_passing_the_cap():
    with pytest.raises(ValueError, match="renewal_margin_s must be above 0"):
        a_policy(renewal_margin_s=0.0)
