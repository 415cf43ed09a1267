"""What a request may expect of each offer of a world at a target utilization, beside its cost; a target from the SLO.

The places of a model's mean fleet share its queue (planner.profile.latency): nodes of the offer that would be busy with
the mean demand at the target, one at least. Pure.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from autoscaler.replay.world import ServedModel, World
from planner.dispatch import work_nodes
from planner.errors import InputError
from planner.profile.latency import Latency, latency_at, slo_utilization
from policies.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedOffer:
    """One offer serving one model at the target utilization."""

    model: str
    offer: str
    price_usd_hour: Decimal | None
    """None: a base node, which is paid for anyway."""
    cost_usd_mtok: float | None
    """Per million tokens, input and output, at the mean mix; None for base or where nothing is asked for."""
    latency: Latency | None
    """None: no curve was measured."""


def expected_offers(world: World, target_utilization: float) -> tuple[ExpectedOffer, ...]:
    """Every offer of the world by model, in the world's order, at the target utilization."""
    prices = {pool.key: pool.tariff.price_usd_hour for pool in world.pools}
    found = []
    for name in world.traffic.models:
        model = world.models[name]
        for offer in model.rates:
            work = mean_work(world, model, offer)
            price = prices.get(offer)
            cost = None
            if price is not None and work > 0:
                node_tok_s = sum(world.traffic.mean_tok_s(name)) / work * target_utilization
                cost = float(price) / SECONDS_PER_HOUR / node_tok_s * TOKENS_PER_MTOK
            found.append(
                ExpectedOffer(
                    model=name,
                    offer=offer,
                    price_usd_hour=price,
                    cost_usd_mtok=cost,
                    latency=_latency(world, model, offer, target_utilization),
                )
            )
    return tuple(found)


def slo_target(world: World) -> float:
    """The highest utilization at which every offer with a measured curve meets its model's SLO.

    Raises InputError where there is no SLO, no curve, or an offer that misses its SLO at any utilization.
    """
    key = "scaling.target_utilization=slo"
    found: list[float] = []
    for name in world.traffic.models:
        model = world.models[name]
        if model.slo.ttft_ms is None and model.slo.tpot_ms is None:
            raise InputError(f"--set {key}: model {name} has no SLO; expected slo.ttft_ms or slo.tpot_ms")
        for offer, curve in model.curves.items():
            nodes = max(1, math.floor(mean_work(world, model, offer)))
            best = slo_utilization(curve, _rated(model, offer), model.slo, nodes=nodes)
            if best is None:
                raise InputError(f"--set {key}: {name} on {offer} misses its SLO at any utilization, waiting included")
            found.append(best)
    if not found:
        raise InputError(f"--set {key}: no offer of the world has a measured curve; expected a number such as 0.75")
    return min(found)


def mean_work(world: World, model: ServedModel, offer: str) -> float:
    """Nodes of the offer busy full time with the model's mean demand."""
    return work_nodes(*world.traffic.mean_tok_s(model.name), model.cache_hit_ratio, model.rates[offer])


def _latency(world: World, model: ServedModel, offer: str, utilization: float) -> Latency | None:
    curve = model.curves.get(offer)
    if curve is None:
        return None
    nodes = max(1, math.floor(mean_work(world, model, offer) / utilization))
    return latency_at(curve, _rated(model, offer), utilization, nodes=nodes)


def _rated(model: ServedModel, offer: str) -> float:
    """Requests in flight at the rated point; the curve's last step where the rates do not say."""
    concurrency = model.rates[offer].concurrency
    return model.curves[offer].points[-1].concurrency if concurrency is None else concurrency
