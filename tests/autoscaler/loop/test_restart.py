"""A controller made anew before every tick of a whole replay does what one that was never restarted does."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from autoscaler.decide import decide
from autoscaler.fleet import Action
from autoscaler.journal import Result
from autoscaler.providers.simulated.mixes import NORMAL
from autoscaler.providers.simulated.spec import NO_FAULTS, FaultMix, Stock
from autoscaler.replay.run import Engine
from autoscaler.replay.world import World
from policies.billing import Billing, Tariff
from policies.scaling import ScalingPolicy
from tests.autoscaler.replay.builders import a_model, a_pool, a_world, rates

TICKS = 360


def a_lively_world(faults: FaultMix) -> World:
    """Six hours of waves of half an hour; spot that is taken back now and then, on-demand beside it, a queue."""
    minutes = np.arange(TICKS)
    wave = 500 + 350 * np.sin(minutes / 30 * 2 * np.pi) + 100 * np.sin(minutes / 7)
    falls = tuple(Stock(start_s=at_s, end_s=at_s + 900, nodes=1) for at_s in (7_000.0, 17_000.0))
    spot = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.12"), is_spot=True)
    pools = (
        a_pool(key="aws/spot", provider="aws", tariff=spot, is_spot=True, stock=falls, notice_s=120.0),
        a_pool(key="ovh/small", provider="ovh", lead_times_s=(60.0, 90.0), quota=4),
        a_pool(key="aws/small", provider="aws", lead_times_s=(60.0, 200.0)),
    )
    model = a_model(
        rates={pool.key: rates(100) for pool in pools},
        reference="aws/small",
        patience_s=30.0,
        service_s=20.0,
    )
    return a_world(wave.tolist(), pools=pools, models={"llm": model}, faults=faults)


def run(world: World, *, restarts: bool) -> list[list[tuple[Action, Result]]]:
    engine = Engine(world, decider=decide, policy=ScalingPolicy(max_usd_month=Decimal(30)))
    told = []
    for tick in range(world.ticks):
        if restarts:
            engine._controller = engine._started()
        engine.tick((tick + 1) * world.tick_s)
        report = engine.truth.report
        assert report is not None
        told.append([(acted.action, acted.result) for acted in report.acted])
    assert sum(cloud.refused for cloud in engine.clouds.values()) > 0
    assert any(one.was_taken_back for one in engine.clouds["aws"].truth)
    assert len({one.pool for cloud in engine.clouds.values() for one in cloud.truth}) > 1
    return told


@pytest.mark.parametrize("faults", [NO_FAULTS, replace(NORMAL, crash=0.0)], ids=["no faults", "normal faults"])
def test_a_controller_made_anew_before_every_tick_does_what_a_steady_one_does(faults):
    world = a_lively_world(faults)
    assert run(world, restarts=True) == run(world, restarts=False)
