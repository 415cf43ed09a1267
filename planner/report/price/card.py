"""Section `card`: the quick reference card of one's own fleet: costs, prices, break-even, market, on one screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.report.numbers import Currency, number, percent
from planner.report.price.section import MONEY, SIGNED, TEXT, Json, Section, listed, money, or_null, record, said

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "card"
SCHEMA: Json = record(
    {
        "about": TEXT,
        "costs": listed(record({"name": TEXT, "true_usd_mtok": MONEY})),
        "prices": listed(
            record({"name": TEXT, "price_usd_mtok": or_null(MONEY), "true_margin_ratio": or_null(SIGNED), "note": TEXT})
        ),
        "break_even": listed(
            record(
                {
                    "mtok_month": MONEY,
                    "price_usd_mtok": MONEY,
                    "revenue_usd_month": MONEY,
                    "cost_usd_month": said(or_null(MONEY), "Null: more than the fleet serves."),
                    "margin_ratio": or_null(SIGNED),
                }
            )
        ),
        "break_even_note": TEXT,
        "market": listed(record({"name": TEXT, "low_usd_mtok": MONEY, "high_usd_mtok": MONEY})),
    }
)
LEAST_WIDTH = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class CardPrice:
    """A tier on the card."""

    name: str
    price_usd_mtok: Decimal | None
    true_margin_ratio: Decimal | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardVolume:
    """A month's traffic on the card."""

    mtok_month: Decimal
    price_usd_mtok: Decimal
    revenue_usd: Decimal
    cost_usd: Decimal | None
    """None: more than the fleet serves."""

    @property
    def margin_ratio(self) -> Decimal | None:
        """(revenue - cost) / revenue."""
        return None if self.cost_usd is None else (self.revenue_usd - self.cost_usd) / self.revenue_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class CardMarket:
    """A class of hosted models, or one of them, on the card."""

    name: str
    low_usd_mtok: Decimal
    high_usd_mtok: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The card's figures, computed."""

    about: str
    costs: tuple[tuple[str, Decimal], ...]
    """(what, true cost in USD per million tokens)."""
    prices: tuple[CardPrice, ...]
    volumes: tuple[CardVolume, ...]
    break_even_note: str
    market: tuple[CardMarket, ...]


def card_section(card: Card) -> Section:
    """The card."""
    return Section(
        key=KEY,
        title="Quick reference card",
        parts=lambda currency: _box(card, currency),
        document={
            "about": card.about,
            "costs": [{"name": name, "true_usd_mtok": money(usd)} for name, usd in card.costs],
            "prices": [
                {
                    "name": one.name,
                    "price_usd_mtok": money(one.price_usd_mtok),
                    "true_margin_ratio": None if one.true_margin_ratio is None else float(one.true_margin_ratio),
                    "note": one.note,
                }
                for one in card.prices
            ],
            "break_even": [
                {
                    "mtok_month": money(one.mtok_month),
                    "price_usd_mtok": money(one.price_usd_mtok),
                    "revenue_usd_month": money(one.revenue_usd),
                    "cost_usd_month": money(one.cost_usd),
                    "margin_ratio": None if one.margin_ratio is None else float(one.margin_ratio),
                }
                for one in card.volumes
            ],
            "break_even_note": card.break_even_note,
            "market": [
                {"name": one.name, "low_usd_mtok": money(one.low_usd_mtok), "high_usd_mtok": money(one.high_usd_mtok)}
                for one in card.market
            ],
        },
    )


def _box(card: Card, currency: Currency) -> "list[RenderableType]":
    """The lines in a frame as wide as the longest of them."""
    lines = [f"YOUR COSTS ({card.about}):", *_columns(_costs(card, currency)), ""]
    lines += ["PRICES BY THE POLICY:", *_columns(_prices(card, currency)), ""]
    lines += [f"BREAK-EVEN ({card.break_even_note}):", *_columns(_volumes(card, currency))]
    if card.market:
        lines += ["", "MARKET COMPARISON:", *_columns(_market(card, currency))]
    width = max(LEAST_WIDTH, *(len(line) for line in lines))
    title = f"PRICING QUICK REFERENCE, {currency.code} per million tokens"
    rule = "─" * (width + 2)
    return [
        f"┌{rule}┐",
        f"│ {title:^{width}} │",
        f"├{rule}┤",
        *(f"│ {line:<{width}} │" for line in lines),
        f"└{rule}┘",
    ]


def _columns(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """Name, figure and note, each column aligned."""
    if not rows:
        return ["  –"]
    first, second = (max(len(row[at]) for row in rows) for at in (0, 1))
    return [f"  {name:<{first}}  {figure:>{second}}  {note}".rstrip() for name, figure, note in rows]


def _costs(card: Card, currency: Currency) -> list[tuple[str, str, str]]:
    return [(f"{name}:", number(currency.amount(usd), 4), "") for name, usd in card.costs]


def _prices(card: Card, currency: Currency) -> list[tuple[str, str, str]]:
    rows = []
    for one in card.prices:
        earns = "" if one.true_margin_ratio is None else f"{percent(one.true_margin_ratio, 0)} % margin"
        note = ", ".join(part for part in (earns, one.note) if part)
        rows.append((f"{one.name}:", number(currency.amount(one.price_usd_mtok), 4), f"({note})" if note else ""))
    return rows


def _volumes(card: Card, currency: Currency) -> list[tuple[str, str, str]]:
    rows = []
    for one in card.volumes:
        code, revenue = currency.code, number(currency.amount(one.revenue_usd), 0)
        if one.cost_usd is None:
            note = f"= {code} {revenue}, but more than the fleet serves"
        else:
            note = (
                f"= {code} {revenue} for a cost of {number(currency.amount(one.cost_usd), 0)}, "
                f"{percent(one.margin_ratio, 0)} % margin"
            )
        rows.append(
            (f"{number(one.mtok_month, 0)} Mtok/month", f"at {number(currency.amount(one.price_usd_mtok), 2)}", note)
        )
    return rows


def _market(card: Card, currency: Currency) -> list[tuple[str, str, str]]:
    rows = []
    for one in card.market:
        low, high = (number(currency.amount(usd), 2) for usd in (one.low_usd_mtok, one.high_usd_mtok))
        rows.append((f"{one.name}:", low if low == high else f"{low}–{high}", ""))
    return rows
