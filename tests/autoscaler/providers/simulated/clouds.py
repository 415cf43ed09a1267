"""Builders of simulated clouds with sane defaults, shared by the tests of this folder."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from autoscaler.providers.provider import Machine, Order
from autoscaler.providers.simulated.cloud import SimulatedCloud
from autoscaler.providers.simulated.spec import NO_FAULTS, FaultMix, SimulatedPool
from autoscaler.timeline import Timeline
from policies.billing import Billing, Tariff

START = datetime(2026, 12, 1, tzinfo=UTC)


def a_tariff(price_usd_hour: str = "0.36", *, billing: Billing = Billing.SECOND, **rest) -> Tariff:
    return Tariff(billing=billing, price_usd_hour=Decimal(price_usd_hour), **rest)


def a_pool(key: str = "aws/m/spot", *, tariff: Tariff | None = None, **rest) -> SimulatedPool:
    defaults = {"provider": key.split("/", 1)[0], "lead_times_s": (100.0,)}
    return SimulatedPool(key=key, tariff=tariff or a_tariff(), **{**defaults, **rest})


def a_cloud(*pools: SimulatedPool, seed: int = 0, faults: FaultMix = NO_FAULTS, **rest) -> SimulatedCloud:
    return SimulatedCloud(
        name=(pools or (a_pool(),))[0].provider,
        pools=pools or (a_pool(),),
        timeline=Timeline(start=START),
        rng=Random(seed),
        faults=faults,
        **rest,
    )


def an_order(key: str = "k1", *, pool: str = "aws/m/spot", node_id: str | None = None) -> Order:
    return Order(key=key, node_id=node_id or f"node-{key}", fleet="fleet", pool=pool, model="chat")


def launched(cloud: SimulatedCloud, count: int, *, pool: str = "aws/m/spot", prefix: str = "k") -> list[Machine]:
    return [cloud.launch(an_order(f"{prefix}{number}", pool=pool)) for number in range(count)]


def run_to(cloud: SimulatedCloud, at_s: float) -> None:
    """Lets everything planned up to and at `at_s` happen."""
    timeline = cloud._timeline
    while (following := timeline.next_at_s()) is not None and following <= at_s:
        timeline.step()
    timeline.plan(at_s, "now", lambda: None)
    timeline.step()
