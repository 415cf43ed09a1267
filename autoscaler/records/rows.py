"""The journal's entries as rows of the database, and rows as entries."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from autoscaler.journal import Ended, Entry, Found, Intent, IntentKind, Outcome, Result
from planner.ledger import PriceInForce
from planner.store.journal import END, INTENT, OUTCOME
from planner.store.records import Row, price_row, tariff_of
from planner.store.tables import PRICE_COLUMNS
from policies.billing import Tariff

LONGEST = 2000
"""Characters of a reason or an error that are kept; a provider may answer with a whole page."""

PriceOf = Callable[[str], PriceInForce | None]
"""Of a pool or base offer: what is known of its price beside the tariff: currency, dated rate, source."""


def intent_row(intent: Intent, price_of: PriceOf, said: Callable[[str], str]) -> Row:
    """The columns of an intent."""
    return {
        "epoch": intent.epoch,
        "key": intent.key,
        "kind": intent.kind.value,
        "at": intent.at,
        "node_id": intent.node_id,
        "pool": intent.pool,
        "model": intent.model,
        "reason": said(intent.reason),
        "replaces": intent.replaces,
        "provider": intent.provider,
        "is_spot_pool": intent.is_spot,
        **_price_row(intent.tariff, intent.pool, intent.provider, price_of),
    }


def outcome_row(outcome: Outcome, epoch: int, said: Callable[[str], str]) -> Row:
    """The columns of an outcome."""
    return {
        "epoch": epoch,
        "key": outcome.key,
        "at": outcome.at,
        "result": outcome.result.value,
        "machine_id": outcome.machine_id,
        "billed_from": outcome.billed_from,
        "failures": outcome.failures,
        "detail": said(outcome.detail),
    }


def found_row(base: Found, epoch: int, price_of: PriceOf) -> Row:
    """The columns of a base node that was found."""
    price = price_of(base.pool)
    tariff = None if price is None else price.tariff
    return {
        "epoch": epoch,
        "node_id": base.node_id,
        "machine_id": base.machine_id,
        "provider": base.provider,
        "pool": base.pool,
        "model": base.model,
        "at": base.at,
        "ordered_at": base.ordered_at,
        **_price_row(tariff, base.pool, base.provider, price_of),
    }


def end_row(end: Ended, epoch: int, price_of: PriceOf) -> Row:
    """The columns of an end; what its beginning says of the node is added where it is written."""
    return {
        "epoch": epoch,
        "node_id": end.node_id,
        "pool": end.pool,
        "model": end.model,
        "machine_id": end.machine_id,
        "billed_from": end.billed_from,
        "at": end.at,
        "was_taken_back": end.was_taken_back,
        **_price_row(end.tariff, end.pool, "", price_of),
    }


def entry_of(kind: str, row: Row) -> Entry | Found:
    """The entry of a row."""
    if kind == INTENT:
        return Intent(
            key=row["key"],
            kind=IntentKind(row["kind"]),
            at=row["at"],
            node_id=row["node_id"],
            pool=row["pool"],
            model=row["model"],
            reason=row["reason"],
            replaces=row["replaces"],
            provider=row["provider"],
            tariff=_tariff(row),
            is_spot=row["is_spot_pool"],
            epoch=row["epoch"],
        )
    if kind == OUTCOME:
        return outcome_of(row)
    if kind == END:
        return Ended(
            node_id=row["node_id"],
            pool=row["pool"],
            model=row["model"],
            at=row["at"],
            was_taken_back=row["was_taken_back"],
            machine_id=None if row["is_base"] else row["machine_id"],
            charges_usd=row["charges"],
            billed_from=row["billed_from"],
            tariff=None if row["is_base"] else _tariff(row),
        )
    return Found(
        node_id=row["node_id"],
        machine_id=row["machine_id"],
        provider=row["provider"],
        pool=row["pool"],
        model=row["model"],
        at=row["at"],
        ordered_at=row["ordered_at"],
    )


def outcome_of(row: Row) -> Outcome:
    """The outcome of a row."""
    return Outcome(
        key=row["key"],
        at=row["at"],
        result=Result(row["result"]),
        machine_id=row["machine_id"],
        billed_from=row["billed_from"],
        failures=row["failures"],
        detail=row["detail"],
    )


def storable(text: str) -> str:
    """A text both databases take, of a length one can read: whatever a provider's error holds, it can be written."""
    text = text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _price_row(tariff: Tariff | None, pool: str, provider: str, price_of: PriceOf) -> Row:
    if tariff is None:
        return dict.fromkeys(PRICE_COLUMNS)
    known = price_of(pool)
    if known is None:
        known = PriceInForce(offer=pool, provider=provider, tariff=tariff, source="the price when it was ordered")
    return price_row(replace(known, tariff=tariff))


def _tariff(row: Any) -> Tariff | None:
    return None if row["billing"] is None else tariff_of(row)
