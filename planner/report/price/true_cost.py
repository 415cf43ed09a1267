"""Section `true_cost`: hidden lines beside the direct cost, per month and per million tokens, and what prices earn."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.economics.true_cost import CostRow, PriceAt, TrueCost
from planner.report.numbers import Currency, number, percent
from planner.report.price.section import MONEY, SIGNED, TEXT, Json, Section, listed, money, or_null, record, said
from planner.report.screen import Cell, Column, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "true_cost"
SCHEMA: Json = record(
    {
        "lines": listed(
            record(
                {
                    "what": TEXT,
                    "is_hidden": {"type": "boolean"},
                    "grows_with_traffic": {"type": "boolean"},
                    "amount_usd": said(MONEY, "Over the span."),
                    "usd_month": or_null(MONEY),
                    "usd_mtok": or_null(MONEY),
                }
            )
        ),
        "direct_usd": MONEY,
        "hidden_usd": MONEY,
        "true_usd": MONEY,
        "direct_usd_mtok": or_null(MONEY),
        "true_usd_mtok": or_null(MONEY),
        "margin_ratio": said(SIGNED, "Margin of the price below: (price - true cost) / price."),
        "price_usd_mtok": said(or_null(MONEY), "Price per million tokens that has this margin; not rounded."),
        "at_prices": listed(
            record(
                {
                    "price_usd_mtok": MONEY,
                    "revenue_usd": MONEY,
                    "direct_profit_usd": MONEY,
                    "direct_margin_ratio": SIGNED,
                    "true_profit_usd": MONEY,
                    "true_margin_ratio": SIGNED,
                }
            )
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A margin aimed at, and the price per million tokens that has it."""

    margin_ratio: Decimal
    price_usd_mtok: Decimal | None


def true_cost_section(cost: TrueCost, target: Target, earned: Sequence[PriceAt]) -> Section:
    """Direct and true cost, the price of a margin, and what given prices earn."""
    return Section(
        key=KEY,
        title="Direct and true cost",
        parts=lambda currency: _parts(cost, target, earned, currency),
        document={
            "lines": [_line(row) for row in cost.rows],
            "direct_usd": money(cost.direct_usd),
            "hidden_usd": money(cost.hidden_usd),
            "true_usd": money(cost.true_usd),
            "direct_usd_mtok": money(cost.per_mtok(cost.direct_usd)),
            "true_usd_mtok": money(cost.per_mtok(cost.true_usd)),
            "margin_ratio": float(target.margin_ratio),
            "price_usd_mtok": money(target.price_usd_mtok),
            "at_prices": [_earned(one) for one in earned],
        },
    )


def _line(row: CostRow) -> Json:
    return {
        "what": row.label,
        "is_hidden": row.is_hidden,
        "grows_with_traffic": row.grows_with_traffic,
        "amount_usd": money(row.amount_usd),
        "usd_month": money(row.usd_month),
        "usd_mtok": money(row.usd_mtok),
    }


def _earned(one: PriceAt) -> Json:
    return {
        "price_usd_mtok": money(one.price_usd_mtok),
        "revenue_usd": money(one.revenue_usd),
        "direct_profit_usd": money(one.direct_profit_usd),
        "direct_margin_ratio": float(one.direct_margin_ratio),
        "true_profit_usd": money(one.true_profit_usd),
        "true_margin_ratio": float(one.true_margin_ratio),
    }


def _parts(cost: TrueCost, target: Target, earned: Sequence[PriceAt], currency: Currency) -> "list[RenderableType]":
    code = currency.code
    columns = [
        words("cost"),
        words("line"),
        Column(title="per month", unit=code, places=2),
        Column(title="per million tokens", unit=f"{code}/Mtok", places=4),
        words("grows with traffic"),
    ]
    direct = [row for row in cost.rows if not row.is_hidden]
    hidden = [row for row in cost.rows if row.is_hidden]
    rows: list[list[Cell]] = [_cells("direct" if at == 0 else "", row, currency) for at, row in enumerate(direct)]
    rows.append(_sum("direct cost", cost, cost.direct_usd, currency))
    rows += [_cells("hidden" if at == 0 else "", row, currency) for at, row in enumerate(hidden)]
    rows.append(_sum("true cost", cost, cost.true_usd, currency))
    made = table(columns, rows, sections=(len(direct), len(rows) - 2), bold=(len(direct), len(rows) - 1))
    margin = percent(target.margin_ratio, 0)
    price = number(currency.amount(target.price_usd_mtok), 4)
    return [
        made,
        "",
        *_at_prices(earned, currency),
        f"A price of {code} {price} per million tokens has a true margin of {margin} % ((price − true cost) / price).",
    ]


def _cells(kind: str, row: CostRow, currency: Currency) -> list[Cell]:
    amounts = [currency.amount(row.usd_month), currency.amount(row.usd_mtok)]
    return [kind, row.label, *amounts, "yes" if row.grows_with_traffic else "no"]


def _sum(label: str, cost: TrueCost, usd: Decimal, currency: Currency) -> list[Cell]:
    return [label, "", currency.amount(cost.per_month(usd)), currency.amount(cost.per_mtok(usd)), ""]


def _at_prices(earned: Sequence[PriceAt], currency: Currency) -> "list[RenderableType]":
    if not earned:
        return []
    code = currency.code
    columns = [
        Column(title="price", unit=f"{code}/Mtok", places=4),
        Column(title="revenue", unit=code, places=2),
        Column(title="direct profit", unit=code, places=2),
        Column(title="margin", unit="%", places=1, is_ratio=True),
        Column(title="true profit", unit=code, places=2),
        Column(title="margin", unit="%", places=1, is_ratio=True),
    ]
    rows: list[list[Cell]] = [
        [
            currency.amount(one.price_usd_mtok),
            currency.amount(one.revenue_usd),
            currency.amount(one.direct_profit_usd),
            one.direct_margin_ratio,
            currency.amount(one.true_profit_usd),
            one.true_margin_ratio,
        ]
        for one in earned
    ]
    return [table(columns, rows), ""]
