"""Reads provider invoices: text in, Invoice out; the format is told by the header. Pure.

- generic CSV: `description,amount`, optional `resource,start,end,quantity,unit,unit_price,currency,kind`
- Hetzner's itemized invoice (CSV, since October 2024; amounts and dates in English or German)
- OVHcloud bill details (JSON list, as its API gives them under /me/bill/ID/details)
- AWS cost and usage report, legacy (`lineItem/UnblendedCost`) and 2.0 (`line_item_unblended_cost`), CSV
- FinOps FOCUS, CSV, as AWS and others export it, and as we do
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from planner.demand.header import near, shown
from planner.economics.invoice import Invoice, InvoiceLine, LineKind
from planner.errors import InputError
from planner.exchange.focus_terms import providers_of_seller
from planner.exchange.invoice_words import MOST, Locale, kind_by_words, locale_of, unit_of
from planner.exchange.table import read_chunks, read_money, read_time

T = TypeVar("T")
Cells = Mapping[str, str]
GENERIC = ("description", "amount")
GENERIC_OPTIONAL = ("resource", "start", "end", "quantity", "unit", "unit_price", "currency", "kind")
HETZNER = (
    *("grouping", "product", "description", "reference", "quantity", "from", "until", "condition", "unit"),
    *("external id", "price", "total"),
)
OVH_KEYS = ("billDetailId", "description", "domain", "quantity", "totalPrice")
FOCUS = ("BilledCost", "BillingCurrency", "ChargeCategory", "ChargePeriodStart")
_AWS = ("LineItemType", "UsageStartDate", "UsageEndDate", "UsageType", "ResourceId", "UsageAmount", "UnblendedRate")
AWS_LEGACY = {f"lineItem/{name}": name for name in (*_AWS, "UnblendedCost", "CurrencyCode", "LineItemDescription")}
AWS_2 = {
    "line_item_line_item_type": "LineItemType",
    "line_item_usage_start_date": "UsageStartDate",
    "line_item_usage_end_date": "UsageEndDate",
    "line_item_usage_type": "UsageType",
    "line_item_resource_id": "ResourceId",
    "line_item_usage_amount": "UsageAmount",
    "line_item_unblended_rate": "UnblendedRate",
    "line_item_unblended_cost": "UnblendedCost",
    "line_item_currency_code": "CurrencyCode",
    "line_item_line_item_description": "LineItemDescription",
}
_AWS_KINDS = {"Tax": LineKind.TAX, "Credit": LineKind.CREDIT, "Refund": LineKind.CREDIT, "Fee": LineKind.OTHER}
_FOCUS_KINDS = {"Tax": LineKind.TAX, "Credit": LineKind.CREDIT}
_INSTANCE_TIME = ("BoxUsage", "SpotUsage", "DedicatedUsage")


def read_invoice(text: str, *, source: str) -> Invoice:
    """The invoice a text holds; an InputError says which row is wrong, or which formats there are."""
    head = text.removeprefix("\ufeff").lstrip()
    if head.startswith(("[", "{")):
        return _ovh(head, source)
    names = {name.strip() for name in next(csv.reader(head.splitlines()[:1]), [])}
    for wanted, reader in _READERS:
        if names.issuperset(wanted):
            return reader(text, source)
    raise InputError(
        f"{source}: its columns are of no invoice format known; expected {','.join(GENERIC)}, or an export of Hetzner, "
        "OVHcloud, AWS or FOCUS"
    )


def _generic(text: str, source: str) -> Invoice:
    _refuse_misspelt(text, source)

    def line(row: int, cells: Cells) -> InvoiceLine:
        known = ("server", "setup", "other", "credit", "tax")
        kind = cells.get("kind", "")
        if kind and kind not in known:
            raise ValueError(f"kind is {shown(kind)}; expected one of {', '.join(known)}")
        description = cells["description"]
        return InvoiceLine(
            row=row,
            kind=LineKind(kind) if kind else kind_by_words(description),
            resource=cells.get("resource", ""),
            description=description,
            amount=read_money(cells["amount"], "amount", signed=True),
            currency=_currency(cells.get("currency", "") or "USD"),
            start=_optional(cells, "start", _moment),
            end=_optional(cells, "end", _moment),
            quantity=_optional(cells, "quantity", lambda text: read_money(text, "quantity")),
            unit=unit_of(cells.get("unit", "")),
            unit_price=_optional(cells, "unit_price", lambda text: read_money(text, "unit_price")),
        )

    lines = tuple(_lines(text, source, line))
    return Invoice(source=source, form="generic", providers=(), lines=lines)


def _refuse_misspelt(text: str, source: str) -> None:
    """Raises InputError where a column is a misspelling of one that is not there: a lost currency would read as USD."""
    head = text.removeprefix("\ufeff").lstrip().splitlines()[:1]
    names = [name.strip() for name in next(csv.reader(head), [])]
    known = (*GENERIC, *GENERIC_OPTIONAL)
    for name in names:
        meant = None if name in known else near(name, [one for one in known if one not in names])
        if meant is not None:
            raise InputError(f"{source}, row 1: unknown column {shown(name)}; did you mean {meant!r}?")


def _hetzner(text: str, source: str) -> Invoice:
    locale = locale_of(cells["total"] for _, cells in _cells(text, source))

    def line(row: int, cells: Cells) -> InvoiceLine:
        until = _optional(cells, "until", lambda value: _day(value, "until", locale))
        words = " ".join(cells[name] for name in ("product", "description") if cells[name])
        return InvoiceLine(
            row=row,
            kind=kind_by_words(words),
            resource=cells["external id"] or cells["reference"],
            description=words,
            amount=locale.number(cells["total"], "total"),
            currency="USD" if "$" in cells["total"] else "EUR",
            start=_optional(cells, "from", lambda value: _day(value, "from", locale)),
            end=None if until is None else until + timedelta(days=1),
            quantity=_optional(cells, "quantity", lambda value: locale.number(value, "quantity")),
            unit=unit_of(cells["unit"]),
            unit_price=_optional(cells, "price", lambda value: locale.number(value, "price")),
        )

    return Invoice(
        source=source,
        form="hetzner",
        providers=("hetzner", "hetzner-cloud"),
        lines=tuple(_lines(text, source, line)),
    )


def _aws(text: str, source: str) -> Invoice:
    """Hourly lines of one resource, kind of usage and price are added up."""
    names = AWS_2 if "line_item_unblended_cost" in text[:20_000] else AWS_LEGACY

    def line(row: int, cells: Cells) -> InvoiceLine:
        value = {ours: cells.get(theirs, "") for theirs, ours in names.items()}
        is_time = any(mark in value["UsageType"] for mark in _INSTANCE_TIME)
        kind = _AWS_KINDS.get(value["LineItemType"], LineKind.SERVER if is_time else LineKind.OTHER)
        return InvoiceLine(
            row=row,
            kind=kind,
            resource=value["ResourceId"],
            description=value["LineItemDescription"] or value["UsageType"],
            amount=_decimal(value["UnblendedCost"], "UnblendedCost"),
            currency=_currency(value["CurrencyCode"] or "USD"),
            start=_optional(value, "UsageStartDate", _moment),
            end=_optional(value, "UsageEndDate", _moment),
            quantity=_optional(value, "UsageAmount", lambda text: _decimal(text, "UsageAmount")),
            unit="hours" if is_time else "",
            unit_price=_optional(value, "UnblendedRate", lambda text: _decimal(text, "UnblendedRate")),
        )

    return Invoice(source=source, form="aws", providers=("aws",), lines=_added_up(_lines(text, source, line)))


def _focus(text: str, source: str) -> Invoice:
    """Rows that bill nothing share out what other rows bill, and are passed over."""
    sellers: set[str] = set()

    def line(row: int, cells: Cells) -> InvoiceLine:
        words = cells.get("ChargeDescription", "") or cells.get("ServiceName", "")
        kind = _FOCUS_KINDS.get(cells["ChargeCategory"])
        if kind is None:
            by_words = kind_by_words(words)
            is_server = bool(cells.get("ResourceId", "")) and by_words is not LineKind.SETUP
            kind = LineKind.SERVER if is_server else by_words
        sellers.add(cells.get("ProviderName", ""))
        return InvoiceLine(
            row=row,
            kind=kind,
            resource=cells.get("ResourceId", ""),
            description=words,
            amount=_decimal(cells["BilledCost"], "BilledCost"),
            currency=_currency(cells["BillingCurrency"]),
            start=_optional(cells, "ChargePeriodStart", _moment),
            end=_optional(cells, "ChargePeriodEnd", _moment),
            quantity=_optional(cells, "PricingQuantity", lambda text: _decimal(text, "PricingQuantity")),
            unit=unit_of(cells.get("PricingUnit", "")),
            unit_price=_optional(cells, "ContractedUnitPrice", lambda text: _decimal(text, "ContractedUnitPrice")),
        )

    lines = _added_up(one for one in _lines(text, source, line) if one.amount or one.resource)
    named = frozenset(provider for seller in sellers for provider in providers_of_seller(seller))
    return Invoice(source=source, form="focus", providers=(), lines=lines, named=named)


def _ovh(text: str, source: str) -> Invoice:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source}: not readable as JSON ({error}); expected OVHcloud's bill details") from None
    if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
        raise InputError(f"{source}: expected a JSON list of bill details, as OVHcloud's API gives them")
    lines = []
    for number, detail in enumerate(document, start=1):
        try:
            lines.append(_ovh_line(number, detail))
        except KeyError as error:
            raise InputError(
                f"{source}, entry {number}: key {error} is missing; expected {','.join(OVH_KEYS)}"
            ) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{source}, entry {number}: {error}") from None
    return Invoice(source=source, form="ovh", providers=("ovh",), lines=tuple(lines))


def _ovh_line(number: int, detail: Mapping[str, Any]) -> InvoiceLine:
    total, unit_price = detail["totalPrice"], detail.get("unitPrice") or {}
    description = str(detail["description"])
    start, end = (detail.get(name) for name in ("periodStart", "periodEnd"))
    price = unit_price.get("value")
    return InvoiceLine(
        row=number,
        kind=kind_by_words(description),
        resource=str(detail["domain"] or ""),
        description=description,
        amount=_decimal(str(total["value"]), "totalPrice"),
        currency=_currency(str(total["currencyCode"])),
        start=None if start is None else _moment(str(start)),
        end=None if end is None else _moment(str(end)),
        quantity=_decimal(str(detail["quantity"]), "quantity"),
        unit_price=None if price is None else _decimal(str(price), "unitPrice"),
    )


_READERS: Sequence[tuple[Sequence[str], Callable[[str, str], Invoice]]] = (
    (HETZNER, _hetzner),
    (("lineItem/UnblendedCost", "lineItem/LineItemType"), _aws),
    (("line_item_unblended_cost", "line_item_line_item_type"), _aws),
    (FOCUS, _focus),
    (GENERIC, _generic),
)
"""Columns that tell a format, and its reader; the first whose columns are all there."""


def _cells(text: str, source: str) -> Iterator[tuple[int, Cells]]:
    """Rows as name -> cell, with their line numbers."""
    names: list[str] | None = None
    try:
        for rows, numbers in read_chunks(text):
            for row, number in zip(rows, numbers, strict=True):
                if names is None:
                    names = [name.strip() for name in row]
                elif len(row) != len(names):
                    raise InputError(f"{source}, row {number}: {len(row)} columns; expected {len(names)}")
                else:
                    yield number, {name: cell.strip() for name, cell in zip(names, row, strict=True)}
    except csv.Error as error:
        raise InputError(f"{source}: not readable as CSV ({error}); is a quote opened and not closed?") from None


def _lines(text: str, source: str, make: Callable[[int, Cells], InvoiceLine]) -> Iterator[InvoiceLine]:
    some = False
    for number, cells in _cells(text, source):
        some = True
        try:
            yield make(number, cells)
        except ValueError as error:
            raise InputError(f"{source}, row {number}: {error}") from None
    if not some:
        raise InputError(f"{source}: there is a header and no row; expected one row per line of the invoice")


@dataclass(slots=True)
class _Sum:
    """Lines of one resource, kind and price, added up."""

    first: InvoiceLine
    amount: Decimal = Decimal(0)
    quantity: Decimal = Decimal(0)
    lines: int = 0
    end: datetime | None = None


def _added_up(lines: Iterator[InvoiceLine]) -> tuple[InvoiceLine, ...]:
    sums: dict[tuple[object, ...], _Sum] = {}
    for line in lines:
        key = (line.resource, line.kind, line.description, line.unit, line.unit_price, line.currency)
        held = sums.setdefault(key, _Sum(first=line))
        held.amount += line.amount
        held.quantity += line.quantity or 0
        held.lines += 1
        held.end = line.end
    return tuple(
        InvoiceLine(
            row=held.first.row,
            kind=held.first.kind,
            resource=held.first.resource,
            description=held.first.description,
            amount=held.amount,
            currency=held.first.currency,
            start=held.first.start,
            end=held.end,
            quantity=None if held.first.quantity is None else held.quantity,
            unit=held.first.unit,
            unit_price=held.first.unit_price,
            lines=held.lines,
        )
        for held in sums.values()
    )


def _optional(cells: Cells, name: str, read: Callable[[str], T]) -> T | None:
    text = cells.get(name, "")
    return read(text) if text else None


def _moment(text: str) -> datetime:
    """A moment in UTC; a date alone is its first instant."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return read_time(text, "time")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day(text: str, name: str, locale: Locale) -> datetime:
    day = locale.day(text, name)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _decimal(text: str, name: str) -> Decimal:
    """A number as programs write it, exponents too."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{name} is {shown(text)}; expected a number") from None
    if not value.is_finite() or abs(value) > MOST:
        raise ValueError(f"{name} is {shown(text)}; expected a number up to 10^12")
    return value


def _currency(text: str) -> str:
    if len(text) != 3 or not (text.isascii() and text.isalpha() and text.isupper()):
        raise ValueError(f"currency is {shown(text)}; expected three capital letters such as EUR")
    return text
