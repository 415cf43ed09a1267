"""Which pools a world has, and how each behaves: a block of a world file and the catalog become simulated pools."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

import numpy as np

from autoscaler.providers.simulated.spec import SimulatedPool, Stock
from autoscaler.replay.traffic.hourly import hourly
from autoscaler.replay.world import Traffic
from autoscaler.replay.worlds.price_walk import walked_prices
from autoscaler.replay.worlds.settings import PoolBlock
from autoscaler.replay.worlds.shipped import AvailabilityTrace, availability_traces, lead_times
from autoscaler.replay.worlds.sold import Sold, nearest_curve, written_rates
from planner.catalog.offer import Catalog, Offer, Role
from planner.catalog.offer_id import OfferId
from planner.catalog.select import chosen
from planner.demand.forecast import Forecast
from planner.errors import InputError
from planner.optimize.prepare import egress_usd_mtok, interruption_usd_hour
from planner.profile.curve import Curve
from planner.profile.model import Model, Rates, Unfit
from policies.units import MTOK_PER_TOK_S_HOUR, SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenPool:
    """One pool of a world, what its node sustains of each model, and what a reader should know."""

    pool: SimulatedPool
    rates: Mapping[str, Rates]
    """By model it can serve."""
    curves: Mapping[str, Curve]
    cost: Mapping[str, float]
    """By model: USD per hour, had this pool alone to follow its traffic; what pools are ranked by."""
    remarks: tuple[str, ...] = ()


def own_pool(block: PoolBlock, traffic: Traffic, *, seed: int) -> ChosenPool:
    """The pool that a block writes out."""
    assert block.offer is not None
    assert block.decode_tok_s is not None  # checked by PoolBlock
    rates = written_rates(block.prefill_tok_s, block.decode_tok_s)
    pool = SimulatedPool(
        key=block.offer,
        provider=OfferId.of(block.offer).provider,
        tariff=block.tariff,
        is_spot=block.is_spot,
        lead_times_s=_lead_times(block, None),
        quota=block.quota,
    )
    pool, remarks = _scarce(block, pool, 0, traffic, seed)
    hours = hourly(traffic)
    return ChosenPool(
        pool=pool,
        rates=dict.fromkeys(traffic.models, rates),
        curves={},
        cost={
            name: following_usd_hour(hours, name, 0.0, rates, float(block.price_usd_hour or 0))
            for name in traffic.models
        },
        remarks=remarks,
    )


def catalog_pools(
    block: PoolBlock, sold: Sold, traffic: Traffic, *, taken: frozenset[str], seed: int, source: str
) -> list[ChosenPool]:
    """The pools a selector means: for each model the `most` cheapest that could follow its traffic, cheapest first."""
    assert block.offers is not None
    where = f"{source}, [[pool]] {block.offers}"
    try:
        offers = [offer for offer in chosen(sold.catalog, block.offers) if offer.role is Role.BURST]
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    if not offers:
        raise InputError(f"{where}: means base offers alone; expected burst offers")
    models = [model for model in sold.fleet.models if model.name in traffic.models]
    hours = hourly(traffic)
    trace = availability_traces()[block.availability[0]] if block.availability else None
    rated = {offer.id: _rated(offer, models, sold, trace, traffic, hours) for offer in offers if offer.id not in taken}
    keys: set[str] = set()
    for model in models:
        able = sorted((one.cost[model.name], key) for key, one in rated.items() if model.name in one.cost)
        keys |= {key for _, key in able[: block.most]}
    if not keys:
        why = {found.reason for o in offers for m in models if isinstance(found := sold.rated(m, o), Unfit)}
        reason = min(why, default="chosen by a block before")
        raise InputError(f"{where}: none of {len(offers)} offers is left to serve {_names(models)}: {reason}")
    ranked = sorted(keys, key=lambda key: (min(rated[key].cost.values()), key))
    return [
        _behaving(block, rated[key], sold.catalog[key], rank, sold, models, traffic, seed)
        for rank, key in enumerate(ranked)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _RatedOffer:
    rates: Mapping[str, Rates]
    curves: Mapping[str, Curve]
    cost: Mapping[str, float]


def _rated(
    offer: Offer, models: list[Model], sold: Sold, trace: AvailabilityTrace | None, traffic: Traffic, hours: Forecast
) -> _RatedOffer:
    rates, curves, cost = {}, {}, {}
    policy = sold.fleet.policy
    price = float((offer.price_usd_hour or 0) + interruption_usd_hour(_as_traced(offer, trace), models, policy))
    for model in models:
        found = sold.rated(model, offer)
        if isinstance(found, Unfit):
            continue
        mean_in, mean_out = traffic.mean_tok_s(model.name)
        rates[model.name] = found.rates
        curve = nearest_curve(found, offer, mean_in, mean_out)
        if curve is not None:
            curves[model.name] = curve
        egress = float(egress_usd_mtok(offer, policy)) * mean_out * MTOK_PER_TOK_S_HOUR
        cost[model.name] = egress + following_usd_hour(hours, model.name, model.cache_hit_ratio, found.rates, price)
    return _RatedOffer(rates=rates, curves=curves, cost=cost)


def _behaving(
    block: PoolBlock,
    rated: _RatedOffer,
    offer: Offer,
    rank: int,
    sold: Sold,
    models: list[Model],
    traffic: Traffic,
    seed: int,
) -> ChosenPool:
    policy = sold.fleet.policy
    trace = _trace(block, rank)
    served = [model for model in models if model.name in rated.rates]
    limits = [one for one in (block.quota, offer.max_count) if one is not None]
    pool = SimulatedPool(
        key=offer.id,
        provider=offer.provider,
        zone=offer.zone,
        tariff=offer.tariff,
        is_spot=offer.is_spot,
        interruption_usd_hour=interruption_usd_hour(_as_traced(offer, trace), served, policy),
        egress_usd_mtok=egress_usd_mtok(offer, policy),
        lead_times_s=_lead_times(block, offer.lead_time_s or policy.unknown_lead_time_s),
        quota=min(limits, default=None),
        count_group=offer.count_group,
    )
    pool, remarks = _scarce(block, pool, rank, traffic, seed)
    if block.price_walk is not None and offer.price_usd_hour is not None:
        prices = walked_prices(
            block.price_walk,
            offer.price_usd_hour,
            most_usd_hour=_on_demand_usd_hour(sold.catalog, offer),
            length_s=traffic.duration_s,
            rng=Random(f"{seed}/price/{offer.id}"),
        )
        pool = replace(pool, prices_usd_hour=prices)
        least, most = min(usd for _, usd in prices), max(usd for _, usd in prices)
        remarks = (*remarks, f"{offer.id}: its price walks from {least} to {most} USD/h around {offer.price_usd_hour}")
    return ChosenPool(pool=pool, rates=rated.rates, curves=rated.curves, cost=rated.cost, remarks=remarks)


def _scarce(
    block: PoolBlock, pool: SimulatedPool, rank: int, traffic: Traffic, seed: int
) -> tuple[SimulatedPool, tuple[str, ...]]:
    """The pool with the stock of its availability trace, and which trace that is."""
    trace = _trace(block, rank)
    if trace is None:
        return pool, ()
    rng = Random(f"{seed}/stock/{pool.key}")
    from_s = block.availability_from_h * SECONDS_PER_HOUR
    stock = []
    for start_s, end_s, available in trace.repeated(from_s, traffic.duration_s):
        nodes = rng.randint(*block.available_nodes) if block.available_nodes is not None else None
        if not available:
            stock.append(Stock(start_s=start_s, end_s=end_s, nodes=0))
        elif nodes is not None:
            stock.append(Stock(start_s=start_s, end_s=end_s, nodes=nodes))
    sold_out_s = sum(one.end_s - one.start_s for one in stock if one.nodes == 0)
    falls = sum(one.nodes == 0 and one.start_s > 0 for one in stock)
    again = "; it begins again at its end" if from_s + traffic.duration_s > trace.duration_s else ""
    remark = (
        f"{pool.key}: sold out and taken back as {trace.instance_type} in {trace.zone} was from {trace.start}, hour "
        f"{block.availability_from_h:g}: {1 - sold_out_s / traffic.duration_s:.0%} available, {falls} falls{again}"
    )
    pool = replace(pool, stock=tuple(stock), notice_s=block.notice_s, rebalance_s=block.rebalance_s)
    return pool, (remark,)


def _as_traced(offer: Offer, trace: AvailabilityTrace | None) -> Offer:
    """The offer as often taken back as the trace that stands for it: what an operator there would have learnt."""
    return offer if trace is None else replace(offer, interruptions_per_hour=trace.falls_per_hour)


def _trace(block: PoolBlock, rank: int) -> AvailabilityTrace | None:
    if not block.availability:
        return None
    return availability_traces()[block.availability[rank % len(block.availability)]]


def _lead_times(block: PoolBlock, otherwise_s: float | None) -> tuple[float, ...]:
    if block.lead_times is not None:
        return lead_times()[block.lead_times].seconds
    return block.lead_s or (0.0 if otherwise_s is None else otherwise_s,)


def _on_demand_usd_hour(catalog: Catalog, spot: Offer) -> Decimal | None:
    for offer in catalog:
        if (offer.provider, offer.product, offer.region, offer.market) == (
            spot.provider,
            spot.product,
            spot.region,
            "on-demand",
        ):
            return offer.price_usd_hour
    return None


def following_usd_hour(
    hours: Forecast, model: str, cache_hit_ratio: float, rates: Rates, price_usd_hour: float
) -> float:
    """Mean USD per hour of whole nodes that carry the model's work of each hour, with no other pool beside them.

    Per unit of work alone the largest node would often be the cheapest, and mostly idle under a small traffic.
    """
    index = hours.models.index(model)
    asked_in, asked_out = hours.input_tok_s[0, index], hours.output_tok_s[0, index]
    work = asked_in * (1 - cache_hit_ratio) / rates.prefill_tok_s + asked_out / rates.decode_tok_s
    return float(np.ceil(work).mean()) * price_usd_hour


def _names(models: list[Model]) -> str:
    return ", ".join(model.name for model in models)
