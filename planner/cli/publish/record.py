"""What `publish` keeps in the ledger and takes from it: prices that were told, announced, or looked at and kept."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from planner.cli.database import ledger_url, origin_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planner.fleet.publish import PublishSettings
    from planner.ledger import PublishedPrice
    from planner.publish.entry import Change, Price
    from planner.publish.gateway import Gateway
    from planner.publish.outcome import Published
    from planner.publish.steady import Standing


def as_announced(
    prices: "Sequence[Price]", gateway: "Gateway", moment: datetime, config: Path | None
) -> "tuple[Price, ...]":
    """The prices, those announced for this moment as they were announced: that is what customers were told."""
    from planner.store import open_ledger

    with open_ledger(ledger_url(config), create=True) as held:  # which makes none by being read
        due = {one.name: one for one in held.announced() if _is_for(one, gateway.where, moment)}
    return tuple(
        price
        if (one := due.get(gateway.settings.of(price.model).name or price.model)) is None
        else replace(
            price,
            input_usd_token=one.input_usd_token,
            output_usd_token=one.output_usd_token,
            policy=one.policy,
            description=one.description,
            is_announced=True,
        )
        for price in prices
    )


def last_reviews(settings: "PublishSettings", config: Path | None) -> "dict[str, Standing]":
    """Where the last review of each name at this gateway left prices it did not tell; none without a half-life."""
    from planner.publish.gateway import where_of
    from planner.publish.steady import Standing
    from planner.store import open_ledger

    if settings.half_life_days is None:
        return {}
    with open_ledger(ledger_url(config), create=True) as held:  # which makes none by being read
        return {
            one.name: Standing(
                input_usd_token=one.input_usd_token, output_usd_token=one.output_usd_token, at=one.effective_at
            )
            for one in held.reviews(where_of(settings))
        }


def recorded(found: "Published", config: Path | None, now: datetime) -> tuple[str, ...]:
    """Adds what was told or announced, once for each name, and where smoothed prices stand; says where."""
    from planner.store import open_ledger

    moment = found.announced_for
    changes = found.told if moment is None else found.changes
    kept = [one for one in changes if _is_kept(one, is_announced=moment is not None)]
    # Of several entries of a name one that is told wins over one that stood there already.
    changed = {one.name: one for one in sorted(kept, key=lambda one: one.is_repriced)}
    with open_ledger(ledger_url(config), create=bool(changed)) as held:
        if moment is not None:
            stands = {one.name: one for one in held.announced() if _is_for(one, found.where, moment)}
            changed = {name: one for name, one in changed.items() if not _is_same(stands.get(name), one)}
        if not changed:
            return () if moment is None else ("nothing to announce: those prices are charged or announced already",)
        prices = [_published(one, found.where, moment, now) for one in changed.values()]
        batch = held.add_published(
            prices, origin_of("publish" if moment is None else "announce", f"{now.isoformat()} {prices}")
        )
        return (f"{'recorded' if moment is None else 'announced'} in {held.address} as batch {batch.id}",)


def _is_kept(change: "Change", *, is_announced: bool) -> bool:
    """Whether the ledger keeps it: a price that moves, one that was announced, and how far a smoothed one has come."""
    is_review = change.price.towards is not None and not is_announced
    return change.is_repriced or change.price.is_announced or is_review


def _published(change: "Change", where: str, moment: datetime | None, now: datetime) -> "PublishedPrice":
    from planner.ledger import PublishedPrice
    from planner.publish.outcome import why_of

    price = change.price
    return PublishedPrice(
        gateway=where,
        name=change.name,
        model=price.model,
        policy=price.policy,
        input_usd_token=price.input_usd_token,
        output_usd_token=price.output_usd_token,
        effective_at=now if moment is None else moment,
        description=price.description,
        why=why_of(change),
        announced_at=None if moment is None else now,
        is_review=not change.is_repriced and not price.is_announced,
    )


def _is_for(price: "PublishedPrice", where: str, moment: datetime) -> bool:
    return price.gateway == where and price.effective_at == moment


def _is_same(stands: "PublishedPrice | None", change: "Change") -> bool:
    price = change.price
    return stands is not None and (stands.input_usd_token, stands.output_usd_token) == (
        price.input_usd_token,
        price.output_usd_token,
    )
