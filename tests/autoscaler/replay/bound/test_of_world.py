"""What the bound is told of a world, and that no controller beats it there."""

from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest

from autoscaler.providers.simulated.spec import SimulatedPool, Stock
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound
from autoscaler.replay.bound.of_world import bound_case, with_bounds
from autoscaler.replay.controllers import CONTROLLERS
from autoscaler.replay.run import replay
from autoscaler.replay.serving.queue import Request, RequestQueue
from autoscaler.replay.world import BaseNodes, Requests, World
from planner.profile.model import Basis, Rates
from policies.billing import Billing, Tariff
from policies.scaling import ScalingPolicy
from tests.autoscaler.replay.builders import a_model, a_pool, a_world, rates, traffic


def test_long_steps_are_cut_so_that_a_launch_costs_its_lead_time() -> None:
    case = bound_case(a_world([100.0, 100.0], step_s=600.0))

    assert (case.step_s, case.steps) == (60.0, 20)
    assert case.tokens.sum() == 2 * 600 * 100
    assert case.pools[0].work[0].tolist() == [1.0] * 20


def test_the_shortest_lead_time_and_the_model_load_stand_for_all() -> None:
    case = bound_case(a_world([1.0], pools=(a_pool(lead_times_s=(90.0, 40.0)),), models={"llm": a_model(load_s=20.0)}))

    assert case.pools[0].lead_s == 60.0


def test_a_step_has_its_least_price() -> None:
    pool = a_pool(prices_usd_hour=((60.0, Decimal("0.50")), (150.0, Decimal("0.20")), (170.0, Decimal("0.90"))))

    case = bound_case(a_world([1.0] * 4, pools=(pool,)))

    assert case.pools[0].price_usd_hour.tolist() == [0.36, 0.5, 0.2, 0.9]


def test_a_step_has_the_most_its_stock_has_in_it() -> None:
    stock = (
        Stock(start_s=0, end_s=60, nodes=0),
        Stock(start_s=60, end_s=90, nodes=2),
        Stock(start_s=90, end_s=180, nodes=1),
    )

    case = bound_case(a_world([1.0] * 4, pools=(a_pool(stock=stock, quota=5),)))

    assert case.pools[0].most_nodes is not None
    assert case.pools[0].most_nodes.tolist() == [0.0, 2.0, 1.0, 5.0]


def test_only_spot_by_the_second_is_free_when_it_is_taken_back_early() -> None:
    stock = (Stock(start_s=120, end_s=240, nodes=0),)
    spot = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.1"), is_spot=True)

    freed = bound_case(a_world([1.0] * 4, pools=(a_pool(tariff=spot, stock=stock),)))
    charged = bound_case(a_world([1.0] * 4, pools=(a_pool(stock=stock),)))

    assert freed.pools[0].taken_back_s == (120.0,)
    assert charged.pools[0].taken_back_s == ()


def test_work_that_may_wait_is_counted_at_the_best_mix_it_can_be_served_at() -> None:
    """A fast reader is worth 2 reference nodes when all is input, 1 when all is output; a minute may be waited."""
    reader = Rates(prefill_tok_s=200, decode_tok_s=100, basis=Basis.MEASURED)
    model = a_model(rates={"cloud/small": rates(100), "cloud/reader": reader}, patience_s=60.0)
    pools = (a_pool(), a_pool(key="cloud/reader"))

    world = a_world([100.0, 0.0], models={"llm": model}, pools=pools)
    world = replace(world, traffic=traffic([100.0, 0.0], [0.0, 100.0]))

    assert bound_case(world).pools[1].work[0].tolist() == [0.5, 0.5]
    at_once = replace(world, models={"llm": replace(model, patience_s=0.0)})
    assert bound_case(at_once).pools[1].work[0].tolist() == [1.0, 0.5]


def test_base_serves_its_own_model_alone() -> None:
    base = (BaseNodes(offer="cloud/small", model="other", count=1, bill_usd=Decimal(1)),)
    world = a_world([100.0], base=base)

    assert np.isinf(bound_case(world).base[0].work).all()


