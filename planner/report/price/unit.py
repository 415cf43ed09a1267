"""Section `unit_cost`: what a million tokens costs, blended and apart, on the usage and the allocation basis."""

from typing import TYPE_CHECKING

from planner.economics.spend import Spend
from planner.economics.unit import UnitRow, unit_rows
from planner.plan import UnitCost
from planner.report.numbers import Currency, number, percent
from planner.report.price.section import MONEY, NUMBER, TEXT, Json, Section, listed, money, or_null, record, said
from planner.report.screen import Cell, Column, table, words

if TYPE_CHECKING:
    from rich.console import RenderableType

KEY = "unit_cost"
_COSTS = record(dict.fromkeys(("blended", "input", "output"), or_null(MONEY)))
SCHEMA: Json = record(
    {
        "cost_usd": MONEY,
        "lines": listed(record({"what": TEXT, "amount_usd": MONEY, "grows_with_traffic": {"type": "boolean"}})),
        "models": listed(
            record(
                {
                    "model": said(TEXT, "Name of the model, or 'all models' where there are several."),
                    "input_tokens": NUMBER,
                    "output_tokens": NUMBER,
                    "utilization_ratio": or_null(NUMBER),
                    "cost_usd": MONEY,
                    "idle_usd": said(
                        or_null(MONEY), "Cost less the busy part: idle time and, of a month, shared cost."
                    ),
                    "usage_usd_mtok": said(_COSTS, "Cost of busy time alone."),
                    "allocation_usd_mtok": said(_COSTS, "Idle time included."),
                }
            )
        ),
    }
)


def unit_section(spend: Spend) -> Section:
    """Unit cost of each model, and the lines of the cost."""
    rows = unit_rows(spend)
    return Section(
        key=KEY,
        title="Cost per million tokens",
        parts=lambda currency: _parts(spend, rows, currency),
        document={
            "cost_usd": money(spend.cost_usd),
            "lines": [
                {
                    "what": line.what,
                    "amount_usd": money(line.amount_usd),
                    "grows_with_traffic": line.grows_with_traffic,
                }
                for line in spend.lines
            ],
            "models": [_document(row) for row in rows],
        },
    )


def _document(row: UnitRow) -> Json:
    return {
        "model": row.model,
        "input_tokens": float(row.input_tokens),
        "output_tokens": float(row.output_tokens),
        "utilization_ratio": row.utilization,
        "cost_usd": money(row.cost_usd),
        "idle_usd": money(row.idle_usd),
        "usage_usd_mtok": _costs(row.usage),
        "allocation_usd_mtok": _costs(row.allocation),
    }


def _costs(unit: UnitCost) -> Json:
    return {"blended": money(unit.blended), "input": money(unit.input), "output": money(unit.output)}


def _parts(spend: Spend, rows: tuple[UnitRow, ...], currency: Currency) -> "list[RenderableType]":
    code = currency.code
    columns = [
        words("model"),
        words("basis"),
        Column(title="blended", unit=f"{code}/Mtok", places=4),
        Column(title="input", unit=f"{code}/Mtok", places=4),
        Column(title="output", unit=f"{code}/Mtok", places=4),
        Column(title="cost", unit=code, places=2),
    ]
    cells: list[list[Cell]] = []
    for row in rows:
        busy = None if row.idle_usd is None else row.cost_usd - row.idle_usd
        for basis, unit, cost in (("usage", row.usage, busy), ("allocation", row.allocation, row.cost_usd)):
            name = row.model if basis == "usage" else ""
            amounts = (unit.blended, unit.input, unit.output, cost)
            cells.append([name, basis, *(currency.amount(amount) for amount in amounts)])
    return [
        table(columns, cells, sections=range(1, len(cells) - 1, 2)),
        "",
        *(_sentence(row) for row in rows),
        _made_of(spend, currency),
        "Usage is the cost of busy time alone; allocation includes idle time and is what must be earned.",
    ]


def _sentence(row: UnitRow) -> str:
    tokens = f"{number(row.input_tokens / 1e6, 1)} Mtok input and {number(row.output_tokens / 1e6, 1)} Mtok output"
    busy = "" if row.utilization is None else f" at {percent(row.utilization, 0)} % utilization"
    mix = "" if row.output_tokens <= 0 else f" ({number(row.input_tokens / row.output_tokens, 2)} : 1)"
    return f"{row.model}: {tokens}{mix}{busy}."


def _made_of(spend: Spend, currency: Currency) -> str:
    lines = ", ".join(f"{line.what} {number(currency.amount(line.amount_usd))}" for line in spend.lines)
    return f"Cost {currency.code} {number(currency.amount(spend.cost_usd))}: {lines}."
