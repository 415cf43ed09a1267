"""Reads costs.csv: what is invoiced beside leases, such as traffic or storage. Text in, OtherCost out. Pure.

Columns: `id,provider,what,start,end` and `amount_usd`, or `amount` in the `currency` of the invoice at `usd_per_unit`
USD (`rate_date`); optional `model` and the columns named as tags. A credit is an amount below 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from planner.demand.header import shown
from planner.errors import InputError
from planner.exchange.leases import read_rate
from planner.exchange.table import Columns, Row, read_money, read_name, read_table, read_time
from planner.ledger import OtherCost

REQUIRED = ("id", "provider", "what", "start", "end")
OPTIONAL = ("amount_usd", "amount", "currency", "usd_per_unit", "rate_date", "model")


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsRead:
    """Other costs as read, and what their reader should know."""

    costs: tuple[OtherCost, ...]
    remarks: tuple[str, ...] = ()


def read_costs(text: str, *, source: str, tags: Mapping[str, str] | None = None) -> CostsRead:
    """The other costs a CSV text holds. `tags`: tag -> column."""
    columns, chunks = read_table(text, source=source, required=REQUIRED, optional=OPTIONAL, tags=tags)
    costs: dict[str, OtherCost] = {}
    for rows, lines in chunks:
        for row, line in zip(rows, lines, strict=True):
            try:
                cost = _cost(columns, row)
            except ValueError as error:
                raise InputError(f"{source}, row {line}: {error}") from None
            if cost.id in costs:
                raise InputError(f"{source}, row {line}: id {shown(cost.id)} appears twice; expected each cost once")
            costs[cost.id] = cost
    if not costs:
        raise InputError(f"{source}: there is a header and no row; expected one row per cost")
    return CostsRead(costs=tuple(costs.values()), remarks=columns.remarks)


def _cost(columns: Columns, row: Row) -> OtherCost:
    start = read_time(columns.cell(row, "start"), "start")
    end = read_time(columns.cell(row, "end"), "end")
    if end < start:
        raise ValueError(f"end {end:%Y-%m-%dT%H:%MZ} is before start {start:%Y-%m-%dT%H:%MZ}; expected it after")
    currency = columns.cell(row, "currency") or "USD"
    usd_per_unit, rate_date = read_rate(columns, row, currency)
    in_usd, in_unit = columns.cell(row, "amount_usd"), columns.cell(row, "amount")
    if bool(in_usd) == bool(in_unit):
        raise ValueError("expected one of amount_usd and amount")
    model = columns.cell(row, "model")
    return OtherCost(
        id=read_name(columns.cell(row, "id"), "id"),
        provider=read_name(columns.cell(row, "provider"), "provider"),
        what=read_name(columns.cell(row, "what"), "what"),
        start=start,
        end=end,
        amount_usd=(
            read_money(in_usd, "amount_usd", signed=True)
            if in_usd
            else read_money(in_unit, "amount", signed=True) * usd_per_unit
        ),
        invoice_currency=currency,
        usd_per_unit=usd_per_unit,
        rate_date=rate_date,
        model=read_name(model, "model") if model else None,
        tags=columns.tags_of(row),
    )
