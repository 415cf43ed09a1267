"""Numbers as people read them: rounding, thousands, units, currency. The one place where a result is rounded. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

UNKNOWN = "–"
BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Currency:
    """What amounts are shown in; they are USD inside."""

    code: str = "USD"
    usd_per_unit: Decimal = Decimal(1)
    rate_date: date | None = None

    def __post_init__(self) -> None:
        if self.usd_per_unit <= 0:
            raise ValueError(f"usd_per_unit must be above 0, got {self.usd_per_unit}")

    def amount(self, usd: Decimal | None) -> Decimal | None:
        """The amount in this currency, unrounded."""
        return None if usd is None else usd / self.usd_per_unit

    @property
    def note(self) -> str:
        """How amounts were converted; empty for USD."""
        if self.code == "USD":
            return ""
        dated = "" if self.rate_date is None else f" of {self.rate_date.isoformat()}"
        return f"shown in {self.code} at {self.usd_per_unit} USD/{self.code}{dated}; JSON stays in USD"


USD = Currency()


def number(value: Decimal | float | None, places: int = 2) -> str:
    """The number with thousands separators and a fixed number of decimals; – for unknown."""
    if value is None:
        return UNKNOWN
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not exact.is_finite():
        return UNKNOWN
    rounded = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    text = f"{abs(rounded):,.{places}f}"
    return f"−{text}" if rounded < 0 else text


def percent(ratio: float | Decimal | None, places: int = 1) -> str:
    """A ratio as percent, without the sign; a ratio too small for the decimals is shown as below the smallest."""
    if ratio is None:
        return UNKNOWN
    smallest = 10.0**-places
    if 0 < ratio * 100 < smallest / 2:
        return f"<{number(smallest, places)}"
    return number(ratio * 100, places)


def signed(value: Decimal | float | None, places: int = 2) -> str:
    """A change, with its sign; ±0 when it rounds to nothing."""
    text = number(value, places)
    if text == UNKNOWN or text.startswith("−"):
        return text
    return f"+{text}" if any(digit in text for digit in "123456789") else f"±{text}"


def span(start: datetime, end: datetime) -> str:
    """A horizon: its first instant and the one after its last, UTC; days alone where both are midnights."""
    whole_days = start.hour == start.minute == end.hour == end.minute == 0
    form = "%Y-%m-%d" if whole_days else "%Y-%m-%d %H:%M"
    return f"{start.strftime(form)} to {end.strftime(form)} UTC"


def counts(nodes: Sequence[int]) -> str:
    """The range of a node count over hours: "3", or "0–9"."""
    low, high = min(nodes, default=0), max(nodes, default=0)
    return str(high) if low == high else f"{low}–{high}"


def sparkline(values: Sequence[float], *, top: float | None = None) -> str:
    """One block per value, from 0 to `top` (the largest value); a blank is 0, a dot unknown."""
    known = [value for value in values if value == value]  # noqa: PLR0124 - false for NaN alone
    high = max(known, default=0.0) if top is None else top
    marks = []
    for value in values:
        if value != value:  # noqa: PLR0124
            marks.append("·")
        elif value <= 0 or high <= 0:
            marks.append(BLOCKS[0])
        else:
            marks.append(BLOCKS[min(8, max(1, round(8 * value / high)))])
    return "".join(marks)


def buckets(length: int, width: int) -> list[range]:
    """At most `width` consecutive runs of equal length (the last may be shorter) that cover range(length)."""
    size = max(1, -(-length // max(1, width)))
    return [range(first, min(first + size, length)) for first in range(0, length, size)]