def test_a_request_that_lost_its_last_node_is_lost() -> None:
    queue = RequestQueue(patience_s=1000.0)
    request = Request(arrival_s=0.0, work_node_s=20.0, tokens_in=10.0, tokens_out=10.0)

    assert queue.advance(0.0, 10.0, [request], 1.0, lambda *_: None) == 0.0
    assert queue.advance(10.0, 20.0, [], 0.0, lambda *_: None) == pytest.approx(10.0)
    assert queue.is_empty


def _random_world(seed: int) -> World:
    """Two hours of a random walk; one to three pools of any billing, stock, price and speed; patience or none."""
    chance = Random(seed)
    level, asked = 200.0, []
    for _ in range(120):
        level = max(0.0, level + chance.gauss(0, 40))
        asked.append(level)
    pools = tuple(_random_pool(chance, index) for index in range(chance.choice([1, 1, 2, 3])))
    known = {pool.key: rates(chance.choice([50.0, 100.0, 150.0])) for pool in pools}
    patience_s = chance.choice([0.0, 20.0, 90.0])
    model = a_model(rates={**known, "owned/base": rates(80.0)}, reference=pools[0].key, patience_s=patience_s)
    requests = None
    if patience_s and chance.random() < 0.5:
        at = np.sort(np.array([chance.uniform(0, 7200) for _ in range(2000)]))
        requests = Requests(arrival_s=at, input_tokens=np.full(2000, 400.0), output_tokens=np.full(2000, 300.0))
        asked = [float(((at // 60) == step).sum() * 300 / 60) for step in range(120)]
    asked_in = [0.0] * 120 if requests is None else [one * 4 / 3 for one in asked]
    base = (BaseNodes(offer="owned/base", model="llm", count=chance.choice([0, 1]), bill_usd=Decimal("0.3")),)
    return replace(
        a_world(asked, models={"llm": model}, pools=pools, base=base, seed=seed, tick_s=chance.choice([30.0, 60.0])),
        traffic=traffic(asked, asked_in, requests=requests),
    )


def _random_pool(chance: Random, index: int) -> SimulatedPool:
    billing = chance.choice([Billing.SECOND, Billing.STARTED_HOUR])
    is_spot = billing is Billing.SECOND and chance.random() < 0.5
    stock: tuple[Stock, ...] = ()
    if is_spot:
        fall_s = chance.uniform(600, 6000)
        stock = (Stock(start_s=fall_s, end_s=fall_s + chance.uniform(60, 3000), nodes=chance.choice([0, 1])),)
    return a_pool(
        key=f"cloud/{index}",
        tariff=Tariff(billing=billing, price_usd_hour=Decimal(str(chance.choice([0.1, 0.2, 0.4]))), is_spot=is_spot),
        is_spot=is_spot,
        lead_times_s=tuple(chance.uniform(0, 300) for _ in range(3)),
        stock=stock,
        notice_s=120.0 if is_spot else None,
    )


def test_a_bound_is_rounded_down() -> None:
    base = (BaseNodes(offer="metal/base", model="llm", count=1, bill_usd=Decimal("0.3333339")),)
    world = a_world(
        [0.0] * 5, models={"llm": a_model(rates={"cloud/small": rates(100), "metal/base": rates(300)})}, base=base
    )
    result = replay(world, name="hpa", decider=lambda snapshot, plan, policy: (), policy=ScalingPolicy())
    assert with_bounds(result, ClairvoyantBound(bound_case(world))).bound_usd == Decimal("0.333333")


@pytest.mark.parametrize("seed", range(24))
def test_no_controller_beats_the_bound_at_its_own_unserved_share(seed: int) -> None:
    world = _random_world(seed)
    bound = ClairvoyantBound(bound_case(world))

    for name, known in CONTROLLERS.items():
        if not known.needs_plan:
            result = with_bounds(
                replay(world, name=name, decider=known.make(world, None), policy=ScalingPolicy()), bound
            )

            assert result.bound_at_unserved_usd is not None
            assert result.bill_usd >= result.bound_at_unserved_usd, name
            assert result.bound_usd is not None
            assert result.bound_usd >= result.bound_at_unserved_usd
