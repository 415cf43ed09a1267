"""Why an invoice line and the ledger's charge differ: rules, each tried on the figures, the surest first. Pure.

A cause is the likeliest one, not a proof; the figures it rests on are in its sentence.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from planner.catalog.offer_id import OfferId
from planner.economics.bill import LeaseCharge
from planner.economics.invoice import InvoiceLine, LineKind
from policies.units import CENT

VAT_RATES = tuple(
    Decimal(per_mille) / 1000 for per_mille in (77, 81, 160, 170, 180, 190, 200, 210, 220, 230, 240, 250, 255, 270)
)
"""Standard rates of European countries, 2026: from Switzerland's 8.1 % (7.7 until 2023) to Hungary's 27 %."""
_RATIO_SLACK = Decimal("0.0005")
HOUR = timedelta(hours=1)


class Cause(StrEnum):
    """What may have made a difference."""

    MISSING_IN_LEDGER = "missing_in_ledger"
    """Invoiced, and nothing of it is in the ledger: a machine left running, or a cost not imported."""
    MISSING_IN_INVOICE = "missing_in_invoice"
    DUPLICATE = "duplicate_line"
    ROUNDING = "rounding"
    """Less than half a cent for each line."""
    SPOT_FREE = "spot_first_hour_free"
    """A spot node the provider took back in its first hour."""
    EXCHANGE = "exchange_rate"
    VAT = "vat_included"
    CAP_NOT_APPLIED = "monthly_cap_not_applied"
    CAP_APPLIED = "monthly_cap_applied"
    """The invoice charges the whole month where the ledger charges hours, or a part."""
    HOURS = "hours_differ"
    PRICE = "price_differs"
    COUNT = "count_differs"
    """More or fewer of the same thing."""
    SETUP = "setup_fee"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the ledger charges for one thing."""

    what: str
    kind: LineKind
    amount_usd: Decimal
    currency: str
    """The price was agreed in."""
    usd_per_unit: Decimal
    charge: LeaseCharge | None = None
    """The lease behind it."""

    @property
    def product(self) -> str:
        """What is sold, without provider, zone and market; "" of what is no machine."""
        if self.charge is None:
            return ""
        return OfferId.of(self.charge.lease.offer).product


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Lines of an invoice, and what the ledger expects for them; either may be none. Amounts in one currency."""

    expected: tuple[Expected, ...]
    lines: tuple[InvoiceLine, ...]
    currency: str
    ledger: Decimal
    invoice: Decimal
    rate: Decimal
    """USD for one unit of the currency, as the ledger's amounts were converted."""

    @classmethod
    def of(
        cls,
        expected: Iterable[Expected],
        lines: Iterable[InvoiceLine],
        *,
        currency: str,
        usd_per: Mapping[str, Decimal],
    ) -> "Pair":
        """The pair with its sums; a price agreed in the invoice's currency keeps its own rate."""
        expected, lines = tuple(expected), tuple(lines)
        rates = {one.usd_per_unit if one.currency == currency else usd_per[currency] for one in expected}
        ledger = sum(
            (
                one.amount_usd / (one.usd_per_unit if one.currency == currency else usd_per[currency])
                for one in expected
            ),
            Decimal(0),
        )
        invoice = sum((line.amount for line in lines), Decimal(0))
        rate = next(iter(rates)) if len(rates) == 1 else usd_per.get(currency, Decimal(1))
        return cls(expected=expected, lines=lines, currency=currency, ledger=ledger, invoice=invoice, rate=rate)

    @property
    def difference(self) -> Decimal:
        """Invoice less ledger."""
        return self.invoice - self.ledger

    @property
    def ratio(self) -> Decimal | None:
        """Invoice over ledger."""
        return self.invoice / self.ledger if self.ledger else None

    @property
    def charge(self) -> LeaseCharge | None:
        """The lease, where the pair is of one machine's time."""
        alone = len(self.expected) == 1 and self.expected[0].kind is LineKind.SERVER
        return self.expected[0].charge if alone else None

    @property
    def price_hour(self) -> Decimal | None:
        """The ledger's hourly price of that machine, in the invoice's currency."""
        price = None if self.charge is None else self.charge.lease.price.tariff.price_usd_hour
        return None if price is None else price / self.rate

    @property
    def fee_month(self) -> Decimal | None:
        """Its monthly fee or cap, in the invoice's currency."""
        fee = None if self.charge is None else self.charge.lease.price.tariff.fee_usd_month
        return None if fee is None else fee / self.rate

    @property
    def quantity(self) -> tuple[Decimal, str] | None:
        """Hours or months the lines count, with the unit; None where they do not all count in one of them."""
        units = {line.unit or "hours" for line in self.lines}
        if len(units) != 1 or units - {"hours", "months"} or any(line.quantity is None for line in self.lines):
            return None
        return sum((line.quantity or Decimal(0) for line in self.lines), Decimal(0)), units.pop()


