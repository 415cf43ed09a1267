"""Section `quotes`: cost per million tokens of machines at assumed utilizations, the guides' cost tables."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from planner.economics.quote import Machine, quote_usd_mtok
from planner.report.numbers import Currency, number
from planner.report.price.section import MONEY, NUMBER, TEXT, Json, Section, listed, money, record, said
from planner.report.screen import Column, table, words

if TYPE_CHECKING:
    from rich.table import Table

KEY = "quotes"
SCHEMA: Json = listed(
    record(
        {
            "machine": TEXT,
            "price_usd_hour": MONEY,
            "tok_s": said(NUMBER, "At full load; output tokens alone where is_decode_only."),
            "is_decode_only": {"type": "boolean"},
            "costs": listed(record({"utilization_ratio": NUMBER, "cost_usd_mtok": MONEY})),
        }
    )
)


def quotes_section(machines: Sequence[Machine], utilizations: Sequence[Decimal]) -> Section:
    """A row per machine, a column per utilization."""
    return Section(
        key=KEY,
        title="Cost per million tokens at assumed utilization",
        parts=lambda currency: [_table(machines, utilizations, currency)],
        document=[
            {
                "machine": machine.name,
                "price_usd_hour": money(machine.price_usd_hour),
                "tok_s": float(machine.tok_s),
                "is_decode_only": machine.is_decode_only,
                "costs": [
                    {"utilization_ratio": float(use), "cost_usd_mtok": money(quote_usd_mtok(machine, use))}
                    for use in utilizations
                ],
            }
            for machine in machines
        ],
    )


def _table(machines: Sequence[Machine], utilizations: Sequence[Decimal], currency: Currency) -> "Table":
    code = currency.code
    columns = [
        words("machine"),
        Column(title="price", unit=f"{code}/h", places=3),
        Column(title="rate", unit="tok/s"),
        *(Column(title=f"at {_percent(use)} %", unit=f"{code}/Mtok", places=4) for use in utilizations),
    ]
    rows = [
        [
            machine.name,
            currency.amount(machine.price_usd_hour),
            machine.tok_s,
            *(currency.amount(quote_usd_mtok(machine, use)) for use in utilizations),
        ]
        for machine in machines
    ]
    return table(columns, rows)


def _percent(use: Decimal) -> str:
    """A utilization in whole percent, or with a decimal where it has one."""
    return number(use * 100, 0 if use * 100 == round(use * 100) else 1)
