"""What `publish` keeps in the ledger and takes from it: prices that were told, announced, or looked at and kept."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from planner.cli.database import ledger_url, origin_of
from planner.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from planner.fleet.publish import PublishSettings
    from planner.ledger import PublishedPrice
    from planner.publish.entry import Change, Price
    from planner.publish.outcome import Published
    from planner.publish.steady import Standing


def as_announced(
    prices: "Sequence[Price]", settings: "PublishSettings", moment: datetime, config: Path | None
) -> "tuple[tuple[Price, ...], tuple[str, ...]]":
    """The prices, those announced for this moment as they were announced: that is what customers were told.

    Beside them remarks of what was announced and cannot be told, for no price is made of it any more.

    Once told they are as computed again. A moment for which nothing was ever announced is an InputError: it is a
    mistyped one, and customers would be charged what nobody told them.
    """
    from planner.publish.gateway import key_of, where_of
    from planner.store import open_ledger

    gateway = key_of(settings)
    with open_ledger(ledger_url(config), create=True) as held:  # which makes none by being read
        ever = [one for one in held.all_published() if one.announced_at is not None and one.gateway == gateway]
        due = {one.name: one for one in held.announced() if _is_for(one, gateway, moment)}
    if not any(_is_for(one, gateway, moment) for one in ever):
        days = ", ".join(sorted({f"{one.effective_at:%Y-%m-%dT%H:%MZ}" for one in ever})) or "nothing"
        raise InputError(
            f"--effective-from {moment:%Y-%m-%dT%H:%MZ}: nothing was announced for it at {where_of(settings)}; "
            f"announced: {days}"
        )
    names = {settings.of(price.model).name or price.model for price in prices}
    missing = tuple(
        f"{name}: announced for {moment:%Y-%m-%dT%H:%MZ} and not told, for no price is made of it any more; it stays "
        "announced until another price of it is told"
        for name in sorted(due.keys() - names)
    )
    told = tuple(
        price
        if (one := due.get(settings.of(price.model).name or price.model)) is None
        else replace(
            price,
            input_usd_token=one.input_usd_token,
            output_usd_token=one.output_usd_token,
            policy=one.policy,
            description=one.description,
            made_of={},
            announced_why=one.why,
        )
        for price in prices
    )
    return told, missing


def last_reviews(settings: "PublishSettings", config: Path | None) -> "dict[str, Standing]":
    """Where the last review of each name at this gateway left prices it did not tell; none without a half-life."""
    from planner.publish.gateway import key_of
    from planner.publish.steady import Standing
    from planner.store import open_ledger

    if settings.half_life_days is None:
        return {}
    with open_ledger(ledger_url(config), create=True) as held:  # which makes none by being read
        return {
            one.name: Standing(
                input_usd_token=one.input_usd_token, output_usd_token=one.output_usd_token, at=one.effective_at
            )
            for one in held.reviews(key_of(settings))
        }


def recorded(found: "Published", settings: "PublishSettings", config: Path | None, now: datetime) -> tuple[str, ...]:
    """Adds what was told or announced, once for each name, and where smoothed prices stand; says where."""
    from planner.publish.gateway import key_of
    from planner.store import open_ledger

    moment, gateway = found.announced_for, key_of(settings)
    changes = found.told if moment is None else found.changes
    # Of several entries of a name one that is told wins over one that stood there already.
    last = {one.name: one for one in sorted(changes, key=lambda one: one.is_repriced)}
    with open_ledger(ledger_url(config), create=bool(last)) as held:
        stands = {} if moment is None else {one.name: one for one in held.announced() if _is_for(one, gateway, moment)}
        prices = [
            _published(one, gateway, moment, now)
            for one in last.values()
            if one.is_repriced or one.name in stands or (moment is None and _is_noted(one))
        ]
        prices = [one for one in prices if one.name not in stands or _amounts(one) != _amounts(stands[one.name])]
        if not prices:
            return () if moment is None else ("nothing to announce: those prices are charged or announced already",)
        batch = held.add_published(
            prices, origin_of("publish" if moment is None else "announce", f"{now.isoformat()} {prices}")
        )
        return (f"{'recorded' if moment is None else 'announced'} in {held.address} as batch {batch.id}",)


def _is_noted(change: "Change") -> bool:
    """Whether the ledger keeps it though the entry keeps its price: it was announced, or is smoothed and on its way."""
    return change.price.is_announced or change.price.towards is not None


def _published(change: "Change", gateway: str, moment: datetime | None, now: datetime) -> "PublishedPrice":
    """What the entry has by now, or is to have; of a review how far the price has come."""
    from planner.ledger import PublishedPrice
    from planner.publish.entry import COSTS, published_cost
    from planner.publish.outcome import why_of

    price = change.price
    is_review = moment is None and not change.is_repriced and not price.is_announced
    is_computed = is_review or change.is_repriced
    low, high = (published_cost(change.after, cost) for cost in COSTS)
    return PublishedPrice(
        gateway=gateway,
        name=change.name,
        model=price.model,
        policy=price.policy,
        input_usd_token=price.input_usd_token if is_computed or low is None else low,
        output_usd_token=price.output_usd_token if is_computed or high is None else high,
        effective_at=now if moment is None else moment,
        description=price.description,
        why=why_of(change),
        announced_at=None if moment is None else now,
        is_review=is_review,
    )


def _is_for(price: "PublishedPrice", gateway: str, moment: datetime) -> bool:
    return price.gateway == gateway and price.effective_at == moment


def _amounts(price: "PublishedPrice") -> "tuple[Decimal, Decimal]":
    return price.input_usd_token, price.output_usd_token
