"""Parts: what a loop is given of a plan: pools, kept models, levels. Pure: values in, values out.

The plan's burst offers are the pools that may be launched. What else the catalog sells is known by its price alone, so
that a node of a pool that left the plan is still counted under the caps; nothing more of it is launched.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from autoscaler.fleet import FleetPlan, Pool
from autoscaler.loop import KeptModel
from autoscaler.plan_levels import lasting, reference_of, tariff_of
from planner.catalog.offer import Offer, Role
from planner.catalog.offer_id import OfferId
from planner.plan import Plan

AHEAD = timedelta(days=8)
"""So far beyond its end a plan's levels are laid over the dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What follows from a plan."""

    pools: Mapping[str, Pool]
    models: Mapping[str, KeptModel]
    levels: FleetPlan
    group_max: Mapping[str, int]
    base: Mapping[str, int]
    """By base offer: nodes the plan counts on."""


def parts_of(
    plan: Plan,
    *,
    now: datetime,
    models: Iterable[str],
    providers: Collection[str],
    quota: Mapping[str, int],
    sold: Iterable[Offer] = (),
) -> Parts:
    """The parts for `models`; `quota`: by pool, nodes an account may hold; `sold`: what else has a price.

    A pool of a provider that is not among `providers` is known by its price alone.
    """
    kept = [name for name in models if name in plan.models]
    priced = {offer.id: _priced(offer) for offer in sold if offer.role is Role.BURST}
    planned = {key: pool_of(plan, key, quota) for key, terms in plan.offers.items() if terms.role == "burst"}
    planned = {
        key: pool if pool.provider in providers else replace(pool, lead_time_s={}, max_count=0)
        for key, pool in planned.items()
    }
    return Parts(
        pools={**priced, **planned},
        models={name: kept_model(plan, name) for name in kept},
        levels=lasting(plan, now, models=kept, ahead=AHEAD),
        group_max={
            terms.count_group: terms.group_max
            for terms in plan.offers.values()
            if terms.count_group is not None and terms.group_max is not None
        },
        base=_by_offer(plan),
    )


def kept_model(plan: Plan, name: str) -> KeptModel:
    """The model with the plan's rates, those of an owned server under the name of its offer too."""
    terms = plan.models[name]
    rates = dict(terms.rates)
    for key, rate in terms.rates.items():
        rates.setdefault(plan.offers[key].offer_id if key in plan.offers else key, rate)
    return KeptModel(rates=rates, reference=reference_of(plan, name), cache_hit_ratio=terms.cache_hit_ratio)


def at_price(pool: Pool, usd_hour: Decimal) -> Pool:
    """The pool at another price of an hour."""
    return replace(pool, tariff=replace(pool.tariff, price_usd_hour=usd_hour))


def pool_of(plan: Plan, key: str, quota: Mapping[str, int]) -> Pool:
    """The pool of a burst offer of the plan."""
    terms = plan.offers[key]
    limits = [limit for limit in (terms.max_count, quota.get(key)) if limit is not None]
    named = OfferId.of(key)
    return Pool(
        key=key,
        provider=named.provider,
        zone=named.zone,
        tariff=tariff_of(plan, key),
        is_spot=terms.is_spot,
        interruption_usd_hour=terms.interruption_usd_hour,
        egress_usd_mtok=terms.egress_usd_mtok,
        lead_time_s=terms.lead_time_s,
        max_count=min(limits, default=None),
        count_group=terms.count_group,
    )


def _priced(offer: Offer) -> Pool:
    """A pool that is not launched any more."""
    return Pool(
        key=offer.id,
        provider=offer.provider,
        zone=offer.zone,
        tariff=offer.tariff,
        is_spot=offer.is_spot,
        lead_time_s={},
        max_count=0,
    )


def _by_offer(plan: Plan) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for key, count in plan.base.items():
        offer_id = plan.offers[key].offer_id if key in plan.offers else key
        counts[offer_id] = counts.get(offer_id, 0) + count
    return counts
