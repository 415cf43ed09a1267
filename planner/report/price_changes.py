"""Prices before and after, as people and programs read them: what a refresh found, and what lies between two dates."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.catalog.offer import Trailing
from planner.catalog.read import FxRate
from planner.exchange.quotes import PriceChange, differing
from planner.report.listings import taken_back
from planner.report.narrow import wrapped
from planner.report.numbers import USD, Currency, number, signed
from planner.report.price.section import MONEY, TEXT, Json, listed, or_null, record, said
from planner.report.screen import Cell, Column, Screen, render, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

PRICES_SCHEMA = "baseload.prices/1"
STOCK = {True: "yes", False: "sold out", None: None}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAt:
    """What a plan costs at the prices of a side."""

    bill_usd: Decimal
    base: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChanges:
    """What is shown: offers with their prices before and after."""

    offers: Sequence[PriceChange]
    """All that were asked, the greatest change first."""
    asked: int
    """Offers that were asked for; more than `offers` where a list does not have some."""
    fx: FxRate | None = None
    recorded: str | None = None
    """Where they were recorded; None: nowhere."""
    from_date: date | None = None
    to_date: date | None = None
    plans: tuple[PlanAt, PlanAt] | None = None
    """The plan of a forecast before and after."""


def render_price_changes(found: PriceChanges, *, screen: Screen | None = None, currency: Currency = USD) -> str:
    """The offers whose price is another, and one sentence of the rest."""
    screen = screen or Screen()
    changed = differing(found.offers)
    parts: list[RenderableType] = []
    if changed:
        more = _More(
            stock=any(one.is_available is not None for one in changed),
            taken_back=any(one.has_other_interruptions for one in changed),
            mean=any(one.after.trailing is not None for one in changed),
        )
        columns, rows = _columns(currency.code, more), [_cells(one, currency, more) for one in changed]
        parts += [table(columns, rows), ""]
    for sentence in _sentences(found, changed, currency):
        parts += wrapped(sentence, screen)
    return render(parts, screen)


def price_changes_document(found: PriceChanges) -> Json:
    """The same as the JSON document `baseload.prices/1`, with the offers that stayed as they were."""
    return {
        "schema": PRICES_SCHEMA,
        "currency": "USD",
        "from": None if found.from_date is None else found.from_date.isoformat(),
        "to": None if found.to_date is None else found.to_date.isoformat(),
        "asked": found.asked,
        "usd_per_eur": None if found.fx is None else format(found.fx.usd_per_eur, "f"),
        "usd_per_eur_date": None if found.fx is None else found.fx.date.isoformat(),
        "recorded": found.recorded,
        "offers": [_document(one) for one in found.offers],
        "plans": None if found.plans is None else [_plan_document(one) for one in found.plans],
    }


def prices_schema_text() -> str:
    """The published file docs/schemas/prices.schema.json."""
    day: Json = {"type": "string", "format": "date"}
    side = record(
        {
            "price_usd_hour": or_null(MONEY),
            "fee_usd_month": or_null(MONEY),
            "setup_fee_usd": MONEY,
            "price_date": day,
            "source": TEXT,
            "mean_days": said(or_null({"type": "number"}), "Of how many days the price is the mean; null: of one day."),
            "least_usd_hour": said(or_null(MONEY), "In those days."),
            "most_usd_hour": said(or_null(MONEY), "In those days."),
            "interruptions_per_hour": said(or_null({"type": "number"}), "Of a spot offer's node; null: not known."),
        }
    )
    offer = {
        "offer": TEXT,
        "before": side,
        "after": side,
        "change_ratio": said({"type": "number"}, "After / before - 1: of the fee of a base offer, else of the hour."),
        "is_available": said(or_null({"type": "boolean"}), "Whether it could be had; null: the source does not say."),
    }
    plan = {
        "bill_usd": MONEY,
        "base": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
    }
    document: Json = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": PRICES_SCHEMA,
        "description": "Prices before and after, USD net of VAT, the greatest change first. Unknown is null.",
        **record(
            {
                "schema": {"const": PRICES_SCHEMA},
                "currency": {"const": "USD"},
                "from": said(or_null(day), "Prices before are those of this day; null: the newest known till now."),
                "to": said(or_null(day), "Prices after are those of this day; null: those just asked for."),
                "asked": said({"type": "integer", "minimum": 0}, "Offers asked for; a list may not have them all."),
                "usd_per_eur": or_null(MONEY),
                "usd_per_eur_date": or_null(day),
                "recorded": said(or_null(TEXT), "Where prices were recorded; null: nowhere."),
                "offers": listed(record(offer)),
                "plans": said(or_null(listed(record(plan))), "The forecast's plan before and after; null: none asked."),
            }
        ),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _More:
    """Columns that are there only if some row has something to say."""

    stock: bool
    taken_back: bool
    mean: bool


def _columns(code: str, more: _More) -> tuple[Column, ...]:
    stock = (words("to be had"),) if more.stock else ()
    taken = (words("taken back"), words("now")) if more.taken_back else ()
    mean = (Column(title="days"), Column(title="least"), Column(title="most")) if more.mean else ()
    return (
        words("offer"),
        Column(title="before"),
        Column(title="now"),
        words(""),
        Column(title="change", unit="%"),
        Column(title="setup", unit=code),
        words("dated before"),
        words("now"),
        *mean,
        *taken,
        *stock,
    )


def _cells(one: PriceChange, currency: Currency, more: _More) -> tuple[Cell, ...]:
    by_month = one.after.role == "base" and one.after.fee_usd_month is not None
    places, unit = (2, "a month") if by_month else (4, "an hour")
    before, after = (
        currency.amount(side.fee_usd_month if by_month else side.price_usd_hour) for side in (one.before, one.after)
    )
    setup = signed(currency.amount(one.setup_change_usd), 2) if one.setup_change_usd else None
    stock = (STOCK[one.is_available],) if more.stock else ()
    mean = _days(one.after.trailing, currency) if more.mean else ()
    sides = (one.before, one.after)
    taken = tuple(taken_back(side.interruptions_per_hour) for side in sides) if more.taken_back else ()
    return (
        one.offer,
        number(before, places),
        number(after, places),
        f"{currency.code} {unit}",
        signed((one.ratio - 1) * 100, 1),
        setup,
        one.before.price_date.isoformat(),
        one.after.price_date.isoformat(),
        *mean,
        *taken,
        *stock,
    )


def _days(found: Trailing | None, currency: Currency) -> tuple[Cell, ...]:
    """Of how many days the price is the mean, and what it lay between in them."""
    if found is None:
        return ("", "", "")
    between = (number(currency.amount(usd), 4) for usd in (found.least_usd_hour, found.most_usd_hour))
    return (number(found.days, 0), *between)


def _sentences(found: PriceChanges, changed: Sequence[PriceChange], currency: Currency) -> list[str]:
    repriced = sum(one.has_other_price for one in changed)
    same = len(found.offers) - repriced
    missing = found.asked - len(found.offers)
    parts = [f"{repriced} of {found.asked} offers have another price", f"{same} the same"]
    if missing:
        parts.append(f"{missing} {'is' if missing == 1 else 'are'} in no list that was read")
    sentences = ["; ".join(parts) + "."]
    moved = sum(one.has_other_interruptions for one in changed)
    if moved:
        sentences.append(
            f"{moved} {'is' if moved == 1 else 'are'} taken back more or less often (share of nodes a month)."
        )
    if found.fx is not None:
        sentences.append(f"Euros are taken at {found.fx.usd_per_eur} USD of {found.fx.date} ({found.fx.source}).")
    if found.plans is not None:
        before, after = found.plans
        code, change = currency.code, currency.amount(after.bill_usd - before.bill_usd)
        sentences.append(
            f"The plan's bill: {code} {number(currency.amount(before.bill_usd))} to "
            f"{number(currency.amount(after.bill_usd))} ({signed(change)}); "
            f"base {_counts(before.base)} to {_counts(after.base)}."
        )
    if currency.note:
        sentences.append(f"Amounts are {currency.note}.")
    return sentences


def _counts(base: dict[str, int]) -> str:
    return ", ".join(f"{count} {key}" for key, count in sorted(base.items()) if count) or "none"


def _document(one: PriceChange) -> Json:
    return {
        "offer": one.offer,
        **{
            name: {
                "price_usd_hour": _text(side.price_usd_hour),
                "fee_usd_month": _text(side.fee_usd_month),
                "setup_fee_usd": _text(side.setup_fee_usd),
                "price_date": side.price_date.isoformat(),
                "source": side.source,
                "interruptions_per_hour": side.interruptions_per_hour,
                "mean_days": None if side.trailing is None else side.trailing.days,
                "least_usd_hour": None if side.trailing is None else _text(side.trailing.least_usd_hour),
                "most_usd_hour": None if side.trailing is None else _text(side.trailing.most_usd_hour),
            }
            for name, side in (("before", one.before), ("after", one.after))
        },
        "change_ratio": float(one.ratio - 1),
        "is_available": one.is_available,
    }


def _plan_document(plan: PlanAt) -> Json:
    return {"bill_usd": _text(plan.bill_usd), "base": {key: count for key, count in plan.base.items() if count}}


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else format(amount, "f")
