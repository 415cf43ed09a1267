"""How a reader sees a report: the currency of its amounts and the zone of its clock times; rounding and words.

Bills stay by the provider's calendar month (UTC); the zone moves only what is shown by the hour of the day.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from planner.catalog.nearest import nearest
from planner.errors import InputError
from planner.report.numbers import UNKNOWN, USD, Currency, number, signed

WHOLE_FROM = 1000
"""Headline amounts from this size on are shown without cents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The reader's currency and zone."""

    currency: Currency = field(default_factory=lambda: USD)
    zone: tzinfo = UTC
    zone_name: str = "UTC"

    @property
    def code(self) -> str:
        """The currency's code."""
        return self.currency.code

    def amount(self, usd: Decimal | None, places: int = 2) -> str:
        """An amount without its currency, for a column that names it."""
        return number(self.currency.amount(usd), places)

    def money(self, usd: Decimal | None, places: int = 2) -> str:
        """An amount with its currency; – for unknown."""
        return UNKNOWN if usd is None else f"{self.code} {self.amount(usd, places)}"

    def headline(self, usd: Decimal | None) -> str:
        """An amount as a headline shows it: whole from 1,000 on."""
        shown = self.currency.amount(usd)
        return number(shown, 0 if shown is not None and abs(shown) >= WHOLE_FROM else 2)

    def rate(self, usd_mtok: Decimal | None) -> str:
        """A cost per million tokens as a headline shows it: three figures or more, without its currency."""
        shown = self.currency.amount(usd_mtok)
        size = 0 if shown is None else abs(shown)
        return number(shown, 4 if size < Decimal("0.1") else 3 if size < 10 else 2)

    def about(self, usd: Decimal) -> str:
        """An amount in a sentence, with its currency and without cents from 1,000 on; its sign is left to the words."""
        return f"{self.code} {self.headline(abs(usd))}"

    def change(self, usd: Decimal | None, places: int = 2) -> str:
        """A difference with its sign, without its currency."""
        return signed(self.currency.amount(usd), places)

    def local(self, moment: datetime) -> datetime:
        """The moment by the reader's clock."""
        return moment.astimezone(self.zone)


def zone_of(name: str) -> tzinfo:
    """The time zone of that name.

    Raises:
        InputError: there is none; the nearest is named.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = available_timezones()
        meant = nearest(name, known) or [zone for zone in sorted(known) if name and name.lower() in zone.lower()]
        hint = f"did you mean {meant[0]}?" if meant else "expected a name such as Europe/Berlin"
        raise InputError(f"--tz {name}: no such time zone; {hint}") from None


def month_name(month: str) -> str:
    """October 2026 for 2026-10."""
    return datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).strftime("%B %Y")


def tokens(count: float) -> str:
    """A number of tokens in words: 18.3 billion."""
    for size, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if abs(count) >= size:
            return f"{number(count / size, 1)} {name}"
    return number(count, 0)
