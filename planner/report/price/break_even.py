"""Section `break_even`: the traffic at which each price pays for the fleet."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.economics.breakeven import BreakEvenRow, TrafficCost
from planner.report.numbers import Currency, number, percent
from planner.report.price.section import MONEY, NUMBER, TEXT, Json, Section, listed, money, or_null, record, said
from planner.report.screen import Cell, Column, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "break_even"
SCHEMA: Json = listed(
    record(
        {
            "name": said(TEXT, "What the cost is of."),
            "cost": said(TEXT, "How it grows with traffic."),
            "fixed_usd_month": said(MONEY, "Paid with no traffic at all."),
            "capacity_mtok_month": said(or_null(MONEY), "The most that can be served; null: no end."),
            "tokens_per_request": or_null(MONEY),
            "prices": listed(
                record(
                    {
                        "price_usd_mtok": MONEY,
                        "mtok_month": said(or_null(MONEY), "Null: never."),
                        "tokens_day": said(or_null(MONEY), "Of 30 days."),
                        "tok_s": said(or_null(MONEY), "Mean of a month of 720 h."),
                        "requests_day": or_null(MONEY),
                        "until_mtok_month": said(or_null(MONEY), "A loss again beyond it; null: it is not."),
                        "cost_usd_month": or_null(MONEY),
                        "capacity_ratio": or_null(NUMBER),
                        "why_never": TEXT,
                    }
                )
            ),
        }
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEvens:
    """The prices tried against one cost, computed."""

    name: str
    cost: TrafficCost
    tokens_per_request: Decimal | None
    rows: tuple[BreakEvenRow, ...]


def break_even_section(found: Sequence[BreakEvens]) -> Section:
    """A table per cost."""
    return Section(
        key=KEY,
        title="Break-even: the traffic at which a price pays for the fleet",
        parts=lambda currency: _parts(found, currency),
        document=[
            {
                "name": one.name,
                "cost": one.cost.note,
                "fixed_usd_month": money(one.cost.fixed_usd),
                "capacity_mtok_month": money(one.cost.capacity_mtok),
                "tokens_per_request": money(one.tokens_per_request),
                "prices": [
                    {
                        "price_usd_mtok": money(row.price_usd_mtok),
                        "mtok_month": money(row.mtok_month),
                        "tokens_day": money(row.tokens_day),
                        "tok_s": money(row.tok_s),
                        "requests_day": money(row.requests_day),
                        "until_mtok_month": money(row.until_mtok_month),
                        "cost_usd_month": money(row.cost_usd_month),
                        "capacity_ratio": None if row.capacity_ratio is None else float(row.capacity_ratio),
                        "why_never": row.why_never,
                    }
                    for row in one.rows
                ],
            }
            for one in found
        ],
    )


def _parts(found: Sequence[BreakEvens], currency: Currency) -> "list[RenderableType]":
    parts: list[RenderableType] = []
    for one in found:
        parts += (
            ["", _heading(one, currency), "", _table(one, currency)]
            if parts
            else [
                _heading(one, currency),
                "",
                _table(one, currency),
            ]
        )
    return parts


def _heading(one: BreakEvens, currency: Currency) -> str:
    fixed = f"{currency.code} {number(currency.amount(one.cost.fixed_usd))} a month with no traffic"
    end = one.cost.capacity_mtok
    most = "" if end is None else f"; {number(end, 0)} Mtok a month at most"
    return f"{one.name}, {one.cost.note}: {fixed}{most}."


def _table(one: BreakEvens, currency: Currency) -> "RenderableType":
    asks = one.tokens_per_request
    columns = [
        Column(title="price", unit=f"{currency.code}/Mtok", places=4),
        Column(title="traffic", unit="Mtok/month", places=1),
        Column(title="traffic", unit="Mtok/day", places=2),
        Column(title="mean", unit="tok/s", places=1),
        *([] if asks is None else [Column(title=f"at {number(asks, 0)} tok", unit="requests/day")]),
        Column(title="cost", unit=f"{currency.code}/month", places=2),
        words("note"),
    ]
    rows: list[list[Cell]] = []
    for row in one.rows:
        day = None if row.tokens_day is None else row.tokens_day / 1_000_000
        rows.append(
            [
                currency.amount(row.price_usd_mtok),
                "never" if row.mtok_month is None else row.mtok_month,
                day,
                row.tok_s,
                *([] if asks is None else [row.requests_day]),
                currency.amount(row.cost_usd_month),
                _note(row),
            ]
        )
    return table(columns, rows)


def _note(row: BreakEvenRow) -> str:
    if row.mtok_month is None:
        return row.why_never
    notes = [] if row.mtok_month else ["from the first token on: nothing is paid without traffic"]
    if row.capacity_ratio is not None:
        notes.append(f"{percent(row.capacity_ratio, 0)} % of what the fleet serves")
    if row.until_mtok_month is not None:
        notes.append(f"a loss again beyond {number(row.until_mtok_month, 0)} Mtok")
    return "; ".join(notes)
