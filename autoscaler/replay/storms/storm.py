"""Storms: small worlds drawn from a seed, in which everything that can go wrong does, and soon. Same seed, same storm.

A storm is a few hours of traffic with jumps and silences, two models at most, a handful of pools of two clouds under
every billing rule, faults of every kind, a policy drawn from the whole range, and an operator who pauses, sets floors
and ceilings, starts a second controller, and finds other people's machines in the account. They are for the invariants:
nothing about them is typical.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import pi, sin
from random import Random

import numpy as np

from autoscaler.fleet import Controls, FleetPlan, PlannedHour
from autoscaler.providers.simulated.spec import FaultMix, SimulatedPool, Stock
from autoscaler.replay.run import FLEET
from autoscaler.replay.world import BaseNodes, ServedModel, Traffic, World
from planner.profile.model import Basis, Rates
from policies.billing import Billing, Tariff
from policies.scaling import ScalingPolicy
from policies.units import SECONDS_PER_HOUR

FIRST = datetime(2026, 11, 30, 20, tzinfo=UTC)
"""Storms begin in the hours around the end of a month."""
CLOUDS = ("aws", "ovh")
OWN_RULES: Mapping[str, tuple[Billing, ...]] = {
    "aws": (Billing.SECOND,),
    "ovh": (Billing.STARTED_HOUR, Billing.STARTED_HOUR_CAPPED, Billing.SECOND),
}
BASE_OFFER = "hetzner/base"
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """A machine that appears in the account and that no intent is about."""

    at_s: float
    pool: str
    fleet: str | None
    """Our own fleet's tag: an orphan; another's, or none: not ours to touch."""
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """One world, the policy to run in it, and what happens from outside while it runs."""

    seed: int
    world: World
    policy: ScalingPolicy
    plan: FleetPlan | None
    controls: tuple[tuple[float, Controls], ...] = ()
    """(from second, what the operator asks for), in order."""
    strangers: tuple[Stranger, ...] = ()
    successions: tuple[float, ...] = ()
    """Seconds at which a new leader starts, the old one unaware of it."""


def storm(seed: int) -> Storm:
    """The storm of that seed."""
    rng = Random(seed)  # the seed is the storm's name
    minutes = rng.choice((60, 120, 120, 300))
    models = ("m", "n")[: rng.choice((1, 1, 2))]
    pools = tuple(_pool(rng, index, minutes * MINUTE_S) for index in range(rng.randint(1, 4)))
    offers = {pool.key: pool for pool in pools}
    world = World(
        name=f"storm {seed}",
        traffic=_traffic(rng, models, minutes),
        models={model: _model(rng, model, tuple(offers)) for model in models},
        base=tuple(_base(model, rng.randint(1, 2)) for model in models if rng.random() < 0.5),
        pools=pools,
        group_max={"group": rng.randint(1, 8)},
        tick_s=rng.choice((30.0, 60.0, 60.0)),
        faults=_faults(rng),
        seed=seed,
    )
    return Storm(
        seed=seed,
        world=world,
        policy=_policy(rng, models),
        plan=None if rng.random() < 0.3 else _plan(rng, models, tuple(offers), world.traffic),
        controls=_controls(rng, models, minutes * MINUTE_S),
        strangers=_strangers(rng, models, tuple(offers), minutes * MINUTE_S),
        successions=(rng.uniform(0.2, 0.9) * minutes * MINUTE_S,) if rng.random() < 0.3 else (),
    )


# --- what is asked for


def _traffic(rng: Random, models: Sequence[str], minutes: int) -> Traffic:
    work = np.array([_work(rng, minutes) for _ in models])
    start = FIRST + timedelta(minutes=rng.randint(0, 239))
    return Traffic(
        start=start,
        step_s=MINUTE_S,
        models=tuple(models),
        input_tok_s=work * 500.0 * rng.choice((0.2, 1.0)),
        output_tok_s=work * 50.0,
        is_gap=np.zeros(minutes, dtype=bool),
        source="drawn",
    )


def _work(rng: Random, minutes: int) -> list[float]:
    """Work per minute: a wave with noise, and spells in which it jumps or falls silent."""
    level, depth, turns, phase = rng.uniform(0.5, 6), rng.uniform(0, 0.9), rng.uniform(0.5, 3), rng.uniform(0, 2 * pi)
    noise = rng.choice((0.0, 0.02, 0.2))
    factor, until, work = 1.0, 0, []
    for minute in range(minutes):
        if minute >= until:
            factor = rng.choice((1.0, 1.0, 1.0, 0.0, 0.2, 2.5))
            until = minute + rng.randint(5, 40)
        wave = 1 + depth * sin(phase + 2 * pi * turns * minute / minutes)
        work.append(max(0.0, level * wave * factor * (1 + noise * rng.gauss(0, 1))))
    return work


def _model(rng: Random, name: str, offers: Sequence[str]) -> ServedModel:
    speeds = {offer: rng.choice((0.5, 1.0, 1.0, 2.0)) for offer in (*offers, BASE_OFFER)}
    speeds[offers[0]] = 1.0
    some = [offer for offer in offers if rng.random() < 0.8]
    rates = {
        offer: Rates(prefill_tok_s=5000.0 * speeds[offer], decode_tok_s=100.0 * speeds[offer], basis=Basis.MEASURED)
        for offer in {offers[0], *some, BASE_OFFER}
    }
    return ServedModel(
        name=name,
        rates=dict(sorted(rates.items())),
        reference=offers[0],
        cache_hit_ratio=rng.choice((0.0, 0.5)),
        cache_warmup_s=rng.choice((0.0, 300.0)),
        load_s=rng.choice((0.0, 30.0, 150.0)),
        patience_s=rng.choice((0.0, 30.0, 300.0)),
        service_s=rng.choice((5.0, 60.0, 400.0)),
    )


def _base(model: str, count: int) -> BaseNodes:
    return BaseNodes(offer=BASE_OFFER, model=model, count=count, bill_usd=Decimal(count))


# --- who sells


def _pool(rng: Random, index: int, duration_s: float) -> SimulatedPool:
    cloud = rng.choice(CLOUDS)
    is_spot = cloud == "aws" and rng.random() < 0.8
    price = Decimal(rng.randint(5, 60)) / 100
    key = f"{cloud}/type{index}/{'spot' if is_spot else 'on-demand'}"
    return SimulatedPool(
        key=key,
        provider=cloud,
        zone=rng.choice((None, "a", "b")),
        tariff=_tariff(rng, cloud, price, is_spot=is_spot),
        is_spot=is_spot,
        lead_times_s=tuple(rng.uniform(20, 500) for _ in range(rng.randint(1, 5))),
        prices_usd_hour=_prices(rng, price, duration_s) if is_spot else (),
        stock=_stock(rng, duration_s) if is_spot or rng.random() < 0.3 else (),
        quota=rng.choice((None, None, rng.randint(0, 8))),
        count_group=rng.choice((None, None, "group")),
        notice_s=rng.choice((30.0, 120.0, 300.0)) if is_spot else None,
        rebalance_s=rng.choice((None, 300.0)) if is_spot else None,
    )


def _tariff(rng: Random, cloud: str, price: Decimal, *, is_spot: bool) -> Tariff:
    billing = rng.choice(OWN_RULES[cloud])
    cap = price * 30 if billing is Billing.STARTED_HOUR_CAPPED else None
    return Tariff(billing=billing, price_usd_hour=price, fee_usd_month=cap, is_spot=is_spot)


def _prices(rng: Random, price: Decimal, duration_s: float) -> tuple[tuple[float, Decimal], ...]:
    changes = sorted(rng.uniform(0, duration_s) for _ in range(rng.randint(0, 4)))
    return tuple((at_s, price * Decimal(rng.randint(50, 200)) / 100) for at_s in changes)


def _stock(rng: Random, duration_s: float) -> tuple[Stock, ...]:
    """Spells of little or no stock."""
    edges = sorted(rng.uniform(0, duration_s) for _ in range(2 * rng.randint(0, 3)))
    spells = zip(edges[::2], edges[1::2], strict=True)
    return tuple(Stock(start_s=start, end_s=end, nodes=rng.choice((0, 0, 1, 3))) for start, end in spells)


# --- what goes wrong


def _faults(rng: Random) -> FaultMix:
    """Each kind of fault, about half of the time, from now and then to all the time."""

    def some(most: float) -> float:
        return rng.choice((0.0, rng.uniform(0, most)))

    return FaultMix(
        name="storm",
        timeout_before=some(0.3),
        timeout_after=some(0.3),
        server_error=some(0.2),
        rate_limited=some(0.2),
        stale_list=some(0.3),
        stale_most_s=rng.choice((30.0, 120.0, 250.0)),
        partial_list=some(0.3),
        visible_after_most_s=rng.choice((0.0, 20.0, 200.0)),
        extra_no_capacity=some(0.3),
        never_boots=some(0.2),
        breaks_per_hour=some(1.0),
        notice_missing=some(0.5),
        notice_late=some(1.0),
        duplicate_event=some(0.3),
        metrics_vanish_per_day=some(24.0),
        metrics_stale_per_day=some(24.0),
        metrics_zero_per_day=some(24.0),
        outage_per_day=some(24.0),
        crash=some(0.1),
    )


def _controls(rng: Random, models: Sequence[str], duration_s: float) -> tuple[tuple[float, Controls], ...]:
    """What the operator asks for from time to time; always ends with nothing asked."""
    times = sorted(rng.uniform(0, duration_s) for _ in range(rng.choice((0, 0, 1, 3))))
    asked = [(at_s, _asked(rng, models)) for at_s in times]
    return (*asked, (0.8 * duration_s, Controls())) if asked and asked[-1][0] < 0.8 * duration_s else tuple(asked)


def _asked(rng: Random, models: Sequence[str]) -> Controls:
    model = rng.choice(models)
    return rng.choice(
        (
            Controls(is_paused=True),
            Controls(is_scale_in_paused=True),
            Controls(min_nodes={model: rng.randint(1, 4)}),
            Controls(max_nodes={model: rng.randint(0, 3)}),
            Controls(),
        )
    )


def _strangers(rng: Random, models: Sequence[str], offers: Sequence[str], duration_s: float) -> tuple[Stranger, ...]:
    return tuple(
        Stranger(
            at_s=rng.uniform(0, 0.5 * duration_s),
            pool=rng.choice(offers),
            fleet=rng.choice((None, "another", FLEET)),
            model=rng.choice(models),
        )
        for _ in range(rng.choice((0, 0, 1, 2)))
    )


# --- what is wanted


def _plan(rng: Random, models: Sequence[str], offers: Sequence[str], traffic: Traffic) -> FleetPlan:
    first = traffic.start.replace(minute=0, second=0, microsecond=0)
    hours = [first + timedelta(hours=hour) for hour in range(int(traffic.duration_s // SECONDS_PER_HOUR) + 2)]
    return FleetPlan(
        hours={
            model: {
                hour: PlannedHour(work_nodes=rng.uniform(0, 6), burst={rng.choice(offers): rng.randint(0, 4)})
                for hour in hours
                if rng.random() < 0.9
            }
            for model in models
        }
    )


def _policy(rng: Random, models: Sequence[str]) -> ScalingPolicy:
    low, target, high = sorted(rng.uniform(0.2, 1.0) for _ in range(3))
    return ScalingPolicy(
        target_utilization=target,
        low_utilization=low,
        high_utilization=high,
        queue_clear_s=rng.choice((30.0, 120.0, 600.0)),
        max_unserved_ratio=rng.choice((0.0, 0.001, 0.1)),
        is_predictive=rng.random() < 0.7,
        hold_s=(hold_s := rng.choice((0.0, 120.0, 540.0))),
        plan_hold_s=hold_s,
        cooldown_s=(cooldown_s := rng.choice((0.0, 60.0, 300.0, 900.0))),
        zero_after_s=cooldown_s,
        drain_timeout_s=rng.choice((0.0, 60.0, 600.0)),
        launch_timeout_s=rng.choice((90.0, 400.0, 1200.0)),
        orphan_after_s=rng.choice((60.0, 300.0, 900.0)),
        stale_after_s=rng.choice((61.0, 90.0, 180.0)),
        blind_for_s=rng.choice((120.0, 300.0, 600.0)),
        renewal_margin_s=rng.choice((1.0, 120.0, 600.0)),
        max_launches_per_tick=rng.choice((1, 3, 10)),
        max_drains_per_tick=rng.choice((1, 5)),
        max_nodes=rng.choice((None, None, rng.randint(0, 6))),
        max_usd_hour=rng.choice((None, None, Decimal(rng.randint(0, 200)) / 100)),
        max_usd_month=rng.choice((None, None, Decimal(rng.randint(0, 300)) / 100)),
        min_nodes={model: rng.randint(1, 2) for model in models if rng.random() < 0.3},
        max_spot_share=rng.choice((1.0, 1.0, 0.5, 0.0)),
        max_pool_share=rng.choice((1.0, 1.0, 0.5)),
        backoff_first_s=rng.choice((10.0, 60.0)),
        backoff_most_s=rng.choice((60.0, 1800.0)),
        return_to_spot_after_s=(after_s := rng.choice((0.0, 600.0, 1800.0))),
        exchange_after_s=after_s,
        min_saving_ratio=rng.choice((0.0, 0.1, 0.5)),
    )