def explained(pair: Pair, tolerance: Decimal) -> tuple[Cause, str]:
    """The likeliest cause of a pair's difference, and a sentence that says on which figures it rests."""
    for cause, rule in _RULES:
        said = rule(pair, tolerance)
        if said is not None:
            return cause, said
    return Cause.UNKNOWN, f"no rule explains {amount(pair.difference)} {pair.currency}"


def amount(value: Decimal) -> str:
    """A figure to the cent; below one to four places where it has them."""
    if abs(value) >= 1:
        return f"{value.quantize(CENT):f}"
    whole, _, places = f"{value.quantize(Decimal('0.0001')):f}".partition(".")
    return f"{whole}.{places.rstrip('0'):0<2}"


def _missing_in_ledger(pair: Pair, _: Decimal) -> str | None:
    if pair.expected:
        return None
    line = pair.lines[0]
    match line.kind:
        case LineKind.SERVER:
            return "a machine the ledger does not know: one left running, or a lease not imported"
        case LineKind.CREDIT:
            return "a credit the ledger does not know; import it as a cost below 0"
        case _:
            return f"{line.description} is not in the ledger; import it as a cost"


def _setup_fee(pair: Pair, _: Decimal) -> str | None:
    kinds = {one.kind for one in pair.expected} | {line.kind for line in pair.lines}
    if kinds != {LineKind.SETUP}:
        return None
    if not pair.expected:
        return "a setup fee the ledger does not know; give its lease one"
    if not pair.lines:
        return "the ledger has a setup fee that is not on the invoice: waived, or invoiced in another month"
    return "the setup fee invoiced is not the ledger's"


def _spot_is_free(pair: Pair, _: Decimal) -> str | None:
    charge = pair.charge
    if charge is None or not charge.lease.price.tariff.is_spot:
        return None
    if pair.ledger > 0 and pair.invoice == 0 and charge.held < HOUR:
        return "held for less than an hour and not charged: the provider took it back; the ledger does not say so"
    if pair.ledger == 0 and pair.invoice > 0 and charge.lease.interrupted:
        return "the ledger says the provider took it back in its first hour, which is free; it is invoiced all the same"
    return None


def _missing_in_invoice(pair: Pair, _: Decimal) -> str | None:
    if pair.lines:
        return None
    return "in the ledger and not on the invoice: another invoice or account, or it ended earlier than the ledger says"


def _duplicate(pair: Pair, tolerance: Decimal) -> str | None:
    counted = Counter(
        (line.resource, line.description, line.start, line.end, line.quantity, line.amount) for line in pair.lines
    )
    twice = {key: count for key, count in counted.items() if count > 1}
    surplus = sum((key[-1] * (count - 1) for key, count in twice.items()), Decimal(0))
    if not twice or abs(pair.difference - surplus) > tolerance:
        return None
    return f"the same line stands {max(twice.values())} times; without the repetition the amounts agree"


def _rounding(pair: Pair, _: Decimal) -> str | None:
    count = sum(line.lines for line in pair.lines) + len(pair.expected)
    if abs(pair.difference) > count * CENT / 2:
        return None
    return f"less than half a cent for each of {count} amounts"


def _exchange(pair: Pair, _: Decimal) -> str | None:
    others = {one.currency for one in pair.expected} - {pair.currency}
    if not others or pair.ratio is None or not Decimal("0.8") < pair.ratio < Decimal("1.25"):
        return None
    price, stated = pair.price_hour, pair.quantity
    if price is not None and stated is not None and stated[1] == "hours" and abs(stated[0] - pair.ledger / price) > 1:
        return None  # other hours: no rate alone explains it
    theirs = " and ".join(sorted(others))
    agreed = sum((one.amount_usd / one.usd_per_unit for one in pair.expected), Decimal(0))  # in the ledger's currency
    if len(others) > 1:
        return f"the ledger's prices are in {theirs}, the invoice in {pair.currency}: another rate"
    if theirs == "USD":
        name, ours, implied = f"USD/{pair.currency}", agreed / pair.ledger, agreed / pair.invoice
    else:
        name, ours, implied = f"{pair.currency}/{theirs}", pair.ledger / agreed, pair.invoice / agreed
    return f"the ledger's price is in {theirs}: converted at {_rate(ours)} {name}, the invoice implies {_rate(implied)}"


def _cap(pair: Pair, tolerance: Decimal) -> str | None:
    """The ledger is at the cap, the invoice above it by hours."""
    price, fee = pair.price_hour, pair.fee_month
    if price is None or fee is None or abs(pair.ledger - fee) > tolerance or pair.invoice <= fee + tolerance:
        return None
    hours = pair.invoice / price
    if abs(hours - round(hours)) > Decimal("0.02"):
        return None
    return f"{round(hours)} hours at {amount(price)} pass the monthly cap of {amount(fee)}, which was not applied"


