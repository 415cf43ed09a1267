"""Section `market`: what hosted models of the class cost at our mix, and where our prices stand among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.economics.market import Market, Standing
from planner.report.numbers import Currency, number, percent
from planner.report.price.section import MONEY, NUMBER, TEXT, Json, Section, listed, money, or_null, record, said
from planner.report.screen import Cell, Column, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "market"
SCHEMA: Json = record(
    {
        "model_class": TEXT,
        "input_per_output": said(or_null(NUMBER), "The mix prices are blended at; null: output alone is none."),
        "reference_usd_mtok": said(MONEY, "What positions and tiers by the market are shares of."),
        "reference": said(TEXT, "How the reference is made."),
        "price_date": or_null({"type": "string", "format": "date"}),
        "source": TEXT,
        "positions": listed(
            record(
                {
                    "name": TEXT,
                    "model_class": TEXT,
                    "low_usd_mtok": or_null(MONEY),
                    "high_usd_mtok": or_null(MONEY),
                    "low_ratio": NUMBER,
                    "high_ratio": NUMBER,
                }
            )
        ),
        "ours": listed(
            record(
                {
                    "name": TEXT,
                    "price_usd_mtok": MONEY,
                    "of_reference_ratio": NUMBER,
                    "dearer_ratio": said(NUMBER, "Share of the market's prices that are above it."),
                }
            )
        ),
        "hosted": listed(
            record(
                {
                    "model": TEXT,
                    "provider": TEXT,
                    "others": said({"type": "integer", "minimum": 0}, "More models of the provider at this price."),
                    "input_usd_mtok": MONEY,
                    "output_usd_mtok": MONEY,
                    "blended_usd_mtok": MONEY,
                }
            )
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A position of the policy as prices; None where its class is not in the list."""

    name: str
    model_class: str
    low_ratio: Decimal
    high_ratio: Decimal
    band_usd_mtok: tuple[Decimal, Decimal] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """The market and our place in it, computed."""

    market: Market
    input_per_output: Decimal | None
    positions: tuple[Position, ...]
    ours: tuple[Standing, ...]


def market_section(view: MarketView) -> Section:
    """The class, our prices among it, the positions."""
    market = view.market
    return Section(
        key=KEY,
        title=f"Market: hosted models of the class {market.model_class}",
        parts=lambda currency: _parts(view, currency),
        document={
            "model_class": market.model_class,
            "input_per_output": None if view.input_per_output is None else float(view.input_per_output),
            "reference_usd_mtok": money(market.reference_usd_mtok),
            "reference": reference_in_words(market),
            "price_date": None if market.price_date is None else market.price_date.isoformat(),
            "source": market.source,
            "positions": [
                {
                    "name": one.name,
                    "model_class": one.model_class,
                    "low_usd_mtok": None if one.band_usd_mtok is None else money(one.band_usd_mtok[0]),
                    "high_usd_mtok": None if one.band_usd_mtok is None else money(one.band_usd_mtok[1]),
                    "low_ratio": float(one.low_ratio),
                    "high_ratio": float(one.high_ratio),
                }
                for one in view.positions
            ],
            "ours": [
                {
                    "name": one.name,
                    "price_usd_mtok": money(one.price_usd_mtok),
                    "of_reference_ratio": float(one.of_reference_ratio),
                    "dearer_ratio": float(one.dearer_ratio),
                }
                for one in view.ours
            ],
            "hosted": [
                {
                    "model": row.model,
                    "provider": row.provider,
                    "others": row.others,
                    "input_usd_mtok": money(row.input_usd_mtok),
                    "output_usd_mtok": money(row.output_usd_mtok),
                    "blended_usd_mtok": money(row.blended_usd_mtok),
                }
                for row in market.rows
            ],
        },
    )


def reference_in_words(market: Market) -> str:
    """How the reference is made."""
    if market.is_own_reference:
        return "as the policy says"
    if market.quantile == Decimal("0.5"):
        return "the median of the class"
    return f"the {percent(market.quantile, 0)} % quantile of the class"


def mix_in_words(input_per_output: Decimal | None) -> str:
    """The mix prices are blended at."""
    return "input alone" if input_per_output is None else f"{number(input_per_output, 2)} input : 1 output"


def _parts(view: MarketView, currency: Currency) -> "list[RenderableType]":
    market, code = view.market, currency.code
    columns = [
        words("hosted by"),
        words("model"),
        Column(title="input", unit=f"{code}/Mtok", places=3),
        Column(title="output", unit=f"{code}/Mtok", places=3),
        Column(title="blended", unit=f"{code}/Mtok", places=4),
    ]
    hosted: list[tuple[Decimal, int, list[Cell]]] = [
        (
            row.blended_usd_mtok,
            0,
            [
                row.provider,
                f"{row.model} and {row.others} more" if row.others else row.model,
                currency.amount(row.input_usd_mtok),
                currency.amount(row.output_usd_mtok),
                currency.amount(row.blended_usd_mtok),
            ],
        )
        for row in market.rows
    ]
    ours: list[tuple[Decimal, int, list[Cell]]] = [
        (one.price_usd_mtok, 1, ["ours", one.name, "", "", currency.amount(one.price_usd_mtok)]) for one in view.ours
    ]
    rows = sorted([*hosted, *ours], key=lambda row: (row[0], row[1]))
    bold = [index for index, row in enumerate(rows) if row[1]]
    dated = "" if market.price_date is None else f", prices of {market.price_date.isoformat()}"
    reference = number(currency.amount(market.reference_usd_mtok), 4)
    return [
        table(columns, [row[2] for row in rows], bold=bold),
        "",
        f"Reference: {code} {reference}, {reference_in_words(market)}, at {mix_in_words(view.input_per_output)}.",
        *(_standing(one) for one in view.ours),
        "",
        _position_table(view.positions, currency),
        "",
        f"List prices: {market.source}{dated}; models at one price of one provider count once.",
    ]


def _standing(one: Standing) -> str:
    cheaper = 1 - one.dearer_ratio
    return (
        f"{one.name}: {percent(one.of_reference_ratio, 0)} % of the reference; "
        f"{percent(cheaper, 0)} % of the class ask as much or less, {percent(one.dearer_ratio, 0)} % more."
    )


def _position_table(positions: Sequence[Position], currency: Currency) -> "RenderableType":
    columns = [
        words("position"),
        words("against"),
        Column(title="share", unit="%"),
        Column(title="from", unit=f"{currency.code}/Mtok", places=4),
        Column(title="to", unit=f"{currency.code}/Mtok", places=4),
    ]
    rows: list[list[Cell]] = []
    for one in positions:
        low, high = (None, None) if one.band_usd_mtok is None else one.band_usd_mtok
        ends = (percent(one.low_ratio, 0), percent(one.high_ratio, 0))
        share = ends[0] if ends[0] == ends[1] else f"{ends[0]}–{ends[1]}"
        rows.append([one.name, one.model_class, share, currency.amount(low), currency.amount(high)])
    return table(columns, rows)
