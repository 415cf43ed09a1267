"""What the next hour of burst would cost: of the pool that would be asked now, for tokens of the measured mix."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from autoscaler.decide import decide
from autoscaler.decide.marginal import NextNode, next_nodes
from policies.scaling import ScalingPolicy
from tests.autoscaler.fleets import NOW, a_demand, a_pool, a_snapshot, launches, nodes

POLICY = ScalingPolicy()
A, B = a_pool("aws/a", "0.27"), a_pool("aws/b", "0.20", max_count=0)


def test_it_is_the_pool_that_would_be_asked_and_not_the_cheapest_one() -> None:
    # 1,000 output tok/s keep one node busy: 3.6 Mtok an hour, 2.7 at the target; 0.27 USD for them.
    demand = a_demand(2.0, output_tok_s=2000.0)
    snapshot = a_snapshot(pools=(A, B), demand={"chat": demand})
    found = next_nodes(snapshot, None, POLICY)["chat"]
    assert (found.pool, found.price_usd_hour) == ("aws/a", Decimal("0.27"))
    assert found.usd_mtok == pytest.approx(0.10)
    assert launches(decide(snapshot, None, POLICY))[0] == found.pool


def test_interruptions_and_egress_are_in_what_a_token_costs_and_not_in_what_is_billed() -> None:
    dear = replace(A, interruption_usd_hour=Decimal("0.27"), egress_usd_mtok=Decimal("0.05"))
    demand = a_demand(2.0, output_tok_s=2000.0)
    found = next_nodes(a_snapshot(pools=(dear,), demand={"chat": demand}), None, POLICY)["chat"]
    assert found.price_usd_hour == Decimal("0.27")
    assert found.usd_mtok == pytest.approx(0.10 + 0.10 + 0.05)


def test_a_faster_nodes_tokens_cost_less() -> None:
    demand = a_demand(2.0, output_tok_s=2000.0, speed={"aws/a": 1.5})
    found = next_nodes(a_snapshot(pools=(A,), demand={"chat": demand}), None, POLICY)["chat"]
    assert found.usd_mtok == pytest.approx(0.10 / 1.5)


def test_without_a_measured_mix_there_is_a_price_of_an_hour_and_none_of_a_token() -> None:
    found = next_nodes(a_snapshot(*nodes(1), pools=(A,)), None, POLICY)
    assert found == {"chat": NextNode(pool="aws/a", price_usd_hour=Decimal("0.27"), usd_mtok=None)}


@pytest.mark.parametrize(
    ("changed", "policy"),
    [
        ({"max_count": 0}, POLICY),
        ({"retry_at": NOW + timedelta(minutes=5), "failures": 1}, POLICY),
        ({}, ScalingPolicy(max_nodes=1)),
        ({}, ScalingPolicy(max_usd_hour=Decimal("0.30"))),
    ],
)
def test_where_nothing_may_be_had_there_is_no_price(changed: dict[str, object], policy: ScalingPolicy) -> None:
    snapshot = a_snapshot(*nodes(1), pools=(replace(A, **changed),), demand={"chat": a_demand(2.0)})  # type: ignore[arg-type]
    assert next_nodes(snapshot, None, policy) == {}
