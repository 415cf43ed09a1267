"""Reconcile: a provider's invoice held against the ledger's charges of a month, and what differs with its cause. Pure.

Lines find their lease by its id; what names no lease of ours is compared by product, and what is no machine by kind of
service. Amounts are compared in the invoice's currency, net; lines of tax are left out. Causes: economics/causes.py.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from planner.economics.bill import LeaseCharge, MonthBill
from planner.economics.causes import Cause, Expected, Pair, explained
from planner.economics.invoice import Invoice, InvoiceLine, LineKind
from planner.economics.services import service_of

_TOKEN = re.compile(r"[\w.:/@-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing on which invoice and ledger do not agree; amounts in the invoice's currency, net."""

    what: str
    """Id of the machine, else the product or the service in words."""
    offer: str
    """Offer of the ledger; "" where it knows none."""
    kind: LineKind
    currency: str
    ledger: Decimal | None
    """None: not in the ledger."""
    invoice: Decimal | None
    """None: not on the invoice."""
    cause: Cause
    explanation: str
    rows: tuple[int, ...]
    """Lines of the file."""

    @property
    def difference(self) -> Decimal:
        """Invoice less ledger."""
        return (self.invoice or Decimal(0)) - (self.ledger or Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """An invoice held against the ledger."""

    source: str
    form: str
    month: str
    providers: tuple[str, ...]
    tolerance: Decimal
    """In the invoice's currency, per compared thing."""
    compared: int
    """Things compared: machines, products, services."""
    invoice_total: dict[str, Decimal]
    """By currency, net: lines of tax left out."""
    ledger_total: dict[str, Decimal]
    """The same things by the ledger, in the currency they were compared in."""
    tax_total: dict[str, Decimal]
    differences: tuple[Difference, ...]
    """Those over the tolerance, the largest first."""
    remarks: tuple[str, ...] = ()

    @property
    def is_reconciled(self) -> bool:
        """Whether nothing differs by more than the tolerance."""
        return not self.differences


def reconcile(
    invoice: Invoice,
    bill: MonthBill,
    *,
    providers: Sequence[str],
    usd_per: Mapping[str, Decimal],
    tolerance: Decimal = Decimal("0.01"),
) -> Reconciliation:
    """The invoice against what the bill charges for `providers`.

    `usd_per`: currency -> USD for one unit, for leases whose price was agreed in another currency than the invoice's.
    """
    lines = [line for line in invoice.lines if line.kind is not LineKind.TAX]
    main = _main_currency(lines)
    pairs = _Pairing(bill, lines, frozenset(providers), usd_per, main).pairs()
    found = [pair for pair in pairs if abs(pair.difference) > tolerance]
    differences = sorted((_difference(pair, tolerance) for pair in found), key=lambda one: -abs(one.difference))
    return Reconciliation(
        source=invoice.source,
        form=invoice.form,
        month=f"{bill.start:%Y-%m}",
        providers=tuple(providers),
        tolerance=tolerance,
        compared=len(pairs),
        invoice_total=_by_currency((pair.currency, pair.invoice) for pair in pairs),
        ledger_total=_by_currency((pair.currency, pair.ledger) for pair in pairs),
        tax_total=_by_currency((one.currency, one.amount) for one in invoice.lines if one.kind is LineKind.TAX),
        differences=tuple(differences),
        remarks=(*invoice.remarks, *_remarks(bill, lines, providers)),
    )


class _Pairing:
    """Lines beside what the ledger expects; each line and each charge in one pair."""

    def __init__(
        self,
        bill: MonthBill,
        lines: Sequence[InvoiceLine],
        providers: frozenset[str],
        usd_per: Mapping[str, Decimal],
        main: str,
    ) -> None:
        self.usd_per = usd_per
        self.main = main
        charges = [one for one in bill.leases if one.lease.provider in providers]
        self.servers = {_key(one.lease.id): _server(one) for one in charges}
        self.setups = {_key(one.lease.id): _setup(one) for one in charges if one.setup_usd}
        self.others = [
            Expected(
                what=one.cost.what,
                kind=LineKind.CREDIT if one.amount_usd < 0 else LineKind.OTHER,
                amount_usd=one.amount_usd,
                currency=one.cost.invoice_currency,
                usd_per_unit=one.cost.usd_per_unit,
            )
            for one in bill.others
            if one.cost.provider in providers
        ]
        self.lines = list(lines)

    def pairs(self) -> list[Pair]:
        """By id, then the rest by service, then by product; what is left over stands alone."""
        by_id = self._by_id()
        by_service = self._by_service()
        by_product = self._by_product(LineKind.SERVER, self.servers) + self._by_product(LineKind.SETUP, self.setups)
        alone = [self._pair((), (line,)) for line in self.lines]
        rest = [self._pair((one,), ()) for one in (*self.servers.values(), *self.setups.values(), *self.others)]
        return [*by_id, *by_service, *by_product, *alone, *rest]

    def _by_id(self) -> list[Pair]:
        """Machines whose id a line names: their time, and their setup fee if that has lines of its own."""
        named: dict[tuple[str, bool], list[InvoiceLine]] = {}
        left = []
        for line in self.lines:
            key = self._id_in(line)
            if key is None or line.kind not in (LineKind.SERVER, LineKind.SETUP):
                left.append(line)
            else:
                named.setdefault((key, line.kind is LineKind.SETUP), []).append(line)
        self.lines = left
        pairs = []
        for (key, is_setup), lines in named.items():
            setup = self.setups.get(key)
            if is_setup:
                pairs.append(self._pair(() if setup is None else (self.setups.pop(key),), lines))
                continue
            expected = [self.servers.pop(key)]
            if setup is not None and (key, True) not in named and self._is_within(setup, expected[0], lines):
                expected.append(self.setups.pop(key))
            pairs.append(self._pair(expected, lines))
        return pairs

    def _is_within(self, setup: Expected, server: Expected, lines: Sequence[InvoiceLine]) -> bool:
        """Whether the lines of a machine hold its setup fee too: they come nearer to the sum of both."""
        invoiced = sum((line.amount for line in lines), Decimal(0))
        alone, both = self._pair((server,), lines).ledger, self._pair((server, setup), lines).ledger
        return abs(invoiced - both) < abs(invoiced - alone)

    def _by_service(self) -> list[Pair]:
        """What is no machine: the ledger's other costs and the invoice's lines of one kind of service."""
        pairs = []
        for sort in dict.fromkeys(map(_sort_of, self.others)):
            expected = [one for one in self.others if _sort_of(one) == sort]
            lines = [
                one
                for one in self.lines
                if one.kind in (LineKind.OTHER, LineKind.CREDIT) and _is_of(one, sort, expected)
            ]
            if lines:
                pairs.append(self._pair(expected, lines))
                self.others = [one for one in self.others if _sort_of(one) != sort]
                self.lines = [one for one in self.lines if one not in lines]
        return pairs

    def _by_product(self, kind: LineKind, held: dict[str, Expected]) -> list[Pair]:
        """Machines no line names, and lines that name no machine, of one product."""
        pairs = []
        for product in dict.fromkeys(one.product for one in held.values()):
            lines = [one for one in self.lines if one.kind is kind and _names(one, product)]
            if lines:
                keys = [key for key, one in held.items() if one.product == product]
                pairs.append(self._pair([held.pop(key) for key in keys], lines))
                self.lines = [one for one in self.lines if one not in lines]
        return pairs

    def _id_in(self, line: InvoiceLine) -> str | None:
        """The lease a line names: its resource, else a word of it that is a lease's id."""
        key = _key(line.resource)
        if key in self.servers:
            return key
        words = (_key(word) for word in _TOKEN.findall(f"{line.resource} {line.description}"))
        return next((word for word in words if len(word) > 3 and word in self.servers), None)

    def _pair(self, expected: Iterable[Expected], lines: Iterable[InvoiceLine]) -> Pair:
        lines, expected = tuple(lines), tuple(expected)
        if lines:
            currency = lines[0].currency
        else:
            currency = expected[0].currency if expected[0].currency in {"USD", self.main} else self.main
        return Pair.of(expected, lines, currency=currency, usd_per=self.usd_per)


def _server(charge: LeaseCharge) -> Expected:
    price = charge.lease.price
    return Expected(
        what=charge.lease.id,
        kind=LineKind.SERVER,
        amount_usd=charge.amount_usd,
        currency=price.invoice_currency,
        usd_per_unit=price.usd_per_unit,
        charge=charge,
    )


def _setup(charge: LeaseCharge) -> Expected:
    price = charge.lease.price
    return Expected(
        what=charge.lease.id,
        kind=LineKind.SETUP,
        amount_usd=charge.setup_usd,
        currency=price.invoice_currency,
        usd_per_unit=price.usd_per_unit,
        charge=charge,
    )


def _difference(pair: Pair, tolerance: Decimal) -> Difference:
    cause, explanation = explained(pair, tolerance)
    offers = dict.fromkeys(one.charge.lease.offer for one in pair.expected if one.charge is not None)
    return Difference(
        what=_what(pair),
        offer=", ".join(offers),
        kind=pair.expected[0].kind if pair.expected else pair.lines[0].kind,
        currency=pair.currency,
        ledger=pair.ledger if pair.expected else None,
        invoice=pair.invoice if pair.lines else None,
        cause=cause,
        explanation=explanation,
        rows=tuple(line.row for line in pair.lines),
    )


def _what(pair: Pair) -> str:
    """What people call it: the machine, the machines of a product, or the line's own words."""
    names = list(dict.fromkeys(one.what for one in pair.expected))
    if len(names) == 1:
        return names[0]
    if names and pair.expected[0].charge is not None:
        return f"{len(names)} x {pair.expected[0].product}"
    if names:
        return ", ".join(names)
    line = pair.lines[0]
    return line.resource or line.description


def _sort_of(expected: Expected) -> str:
    """Kind of service of another cost; its own words where no kind is known."""
    category, subcategory = service_of(expected.what)
    return expected.what.casefold() if category == "Other" else subcategory


def _is_of(line: InvoiceLine, sort: str, expected: Sequence[Expected]) -> bool:
    words = f"{line.description} {line.resource}"
    if service_of(words)[1] == sort:
        return True
    return any(one.what.casefold() in words.casefold() for one in expected)


def _names(line: InvoiceLine, product: str) -> bool:
    """Whether a line names a product, as a word of its own."""
    words = f"{line.description} {line.resource}".casefold()
    return re.search(rf"(?<![\w.-]){re.escape(product.casefold())}(?![\w-])", words) is not None


def _main_currency(lines: Sequence[InvoiceLine]) -> str:
    """The currency most lines are in."""
    counted: dict[str, int] = {}
    for line in lines:
        counted[line.currency] = counted.get(line.currency, 0) + 1
    return max(counted, key=lambda code: counted[code], default="USD")


def _by_currency(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for currency, amount in amounts:
        total[currency] = total.get(currency, Decimal(0)) + amount
    return total


def _remarks(bill: MonthBill, lines: Sequence[InvoiceLine], providers: Sequence[str]) -> list[str]:
    said = []
    outside = [one for one in lines if one.start is not None and not _starts_in(one.start, bill)]
    if outside:
        rows = ", ".join(str(one.row) for one in outside[:5]) + (", ..." if len(outside) > 5 else "")
        said.append(
            f"{len(outside)} lines begin outside of {bill.start:%Y-%m} (rows {rows}); they are compared all the same"
        )
    if bill.as_of < bill.end:
        said.append(f"{bill.start:%Y-%m} is not over: running leases are charged up to {bill.as_of:%Y-%m-%d %H:%M} UTC")
    known = {one.lease.provider for one in bill.leases} | {one.cost.provider for one in bill.others}
    if not known & set(providers):
        said.append(f"the ledger holds nothing of {', '.join(providers)} in {bill.start:%Y-%m}")
    return said


def _starts_in(moment: datetime, bill: MonthBill) -> bool:
    return bill.start <= moment < bill.end


def _key(name: str) -> str:
    return name.strip().casefold()
