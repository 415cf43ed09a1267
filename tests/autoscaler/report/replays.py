"""Worlds and replays of figures one can check in the head."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np

from autoscaler.providers.simulated.spec import SimulatedPool
from autoscaler.replay.result import Delay, HourSeries, Replayed, ReplayedLease
from autoscaler.replay.world import BaseNodes, ServedModel, Traffic, World
from planner.profile.model import Basis, Rates
from policies.billing import Billing, Tariff
from tests.autoscaler.replay.builders import traffic

START = datetime(2026, 3, 2, tzinfo=UTC)
BASE, SPOT, DEMAND = "hetzner/ax102", "aws/r7a/spot", "aws/r7a/on-demand"


def a_traffic(output_tok_s: Sequence[float] = (100, 300, 500, 200), step_s: float = 3600) -> Traffic:
    """One model, output tokens only."""
    return traffic(output_tok_s, start=START, step_s=step_s, model="m", source="day.csv")


def a_world(asked: Traffic | None = None) -> World:
    """One base node of 200 tok/s; burst of 100 tok/s on demand, the reference, and the same as spot."""

    def pool(key: str, price: str) -> SimulatedPool:
        tariff = Tariff(billing=Billing.SECOND, price_usd_hour=Decimal(price), is_spot=key == SPOT)
        return SimulatedPool(key=key, provider="aws", tariff=tariff, lead_times_s=(360.0,), is_spot=key == SPOT)

    def rates(tok_s: float) -> Rates:
        return Rates(prefill_tok_s=10 * tok_s, decode_tok_s=tok_s, basis=Basis.MEASURED)

    offers = {BASE: rates(200), SPOT: rates(100), DEMAND: rates(100)}
    return World(
        name="tiny",
        traffic=asked or a_traffic(),
        models={"m": ServedModel(name="m", rates=offers, reference=DEMAND)},
        base=(BaseNodes(offer=BASE, model="m", count=1, bill_usd=Decimal("0.80")),),
        pools=(pool(SPOT, "0.10"), pool(DEMAND, "0.20")),
        tick_s=60,
    )


def a_lease(offer: str, start_min: float, end_min: float, charge: str, **changes: Any) -> ReplayedLease:
    lease = ReplayedLease(
        offer=offer,
        model="m",
        start_min=start_min,
        end_min=end_min,
        charge_usd=Decimal(charge),
        ready_min=start_min + 6,
        how_it_ended="released",
        wasted_usd=Decimal("0.02"),
    )
    return replace(lease, **changes)


LEASES = (
    a_lease(DEMAND, 114, 180, "0.22"),
    a_lease(SPOT, 54, 180, "0.21"),
    a_lease(SPOT, 114, 150, "0.00", how_it_ended="taken back"),
    a_lease(DEMAND, 150, 180, "0.10", ready_min=None, how_it_ended="failed"),
)


def a_replayed(policy: str = "baseload", **changes: Any) -> Replayed:
    """Four hours of the tiny world: 1.33 USD, of which 0.80 base."""
    hours = HourSeries(
        asked_tokens=np.array([360e3, 1080e3, 1800e3, 720e3]),
        unserved_tokens=np.array([0, 0, 3.96e3, 0]),
        work_nodes=np.array([1.0, 3.0, 5.0, 2.0]),
        ready_nodes=np.array([2.0, 3.0, 4.4, 2.0]),
        coming_nodes=np.array([0.1, 0.2, 0.5, 0.0]),
        pools={SPOT: np.array([0.1, 1.0, 1.5, 0]), DEMAND: np.array([0, 0.1, 1.5, 0])},
        interruptions=np.array([0, 0, 1.0, 0]),
        cost_usd=np.array([0.21, 0.31, 0.61, 0.20]),
        ttft_p95_s=np.array([0.5, 0.8, np.nan, 0.4]),
    )
    one = Replayed(
        policy=policy,
        start=START,
        minutes=240,
        bill_usd=Decimal("1.33"),
        base_usd=Decimal("0.80"),
        base_nodes=1,
        burst_usd=Decimal("0.53"),
        egress_usd=Decimal(0),
        bound_usd=Decimal("1.10"),
        bound_at_unserved_usd=Decimal("1.09"),
        unserved_ratio=0.001,
        unserved_tokens={"m": 3960.0},
        delay=Delay(p50_s=0.4, p95_s=0.9, p99_s=1.75),
        launches=4,
        interruptions=1,
        capacity_failures=2,
        opposite_moves=1,
        wasted_paid_usd=Decimal("0.08"),
        ticks=240,
        seconds=0.125,
        leases=LEASES,
        hours=hours,
        reasons={"demand above target": 3, "idle": 2},
    )
    return replace(one, **changes)
