"""The month's bill in lines by provider, offer, model and role, each in its invoice's currency at its dated rate. Pure.

A line is one rate: an offer invoiced at two rates or in two currencies within the month has two lines.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from planner.economics.bill import LeaseCharge, MonthBill, OtherCharge
from planner.month.value import BillLine

ROLES = ("base", "burst", "setup", "other")
ZERO = Decimal(0)


def bill_lines(bill: MonthBill) -> tuple[BillLine, ...]:
    """The bill's lines, which sum to it; by provider, role, offer and model."""
    lines = [
        *(_lease_line(one) for one in bill.leases),
        *(_setup_line(one) for one in bill.leases if one.setup_usd),
        *(_other_line(one) for one in bill.others),
    ]
    merged: dict[object, BillLine] = {}
    for line in lines:
        key = (
            line.provider,
            line.what,
            line.role,
            line.model,
            line.invoice_currency,
            line.usd_per_unit,
            line.rate_date,
        )
        known = merged.get(key)
        merged[key] = line if known is None else _added(known, line)
    return tuple(sorted(merged.values(), key=_order))


def currency_remarks(lines: Iterable[BillLine]) -> tuple[str, ...]:
    """What a reader must know where a provider invoices in two currencies, or at two rates of one."""
    currencies: dict[str, set[str]] = {}
    rates: dict[tuple[str, str], set[tuple[Decimal, date | None]]] = {}
    for line in lines:
        currencies.setdefault(line.provider, set()).add(line.invoice_currency)
        if line.invoice_currency != "USD":
            dated = (line.usd_per_unit, line.rate_date)
            rates.setdefault((line.provider, line.invoice_currency), set()).add(dated)
    said = [
        f"{provider}: invoices in {' and '.join(sorted(codes))} in this month; each line keeps its currency"
        for provider, codes in sorted(currencies.items())
        if len(codes) > 1
    ]
    for (provider, code), dates in sorted(rates.items()):
        if len(dates) > 1:
            named = ", ".join(
                f"{rate}" + ("" if day is None else f" of {day}")
                for rate, day in sorted(dates, key=lambda pair: (pair[1] or date.min, pair[0]))
            )
            said.append(f"{provider}: {code} converted at {len(dates)} rates in this month ({named} USD/{code})")
    return tuple(said)


def _lease_line(one: LeaseCharge) -> BillLine:
    return _line(one, "base" if one.lease.is_base else "burst", one.amount_usd)


def _setup_line(one: LeaseCharge) -> BillLine:
    return replace(_line(one, "setup", one.setup_usd), node_hours=ZERO)


def _line(one: LeaseCharge, role: str, amount_usd: Decimal) -> BillLine:
    price = one.lease.price
    return BillLine(
        provider=one.lease.provider,
        what=one.lease.offer,
        role=role,
        model=one.lease.model,
        nodes=1,
        node_hours=one.node_hours,
        amount_usd=amount_usd,
        invoice_currency=price.invoice_currency,
        amount_invoice=amount_usd / price.usd_per_unit,
        usd_per_unit=price.usd_per_unit,
        rate_date=price.rate_date,
    )


def _other_line(one: OtherCharge) -> BillLine:
    cost = one.cost
    return BillLine(
        provider=cost.provider,
        what=cost.what,
        role="other",
        model=cost.model,
        nodes=0,
        node_hours=ZERO,
        amount_usd=one.amount_usd,
        invoice_currency=cost.invoice_currency,
        amount_invoice=one.amount_usd / cost.usd_per_unit,
        usd_per_unit=cost.usd_per_unit,
        rate_date=cost.rate_date,
    )


def _added(line: BillLine, other: BillLine) -> BillLine:
    amount = line.amount_usd + other.amount_usd
    return replace(
        line,
        nodes=line.nodes + other.nodes,
        node_hours=line.node_hours + other.node_hours,
        amount_usd=amount,
        amount_invoice=amount / line.usd_per_unit,
    )


def _order(line: BillLine) -> tuple[object, ...]:
    dated = line.rate_date or date.min
    return (line.provider, ROLES.index(line.role), line.what, line.model or "", line.invoice_currency, dated)
