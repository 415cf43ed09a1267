"""The daemon's own controller on simulated clouds: the parts meet, and a run repeats to the byte."""

import subprocess
import sys
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from autoscaler.decide import decide
from autoscaler.fleet import Drain, Hold, Launch
from autoscaler.providers.simulated.spec import FaultMix, Stock
from autoscaler.replay.oracle import oracle
from autoscaler.replay.result import Replayed
from autoscaler.replay.run import reason_of, replay
from autoscaler.replay.world import BaseNodes, World
from policies.billing import Billing, Tariff
from policies.scaling import ScalingPolicy
from tests.autoscaler.replay.builders import a_model, a_pool, a_world, rates, traffic

FULL = ScalingPolicy(target_utilization=1.0, high_utilization=1.0, low_utilization=0.9)


def a_day(noise_ratio: float = 0.03) -> list[float]:
    """By the minute: 1,000 tok/s on average, half as much at night and half more at noon."""
    minutes = np.arange(1440)
    shape = 1000 - 500 * np.cos(2 * np.pi * minutes / 1440)
    return list(shape * np.exp(np.random.default_rng(0).normal(0, noise_ratio, 1440)))


def a_whole_world(**changes: Any) -> World:
    """A base node, a spot pool that is sold out at noon, and an on-demand pool by started hours."""
    spot = a_pool(
        key="cloud/spot",
        is_spot=True,
        tariff=Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.12"), is_spot=True),
        stock=(Stock(start_s=40_000, end_s=45_000, nodes=2),),
        notice_s=120.0,
        lead_times_s=(60.0, 90.0, 200.0),
    )
    hourly = a_pool(
        key="other/big", provider="other", tariff=Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.5"))
    )
    model = a_model(
        rates={
            "cloud/small": rates(100, concurrency=8),
            "cloud/spot": rates(100, concurrency=8),
            "other/big": rates(190, concurrency=16),
            "metal/own": rates(300, concurrency=24),
        },
        patience_s=10.0,
        service_s=20.0,
        load_s=30.0,
        cache_hit_ratio=0.3,
        cache_warmup_s=300.0,
    )
    values: dict[str, Any] = {
        "models": {"llm": model},
        "base": (BaseNodes(offer="metal/own", model="llm", count=1, bill_usd=Decimal(5)),),
        "pools": (a_pool(), spot, hourly),
        "tick_s": 30.0,
    }
    return a_world(a_day(), **(values | changes))


def played(world: World, policy: ScalingPolicy = FULL) -> Replayed:
    return replay(world, name="baseload", decider=decide, policy=policy)


@pytest.fixture(scope="module")
def whole() -> Replayed:
    return played(a_whole_world())


def test_a_day_is_served_within_the_budget_for_less_than_the_peak_costs(whole: Replayed) -> None:
    assert whole.unserved_ratio < 0.005
    assert whole.base_usd < whole.bill_usd < 5 + 12 * Decimal("0.36") * 24  # 1,500 tok/s at noon, 300 of them base
    assert whole.launches > 10
    assert whole.capacity_failures + whole.interruptions > 0


def test_every_action_has_a_reason_without_figures(whole: Replayed) -> None:
    assert sum(whole.reasons.values()) >= whole.ticks
    assert not any(sign.isdigit() for kind in whole.reasons for sign in kind)


def test_a_reason_that_is_counted_names_no_node_and_no_figure() -> None:
    assert reason_of(Launch(pool="p", model="m", reason="load: 3.5 nodes at 75%")) == "launch: load: # nodes at #%"
    assert reason_of(Drain(node_id="n", reason="notice for replay-0-20261102t000000-1")) == "drain: notice for a node"
    assert reason_of(Hold(reason="band: 0.6-0.85")) == "band: #-#"


def test_hours_add_up_to_the_whole(whole: Replayed) -> None:
    hours = whole.hours
    assert float(hours.cost_usd.sum()) == pytest.approx(float(whole.bill_usd))
    assert hours.unserved_tokens.sum() / hours.asked_tokens.sum() == pytest.approx(whole.unserved_ratio, abs=1e-6)
    assert sum(whole.unserved_tokens.values()) == pytest.approx(hours.unserved_tokens.sum(), abs=1e-6)
    held_h = sum((lease.end_min - lease.start_min) * lease.count for lease in whole.leases) / 60
    assert sum(series.sum() for series in hours.pools.values()) == pytest.approx(held_h)
    assert (hours.ready_nodes > 0).all()


@pytest.mark.parametrize(("least", "idle_nodes"), [({}, 0.0), ({"llm": 1}, 1.0)], ids=["to zero", "a floor of one"])
def test_busy_idle_busy_ends_the_last_node_and_starts_again_on_what_arrives(
    least: dict[str, int], idle_nodes: float
) -> None:
    """Three hours: 3 nodes of work, nothing, 3 nodes of work; without base."""
    world = a_world([300.0] * 60 + [0.0] * 60 + [300.0] * 60)
    one = played(world, replace(FULL, min_nodes=least))
    hours, served = one.hours, one.hours.asked_tokens - one.hours.unserved_tokens
    assert hours.pools["cloud/small"][2] > 3
    assert served[2] > 0.9 * hours.asked_tokens[2]
    at_100_min = [lease for lease in one.leases if lease.start_min <= 100 < lease.end_min]
    assert sum(lease.count for lease in at_100_min) == idle_nodes


def test_knowing_one_lead_time_ahead_serves_more_for_less() -> None:
    """Six minutes of lead time, a tooth of ten nodes each hour: who knows is there in time and gone in time."""
    asked = ([200.0] * 20 + [1200.0] * 20 + [200.0] * 20) * 6
    world = a_world(asked, pools=(a_pool(lead_times_s=(360.0,)),))
    policy = replace(FULL, hold_s=0.0, cooldown_s=0.0)
    told = replay(world, name="oracle", decider=oracle(world, decide), policy=policy)
    measured = played(world, replace(policy, is_predictive=False))
    assert told.unserved_ratio < measured.unserved_ratio / 5
    assert told.bill_usd < measured.bill_usd * Decimal("1.1")


STORM = FaultMix(
    name="storm",
    timeout_before=0.05,
    timeout_after=0.05,
    server_error=0.05,
    rate_limited=0.05,
    stale_list=0.1,
    partial_list=0.05,
    visible_after_most_s=60.0,
    extra_no_capacity=0.1,
    never_boots=0.05,
    breaks_per_hour=0.2,
    notice_missing=0.3,
    duplicate_event=0.1,
    metrics_vanish_per_day=10,
    metrics_stale_per_day=10,
    metrics_zero_per_day=10,
    outage_per_day=4,
    crash=0.05,
)


def storm_value(seed: int) -> str:
    """Everything but the wall time of five hours in a storm, as text."""
    world = a_whole_world(faults=STORM, seed=seed, traffic=traffic(a_day()[500:800]))
    value = asdict(played(world, ScalingPolicy())) | {"seconds": 0}
    value["hours"] = {
        key: {name: list(map(float, one)) for name, one in series.items()}
        if isinstance(series, dict)
        else [float(number) for number in series]
        for key, series in value["hours"].items()
    }
    return repr(value)


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed_and_another_seed_others() -> None:
    here = storm_value(1)
    assert here != storm_value(2)
    script = "from tests.autoscaler.replay.test_whole import storm_value; print(storm_value(1))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert done.stdout.strip() == here
