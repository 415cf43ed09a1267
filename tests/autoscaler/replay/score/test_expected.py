"""What to expect of each offer at the target, and the target that an SLO allows."""

from dataclasses import replace
from decimal import Decimal

import pytest

from autoscaler.replay.score.expected import expected_offers, slo_target
from autoscaler.replay.world import World
from planner.errors import InputError
from planner.profile.curve import Curve, Point
from planner.profile.latency import latency_at, slo_utilization
from planner.profile.model import Slo
from tests.autoscaler.report.replays import BASE, DEMAND, SPOT, a_world

CURVE = Curve(
    workload="chat",
    prompt_tokens=10,
    output_tokens=50,
    points=(
        Point(concurrency=1, input_tok_s=10, output_tok_s=20, ttft_p95_ms=100, tpot_ms=50),
        Point(concurrency=10, input_tok_s=50, output_tok_s=100, ttft_p95_ms=1000, tpot_ms=100),
    ),
)


def measured(slo: Slo | None = None, *offers: str) -> World:
    """The tiny world, mean demand 275 tok/s, with a curve for each of the offers."""
    world = a_world()
    model = replace(
        world.models["m"],
        curves=dict.fromkeys(offers or (DEMAND,), CURVE),
        slo=slo or Slo(ttft_ms=2000, tpot_ms=100),
    )
    return replace(world, models={"m": model})


def test_cost_is_the_price_over_the_tokens_of_a_node_at_the_target() -> None:
    by_offer = {one.offer: one for one in expected_offers(measured(), 0.8)}
    assert list(by_offer) == [BASE, SPOT, DEMAND]
    assert by_offer[DEMAND].cost_usd_mtok == pytest.approx(0.20 / (0.8 * 100 * 3600) * 1e6)
    assert by_offer[SPOT].cost_usd_mtok == pytest.approx(0.10 / (0.8 * 100 * 3600) * 1e6)
    assert by_offer[SPOT].price_usd_hour == Decimal("0.10")
    assert (by_offer[BASE].price_usd_hour, by_offer[BASE].cost_usd_mtok) == (None, None)


def test_latency_is_the_curves_at_the_places_of_the_mean_fleet() -> None:
    by_offer = {one.offer: one for one in expected_offers(measured(), 0.5)}
    # 275 tok/s are 2.75 nodes of 100, 5.5 of them at half: five
    assert by_offer[DEMAND].latency == latency_at(CURVE, 10, 0.5, nodes=5)
    assert by_offer[SPOT].latency is None


def test_the_target_is_the_highest_every_measured_offer_allows() -> None:
    world = measured(None, DEMAND, BASE)  # 2.75 nodes busy of one, 1.375 of the other
    each = [slo_utilization(CURVE, 10, Slo(ttft_ms=2000, tpot_ms=100), nodes=nodes) for nodes in (2, 1)]
    assert slo_target(world) == min(each, key=lambda one: one or 0)
    assert 0 < slo_target(world) < slo_target(measured(Slo(ttft_ms=4000, tpot_ms=100), DEMAND, BASE)) < 1


@pytest.mark.parametrize(
    ("world", "said"),
    [
        (measured(Slo()), "model m has no SLO"),
        (measured(Slo(ttft_ms=50)), "misses its SLO at any utilization"),
        (a_world(), "has no SLO"),
        (replace(measured(), models={"m": replace(measured().models["m"], curves={})}), "no offer of the world has"),
    ],
)
def test_a_target_that_cannot_be_derived_is_refused(world: World, said: str) -> None:
    with pytest.raises(InputError, match=said):
        slo_target(world)
