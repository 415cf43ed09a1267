"""What the words and figures of an invoice mean: kinds of lines, units, numbers and dates of two locales. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from planner.demand.header import shown
from planner.economics.invoice import LineKind

_KINDS = (
    (re.compile(r"\bset-?up\b|einrichtung|installation fee|mise en service", re.IGNORECASE), LineKind.SETUP),
    (re.compile(r"^\W*(\d+([.,]\d+)?\s*%\s*)?(vat|tax|mwst|umsatzsteuer|tva)\b", re.IGNORECASE), LineKind.TAX),
    (re.compile(r"credit|refund|gutschrift|rabatt|discount|remise|voucher", re.IGNORECASE), LineKind.CREDIT),
    (
        re.compile(
            r"\bipv?[46]?s?\b|address|volume|snapshot|backup|traffic|egress|bandwidth|load.?balancer|storage|bucket|"
            r"monitor|licen[cs]e|domain|certificate",
            re.IGNORECASE,
        ),
        LineKind.OTHER,
    ),
)
_UNITS = {
    "hours": ("hour", "hours", "h", "hr", "hrs", "stunde", "stunden", "heure", "heures"),
    "months": ("month", "months", "mo", "monat", "monate", "mois"),
}
MOST = Decimal(10**12)
"""Larger figures are a slip, in any currency."""
_SYMBOLS = re.compile(r"[€$£]|EUR|USD|GBP|\s|\u00a0|\u202f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Locale:
    """How a file writes numbers and dates."""

    is_german: bool

    def number(self, text: str, name: str) -> Decimal:
        """A number with or without its currency; ValueError says what was expected."""
        plain = _SYMBOLS.sub("", text).replace("−", "-")
        thousands, point = (".", ",") if self.is_german else (",", ".")
        plain = plain.replace(thousands, "").replace(point, ".")
        try:
            value = Decimal(plain)
        except InvalidOperation:
            raise ValueError(f"{name} is {shown(text)}; expected an amount such as € 4.9900 or 4,9900 €") from None
        if not value.is_finite() or abs(value) > MOST or "_" in plain:
            raise ValueError(f"{name} is {shown(text)}; expected an amount such as € 4.9900 or 4,9900 €")
        return value

    def day(self, text: str, name: str) -> date:
        """A date, 2026-11-01 or 01.11.2026; ValueError says what was expected."""
        german = re.fullmatch(r"(\d\d?)\.(\d\d?)\.(\d{4})", text)
        try:
            if german:
                return date(int(german[3]), int(german[2]), int(german[1]))
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{name} is {shown(text)}; expected a date such as 2026-11-01 or 01.11.2026") from None


def locale_of(amounts: Iterable[str]) -> Locale:
    """The locale of a column of amounts: German writes the currency behind, and a comma before the decimals."""
    for amount in amounts:
        text = amount.strip()
        if not text:
            continue
        if text[-1] in "€$£":
            return Locale(is_german=True)
        if text[0] in "€$£-−":
            return Locale(is_german=False)
        return Locale(is_german=text.rfind(",") > text.rfind("."))
    return Locale(is_german=False)


def kind_by_words(words: str) -> LineKind:
    """The kind of line its description speaks of; a server where nothing else is named."""
    return next((kind for pattern, kind in _KINDS if pattern.search(words)), LineKind.SERVER)


def unit_of(text: str) -> str:
    """Hours and months under one name each, other units as written."""
    plain = text.strip().lower()
    return next((unit for unit, words in _UNITS.items() if plain in words), plain)
