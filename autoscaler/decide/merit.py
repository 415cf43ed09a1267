"""Merit order: which pools may be asked for a model, cheapest ready work first, and which node to take next. Pure."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from autoscaler.decide.sight import Sight
from autoscaler.fleet import Pool, Snapshot
from policies.renewal import Month, hourly_usd
from policies.scaling import ScalingPolicy
from policies.units import MTOK_PER_TOK_S_HOUR

_NOISE = 1e-9
_MERIT = itemgetter(0, 1)


class Offer(NamedTuple):
    """One pool as it could serve one model now."""

    usd_work_hour: float
    """Cost of a reference node-hour of ready work: the merit."""
    key: str
    """Of the pool; equals in merit are in its order."""
    pool: Pool
    speed: float
    """Reference nodes a node of it is worth."""
    lead_s: float
    usd_hour: float
    """Price, expected interruptions, and egress at the target utilization."""
    price_usd_hour: Decimal
    """What is billed by the hour; what caps count."""


def offers_of(snapshot: Snapshot, sight: Sight, policy: ScalingPolicy, month: Month) -> list[Offer]:
    """Every pool that can serve the model, in merit order, whether or not it may be asked now.

    (price + expected interruption) / speed + egress of the output tokens a reference node gives at the target
    utilization, USD per hour. Equals are in order of their keys.
    """
    egress_mtok = _output_mtok_hour(sight) * policy.target_utilization
    offers = []
    for pool in snapshot.pools.values():
        lead_s = pool.lead_time_s.get(sight.model)
        speed = sight.speed.get(pool.key, sight.unknown_speed)
        if lead_s is None or speed <= 0:
            continue
        price = hourly_usd(pool.tariff, month.hours)
        usd_hour = float(price) + float(pool.interruption_usd_hour)
        if egress_mtok and pool.egress_usd_mtok:
            usd_hour += float(pool.egress_usd_mtok) * egress_mtok * speed
        offers.append(Offer(usd_hour / speed, pool.key, pool, speed, lead_s, usd_hour, price))
    offers.sort(key=_MERIT)
    return offers


def why_not_now(offer: Offer, snapshot: Snapshot) -> str | None:
    """Why the pool may not be asked at this instant, whatever the caps say; None: it may."""
    if offer.pool.provider in snapshot.unreachable:
        return f"{offer.pool.provider} cannot be reached"
    retry_at = offer.pool.retry_at
    if retry_at is not None and retry_at > snapshot.now:
        if offer.pool.failures == 0:
            return f"said to be sold out, asked again from {_clock(retry_at)}"
        times = "once" if offer.pool.failures == 1 else f"{offer.pool.failures} times"
        return f"refused {times}, asked again from {_clock(retry_at)}"
    return None


def next_offer(missing_work: float, offers: Sequence[Offer]) -> Offer:
    """The node to take next so that the whole set that covers `missing_work` is cheap; `offers` in merit order.

    Nodes of the best merit while a whole one is missing; then the cheapest way to finish: one node that covers the
    rest, or smaller ones. The set costs at most the cheapest possible one plus one node of the best merit: the best
    merit times what is missing is a lower bound, and taking that pool alone overshoots it by less than a node.
    """
    best = offers[0]
    if missing_work >= best.speed - _NOISE:
        return best
    whole = min((one for one in offers if one.speed >= missing_work - _NOISE), key=lambda one: (one.usd_hour, one.key))
    smaller = [one for one in offers if one.speed < missing_work - _NOISE]
    if not smaller:
        return whole
    chain_usd, left = 0.0, missing_work
    first: Offer | None = None
    while left > _NOISE and chain_usd < whole.usd_hour:
        step = min(smaller, key=lambda one: (one.usd_hour / min(one.speed, left), one.key))
        first = first or step
        chain_usd += step.usd_hour
        left -= step.speed
    return first if first is not None and chain_usd < whole.usd_hour else whole


def _output_mtok_hour(sight: Sight) -> float:
    """Million output tokens an hour that one reference node busy full time gives at the measured mix; 0: not known."""
    demand = sight.demand
    if demand is None or demand.work_nodes <= 0:
        return 0.0
    return demand.output_tok_s / demand.work_nodes * MTOK_PER_TOK_S_HOUR


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