def _whole_month(pair: Pair, tolerance: Decimal) -> str | None:
    """The invoice charges the fee, the ledger less."""
    fee = pair.fee_month
    if fee is None or abs(pair.invoice - fee) > tolerance or pair.ledger >= fee - tolerance:
        return None
    return f"the invoice charges the whole month, {amount(fee)}; the ledger {amount(pair.ledger)} for the time held"


def _hours(pair: Pair, tolerance: Decimal) -> str | None:
    """More or fewer started hours at the ledger's price."""
    price, stated = pair.price_hour, pair.quantity
    if price is None:
        return None
    more = round(pair.difference / price)
    if more == 0 or abs(pair.difference - more * price) > tolerance:
        return None
    if stated is not None and stated[1] == "hours":
        if abs(stated[0] * price - pair.invoice) > tolerance:
            return None  # the quantity says it is not the hours
    elif _vat_rate(pair) is not None:
        return None
    held = pair.ledger / price
    words = "more" if more > 0 else "fewer"
    count = f"{abs(more)} started hour{'' if abs(more) == 1 else 's'} {words}"
    return f"{count} than the ledger's {held:.0f} at {amount(price)}: started or ended at another time"


def _vat(pair: Pair, _: Decimal) -> str | None:
    rate = _vat_rate(pair)
    if rate is None:
        return None
    return (
        f"the invoice is {rate * 100:f}".rstrip("0").rstrip(".") + " % above the ledger, a rate of VAT: amounts gross?"
    )


def _price(pair: Pair, tolerance: Decimal) -> str | None:
    """Another price for the same time, by what the invoice counts or states."""
    stated = pair.quantity
    ours = pair.price_hour if stated is None or stated[1] == "hours" else pair.fee_month
    prices = {line.unit_price for line in pair.lines if line.unit_price is not None}
    theirs = prices.pop() if len(prices) == 1 else None
    if stated is not None and stated[0] > 0:
        theirs = pair.invoice / stated[0]
    if theirs is None:
        return None
    unit = "hour" if stated is None or stated[1] == "hours" else "month"
    if ours is None:
        if pair.charge is None or pair.fee_month is None:
            return None
        return f"the invoice charges {amount(theirs)} per {unit}; the ledger a part of {amount(pair.fee_month)} a month"
    if abs(theirs - ours) <= ours / 10_000:
        return None
    return f"the invoice's price is {amount(theirs)} per {unit}, the ledger's {amount(ours)}" + _time_too(
        pair, stated, ours, tolerance
    )


def _time_too(pair: Pair, stated: tuple[Decimal, str] | None, ours: Decimal, tolerance: Decimal) -> str:
    """What to add where the time differs beside the price."""
    if stated is None or abs(stated[0] * ours - pair.ledger) <= max(tolerance, ours / 100):
        return ""
    unit = "hours" if stated[1] == "hours" else "months"
    return f", and it counts {amount(stated[0])} {unit} against {amount(pair.ledger / ours)}"


def _count(pair: Pair, tolerance: Decimal) -> str | None:
    """More or fewer of what costs the same each: machines of one product, addresses."""
    if pair.charge is not None or not pair.ledger:
        return None
    each = pair.ledger / len(pair.expected)
    count = round(pair.invoice / each)
    if count < 1 or count == len(pair.expected) or abs(pair.invoice - count * each) > tolerance:
        return None
    return f"the invoice is for {count} at {amount(each)}, the ledger for {len(pair.expected)}"


def _vat_rate(pair: Pair) -> Decimal | None:
    if pair.ratio is None:
        return None
    return next((rate for rate in VAT_RATES if abs(pair.ratio - 1 - rate) <= _RATIO_SLACK), None)


def _rate(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.0001')):f}"


Rule = Callable[[Pair, Decimal], str | None]
_RULES: Sequence[tuple[Cause, Rule]] = (
    (Cause.SETUP, _setup_fee),
    (Cause.MISSING_IN_LEDGER, _missing_in_ledger),
    (Cause.SPOT_FREE, _spot_is_free),
    (Cause.MISSING_IN_INVOICE, _missing_in_invoice),
    (Cause.DUPLICATE, _duplicate),
    (Cause.ROUNDING, _rounding),
    (Cause.EXCHANGE, _exchange),
    (Cause.CAP_NOT_APPLIED, _cap),
    (Cause.CAP_APPLIED, _whole_month),
    (Cause.HOURS, _hours),
    (Cause.VAT, _vat),
    (Cause.COUNT, _count),
    (Cause.PRICE, _price),
)
"""Tried in this order: a rule that needs more to be true comes first."""
