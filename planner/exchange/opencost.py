"""Reads OpenCost's CSV export: what a cluster's workloads cost by day. Text in, OtherCost out. Pure.

The export has a row per day and container: `Date, Namespace, ControllerKind, ControllerName, Pod, Container, Labels`,
averages of use, `CPUCost, RAMCost, NetworkCost, PVCost, GPUCost, TotalCost` (USD unless OpenCost was told otherwise; it
counts no tokens). Taken: `TotalCost`, added up by day, by the tags named (a column, or `Labels.KEY`) and by model
(`--model`, or a column of that meaning). They are costs of their own: nodes that are in the ledger as leases too would
count twice, and the command says so. The file grows by a day at a time; days held already are left out.
Columns as in opencost/pkg/costmodel/csv_export.go.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from planner.demand.header import shown
from planner.errors import InputError
from planner.exchange.costs import CostsRead
from planner.exchange.table import EARLIEST_YEAR, LATEST_YEAR, Columns, Row, read_day, read_name, read_table
from planner.ledger import OtherCost, Tags, tags_of

PROVIDER = "opencost"
LABELS = "Labels"
_READ = ("Namespace", "ControllerKind", "ControllerName", "Pod", "Container", LABELS)
_PLACES = Decimal("1e-12")
"""The export prints binary floats; beyond this they say nothing."""

Key = tuple[datetime, str | None, Tags]


def read_allocations(
    text: str,
    *,
    source: str,
    tags: Mapping[str, str] | None = None,
    model: str | None = None,
    model_column: str | None = None,
) -> CostsRead:
    """Costs of a cluster by day, tags and model. `tags`: tag -> column or Labels.KEY; `model_column`: the same."""
    columns, chunks = read_table(text, source=source, required=("Date", "TotalCost"), optional=_READ, exact=True)
    tags = tags or {}
    for column in (*tags.values(), *((model_column,) if model_column else ())):
        name = column.partition(".")[0] if column.startswith(f"{LABELS}.") else column
        if name not in columns.position or column in ("Date", "TotalCost", LABELS):
            raise InputError(
                f"{source}: no column {shown(column)}; expected one of {', '.join(_READ[:-1])} or Labels.KEY"
            )
    totals: dict[Key, Decimal] = {}
    for rows, lines in chunks:
        for row, line in zip(rows, lines, strict=True):
            try:
                day, amount = _day(columns.cell(row, "Date")), _amount(columns.cell(row, "TotalCost"))
                found = {tag: _picked(columns, row, column, tag) for tag, column in tags.items()}
                whose = _picked(columns, row, model_column, "model") if model_column else model
            except ValueError as error:
                raise InputError(f"{source}, row {line}: {error}") from None
            key = (day, whose or None, tags_of(found))
            totals[key] = totals.get(key, Decimal(0)) + amount
    if not totals:
        raise InputError(f"{source}: there is a header and no row; expected one row per day and container")
    return CostsRead(costs=tuple(_cost(key, amount) for key, amount in totals.items()))


def _cost(key: Key, amount: Decimal) -> OtherCost:
    day, model, tags = key
    whose = json.dumps([model, *tags], ensure_ascii=False)
    return OtherCost(
        id=f"{PROVIDER}/{day:%Y-%m-%d}/{hashlib.sha256(whose.encode()).hexdigest()[:12]}",
        provider=PROVIDER,
        what="cluster workloads",
        start=day,
        end=day + timedelta(days=1),
        amount_usd=amount.quantize(_PLACES).normalize() + Decimal(0),
        model=model,
        tags=tags,
    )


def _picked(columns: Columns, row: Row, column: str, name: str) -> str:
    """A column's cell or a label; an empty one is no tag."""
    value = columns.cell(row, column)
    if column.startswith(f"{LABELS}."):
        written = columns.cell(row, LABELS)
        try:
            labels = json.loads(written) if written else {}
        except (ValueError, RecursionError):
            raise ValueError(f"Labels is {shown(written)}; expected a JSON object") from None
        value = str(labels.get(column.removeprefix(f"{LABELS}."), "")) if isinstance(labels, dict) else ""
    return read_name(value, name) if value.strip() else ""


def _day(text: str) -> datetime:
    day = read_day(text, "Date")
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise ValueError(f"Date is {shown(text)}; expected a year from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return datetime.combine(day, time(), tzinfo=UTC)


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"TotalCost is {shown(text)}; expected an amount") from None
    if not amount.is_finite() or abs(amount) > 10**12:
        raise ValueError(f"TotalCost is {shown(text)}; expected an amount")
    return amount
