"""Reads a price list of hosted chat models: CSV with LiteLLM's prices as columns, or one of your own.

Columns: provider, model, input_usd_per_mtok, output_usd_per_mtok; optional: class (else told by the model's name),
deprecation_date, price_date. Others are ignored. The shipped list is a reduced copy: planner/defaults/NOTICE.md.
"""

import csv
from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from io import StringIO

from planner import files
from planner.catalog.nearest import nearest
from planner.economics.market import HostedModel, HostedPrices, class_of
from planner.errors import InputError
from planner.exchange.sizes import EXPECTED, is_reasonable

NEEDED = ("provider", "model", "input_usd_per_mtok", "output_usd_per_mtok")
OPTIONAL = ("class", "deprecation_date", "price_date")
SHIPPED = "defaults/hosted_prices.csv"
SHIPPED_SOURCE = "LiteLLM 1.109.1, published 2026-11-12 (MIT)"


def shipped_hosted_prices() -> HostedPrices:
    """The price list that comes with Baseload."""
    return read_hosted_prices(files.packaged_text(SHIPPED), source=SHIPPED_SOURCE)


def read_hosted_prices(text: str, *, source: str) -> HostedPrices:
    """The price list of a CSV text; its date is the latest of its rows."""
    reader = csv.DictReader(StringIO(text), strict=True)
    try:
        _check_header(tuple(reader.fieldnames or ()), source)
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(f"{source}, row {reader.line_num}: not readable as CSV ({error})") from None
    models: list[HostedModel] = []
    dates: list[date] = []
    for number, row in rows:
        place = f"{source}, row {number}"
        if None in row:
            raise InputError(f"{place}: more cells than columns; expected {len(reader.fieldnames or ())}")
        provider, model = (row["provider"] or "").strip(), (row["model"] or "").strip()
        if not provider or not model:
            raise InputError(f"{place}: provider or model is empty; expected both")
        models.append(
            HostedModel(
                provider=provider,
                model=model,
                input_usd_mtok=_usd(row["input_usd_per_mtok"], f"{place}, input_usd_per_mtok"),
                output_usd_mtok=_usd(row["output_usd_per_mtok"], f"{place}, output_usd_per_mtok"),
                model_class=(row.get("class") or "").strip() or class_of(provider, model),
                retires_on=_date(row.get("deprecation_date"), f"{place}, deprecation_date"),
            )
        )
        dated = _date(row.get("price_date"), f"{place}, price_date")
        dates += [] if dated is None else [dated]
    if not models:
        raise InputError(f"{source}: no rows; expected hosted models with prices")
    return HostedPrices(models=tuple(models), price_date=max(dates, default=None), source=source)


def _check_header(names: Sequence[str], source: str) -> None:
    for name in NEEDED:
        if name not in names:
            near = nearest(name, [other for other in names if other not in NEEDED])
            hint = f"; is {near[0]!r} meant?" if near else ""
            raise InputError(f"{source}: no column {name}{hint}; expected {', '.join(NEEDED)}")


def _usd(cell: str | None, place: str) -> Decimal:
    try:
        amount = Decimal((cell or "").strip())
    except InvalidOperation:
        raise InputError(f"{place} is {cell!r}; expected USD per million tokens") from None
    if not (amount.is_finite() and amount >= 0):
        raise InputError(f"{place} is {cell}; expected 0 or more")
    if not is_reasonable(amount):
        raise InputError(f"{place} is {cell}; expected {EXPECTED}")
    return amount


def _date(cell: str | None, place: str) -> date | None:
    if cell is None or not cell.strip():
        return None
    try:
        return date.fromisoformat(cell.strip())
    except ValueError:
        raise InputError(f"{place} is {cell!r}; expected a date such as 2026-11-12") from None
