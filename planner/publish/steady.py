"""A price that moves calmly: towards what is computed by a half-life, within the model's bounds. Pure.

    new = old + w (computed - old),   w = 1 - 0.5 ^ (days since the old price / half-life)

so that a step of cost is half followed after one half-life, however often prices are reviewed. "Old" is where the price
stands on its way: the price that is charged, or what the last review made of it where that was too small a move to be
told. A price of which it is not known since when it is charged is replaced whole.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from planner.economics.unit import exact
from planner.fleet.publish import PublishedModel
from planner.publish.entry import COSTS, EFFECTIVE_AT, Entry, Price, Towards, published_cost
from policies.units import SECONDS_PER_DAY, TOKENS_PER_MTOK


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a price stood on its way, and when."""

    input_usd_token: Decimal
    output_usd_token: Decimal
    at: datetime


def steadied(
    price: Price, standing: Standing | None, how: PublishedModel, *, half_life_days: Decimal | None, now: datetime
) -> Price:
    """The price to publish now, on the way from where it stands; None: not known, or nothing was charged yet.

    An announced price is kept as it was announced.
    """
    if price.is_announced:
        return price
    return bounded(_smoothed(price, standing, half_life_days, now), how)


def bounded(price: Price, how: PublishedModel) -> Price:
    """Input and output moved alike until the blended price, at the mix that is served, is within the bounds."""
    blended = price.blended_usd_token
    if blended is None:
        return price
    blended_usd_mtok = blended * TOKENS_PER_MTOK
    for name, bound in (("min_usd_mtok", how.min_usd_mtok), ("max_usd_mtok", how.max_usd_mtok)):
        if bound is None:
            continue
        is_beyond = blended_usd_mtok < bound if name == "min_usd_mtok" else blended_usd_mtok > bound
        if is_beyond:
            ratio = bound / blended_usd_mtok
            return replace(
                price,
                input_usd_token=price.input_usd_token * ratio,
                output_usd_token=price.output_usd_token * ratio,
                description=f"{price.description}; held at {name} {bound}",
                bound=name,
            )
    return price


def _smoothed(price: Price, standing: Standing | None, half_life_days: Decimal | None, now: datetime) -> Price:
    if standing is None or half_life_days is None:
        return price
    days = max((now - standing.at).total_seconds(), 0) / SECONDS_PER_DAY
    weight = exact(1 - 0.5 ** (days / float(half_life_days)))
    low, high = price.input_usd_token, price.output_usd_token
    towards = f"USD {low * TOKENS_PER_MTOK:.4f} in, {high * TOKENS_PER_MTOK:.4f} out per million"
    return replace(
        price,
        input_usd_token=standing.input_usd_token + weight * (low - standing.input_usd_token),
        output_usd_token=standing.output_usd_token + weight * (high - standing.output_usd_token),
        description=f"{price.description}; {weight:.0%} of the way to {towards}",
        towards=Towards(input_usd_token=low, output_usd_token=high, weight_ratio=float(weight)),
    )


def standing_of(entry: Entry | None, reviewed: Standing | None) -> Standing | None:
    """Where a price stands: as the last review left it, where that came after the entry was told its price.

    None: there is no entry, it has no price, or it does not say since when.
    """
    low, high = (None if entry is None else published_cost(entry, cost) for cost in COSTS)
    since = None if entry is None else charged_since(entry)
    if not low or not high or since is None:
        return None
    if reviewed is not None and reviewed.at > since:
        return reviewed
    return Standing(input_usd_token=low, output_usd_token=high, at=since)


def charged_since(entry: Entry) -> datetime | None:
    """Since when the entry has its price; None: it does not say."""
    said: Any = (entry.get("model_info") or {}).get(EFFECTIVE_AT)
    try:
        found = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None
