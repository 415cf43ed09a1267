"""How fast a replay runs: the daemon's loop on simulated clouds, every invariant judged after every event.

The world is made for size, not for truth: demand with a daily and a shorter swing and 3 % noise, three pools with lead
times of 80 to 200 s, a queue with patience, requests in flight, prefix caches that warm up; a tick every 30 s.
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from math import tau
from statistics import median
from typing import Any

from benchmarks.measure import MeasurementError, Row, Spread, in_child, peak_mb, seconds

TICK_S = 30.0
MONTH_TICKS = 31 * 24 * 120
NODE_TOK_S = 200.0
PATIENCE_S = 900.0


def replay_speed_rows(runs: int) -> Iterator[Row]:
    """Ticks at ten and at fifty nodes, and a whole month at ten."""
    for nodes, ticks, per_s in ((10, 10_000, 3000), (50, 4_000, 1000)):
        found = _own(nodes=nodes, ticks=ticks, runs=runs)
        yield _row(
            f"replay, {nodes} nodes, invariants on: {ticks:,} ticks",
            found,
            at_most=ticks / per_s,
            note=f"{_per_s(ticks, found):,.0f} ticks per processor second, {per_s:,} wanted; "
            f"{found['ready_nodes']:.1f} nodes ready on average, {found['launches']} launches",
        )
    short, whole = _own(nodes=10, ticks=MONTH_TICKS // 10, runs=1), _own(nodes=10, ticks=MONTH_TICKS, runs=1)
    yield _row(
        f"replay of a month, 10 nodes, invariants on: {MONTH_TICKS:,} ticks of {TICK_S:.0f} s",
        whole,
        at_most=30.0,
        note=f"peak {whole['peak_mb']:.0f} MB; {short['peak_mb']:.0f} MB for a tenth of it",
    )


def replay_speed(nodes: int, ticks: int, runs: int) -> dict[str, Any]:
    """What a replay at about so many nodes takes, and what came of it."""
    from autoscaler.decide import decide
    from autoscaler.replay.invariants import Invariants
    from autoscaler.replay.result import Replayed
    from autoscaler.replay.run import replay
    from policies.scaling import ScalingPolicy

    world = _world(nodes, ticks)
    results: list[Replayed] = []

    def run() -> None:
        checks = Invariants()
        decider = checks.recording(decide)
        results.append(replay(world, name="baseload", decider=decider, policy=ScalingPolicy(), checks=checks))

    spent = seconds(run, runs, unmeasured=0)
    last = results[-1]
    return {
        "spent": asdict(spent),
        "peak_mb": peak_mb(),
        "ready_nodes": float(last.hours.ready_nodes.mean()),
        "launches": last.launches,
    }


def _world(nodes: int, ticks: int) -> Any:
    import numpy as np

    from autoscaler.providers.simulated.spec import SimulatedPool
    from autoscaler.replay.world import ServedModel, Traffic, World
    from planner.catalog.offer_id import OfferId
    from planner.profile.model import Basis, Rates
    from policies.billing import Billing, Tariff

    at_s = np.arange(ticks) * TICK_S
    swing = 0.8 + 0.2 * np.sin(tau * at_s / 86_400) + 0.1 * np.sin(tau * at_s / 9_000)
    demand = nodes * NODE_TOK_S * 0.75 * swing * np.exp(np.random.default_rng(0).normal(0, 0.03, ticks))
    sold = {
        "a/small": (NODE_TOK_S, Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.20"))),
        "a/small/spot": (NODE_TOK_S, Tariff(billing=Billing.SECOND, price_usd_hour=Decimal("0.08"), is_spot=True)),
        "b/big": (1.3 * NODE_TOK_S, Tariff(billing=Billing.STARTED_HOUR, price_usd_hour=Decimal("0.30"))),
    }
    model = ServedModel(
        name="llm",
        rates={
            key: Rates(prefill_tok_s=10 * tok_s, decode_tok_s=tok_s, basis=Basis.ESTIMATED, concurrency=16)
            for key, (tok_s, _) in sold.items()
        },
        reference="a/small",
        cache_hit_ratio=0.3,
        cache_warmup_s=300,
        load_s=60,
        patience_s=30,
        service_s=20,
    )
    pools = tuple(
        SimulatedPool(
            key=key,
            provider=OfferId.of(key).provider,
            tariff=tariff,
            is_spot=tariff.is_spot,
            lead_times_s=(80.0, 120.0, 200.0),
            notice_s=120.0 if tariff.is_spot else None,
        )
        for key, (_, tariff) in sold.items()
    )
    traffic = Traffic(
        start=datetime(2026, 12, 1, tzinfo=UTC),
        step_s=TICK_S,
        models=("llm",),
        input_tok_s=demand[None, :],
        output_tok_s=demand[None, :],
        is_gap=np.zeros(ticks, dtype=np.bool_),
    )
    return World(name="speed", traffic=traffic, models={"llm": model}, pools=pools, tick_s=TICK_S)


def _own(**arguments: Any) -> dict[str, Any]:
    found = in_child("replay_speed", timeout_s=PATIENCE_S, **arguments)
    if found is None:
        raise MeasurementError(f"a replay {arguments} did not end within {PATIENCE_S:g} s")
    return found


def _row(what: str, found: dict[str, Any], *, at_most: float, note: str) -> Row:
    spent = found["spent"]
    return Row(
        what=what,
        unit="s",
        measured=Spread.of(spent["wall_s"]),
        processor_s=median(spent["processor_s"]),
        at_most=at_most,
        note=note,
    )


def _per_s(ticks: int, found: dict[str, Any]) -> float:
    return float(ticks / median(found["spent"]["processor_s"]))
