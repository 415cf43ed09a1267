"""Break-even: the traffic at which a price pays for the fleet, with cost that grows with traffic. Pure.

Cost of a month against its traffic is a line of pieces: what is paid with no traffic at all, then a slope per million
tokens for each piece (burst, egress, hidden costs per token), up to what the fleet can serve. Break-even is where
revenue, price x traffic, first meets it; and where the last piece is dearer than the price, the traffic from which it
is a loss again. The guide's constant burst is the special case of one flat piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from policies.units import HOURS_PER_MONTH, SECONDS_PER_HOUR, TOKENS_PER_MTOK

ZERO = Decimal(0)
DAYS_PER_MONTH = Decimal(HOURS_PER_MONTH) / 24


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficCost:
    """What a month costs by the million tokens it serves."""

    points: tuple[tuple[Decimal, Decimal], ...]
    """(million tokens, USD), from 0 on, rising; straight lines between."""
    beyond_usd_mtok: Decimal | None = None
    """What a further million tokens costs after the last point; None: no more can be served."""
    note: str = ""
    """Where it comes from, in words."""

    def __post_init__(self) -> None:
        if not self.points or self.points[0][0] != 0:
            raise ValueError("a cost by traffic starts at no traffic")
        if any(later[0] <= earlier[0] for earlier, later in zip(self.points, self.points[1:], strict=False)):
            raise ValueError("a cost by traffic must rise in traffic")

    @property
    def fixed_usd(self) -> Decimal:
        """Paid with no traffic at all."""
        return self.points[0][1]

    @property
    def capacity_mtok(self) -> Decimal | None:
        """The most that can be served in a month; None: no end."""
        return self.points[-1][0] if self.beyond_usd_mtok is None else None

    def usd(self, mtok: Decimal) -> Decimal | None:
        """Cost of serving so much; None: more than can be served."""
        for (low, low_usd), (high, high_usd) in zip(self.points, self.points[1:], strict=False):
            if mtok <= high:
                return low_usd + (high_usd - low_usd) * (mtok - low) / (high - low)
        last, last_usd = self.points[-1]
        if mtok > last and self.beyond_usd_mtok is None:
            return None
        return last_usd + (mtok - last) * (self.beyond_usd_mtok or ZERO)


def linear_cost(
    fixed_usd: Decimal, variable_usd_mtok: Decimal, *, capacity_mtok: Decimal | None = None, note: str = ""
) -> TrafficCost:
    """Fixed + variable x traffic, up to a capacity."""
    if capacity_mtok is None:
        return TrafficCost(points=((ZERO, fixed_usd),), beyond_usd_mtok=variable_usd_mtok, note=note)
    end = (capacity_mtok, fixed_usd + variable_usd_mtok * capacity_mtok)
    return TrafficCost(points=((ZERO, fixed_usd), end), note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEvenRow:
    """What a price needs to pay for the fleet. The traffic is None where it never does."""

    price_usd_mtok: Decimal
    mtok_month: Decimal | None
    until_mtok_month: Decimal | None
    """Beyond this traffic it is a loss again; None: it is not, as far as the fleet serves."""
    cost_usd_month: Decimal | None
    """Cost, and so revenue, at break-even."""
    why_never: str = ""
    capacity_ratio: Decimal | None = None
    """Break-even over what the fleet can serve in a month; None: no end, or never."""
    requests_day: Decimal | None = None
    """At so many tokens a request, where they were given."""

    @property
    def tokens_day(self) -> Decimal | None:
        """Of 30 days."""
        return None if self.mtok_month is None else self.mtok_month * TOKENS_PER_MTOK / DAYS_PER_MONTH

    @property
    def tok_s(self) -> Decimal | None:
        """On average over a month of 720 h."""
        if self.mtok_month is None:
            return None
        return self.mtok_month * TOKENS_PER_MTOK / (HOURS_PER_MONTH * SECONDS_PER_HOUR)


def break_even_rows(
    cost: TrafficCost, prices_usd_mtok: Sequence[Decimal], *, tokens_per_request: Decimal | None = None
) -> tuple[BreakEvenRow, ...]:
    """The break-even of each price."""
    return tuple(break_even(cost, price, tokens_per_request=tokens_per_request) for price in prices_usd_mtok)


def break_even(
    cost: TrafficCost, price_usd_mtok: Decimal, *, tokens_per_request: Decimal | None = None
) -> BreakEvenRow:
    """The least traffic that pays for itself at the price, and the traffic at which that ends."""
    if not price_usd_mtok > 0:
        raise ValueError(f"price_usd_mtok must be above 0, got {price_usd_mtok}")
    crossings = _crossings(cost, price_usd_mtok)
    if not crossings:
        return BreakEvenRow(
            price_usd_mtok=price_usd_mtok,
            mtok_month=None,
            until_mtok_month=None,
            cost_usd_month=None,
            why_never=_why_never(cost, price_usd_mtok),
        )
    first = crossings[0]
    capacity = cost.capacity_mtok
    per_day = first * TOKENS_PER_MTOK / DAYS_PER_MONTH
    return BreakEvenRow(
        price_usd_mtok=price_usd_mtok,
        mtok_month=first,
        until_mtok_month=crossings[1] if len(crossings) > 1 else None,
        cost_usd_month=price_usd_mtok * first,
        capacity_ratio=first / capacity if capacity else None,
        requests_day=None if tokens_per_request is None else per_day / tokens_per_request,
    )


def _crossings(cost: TrafficCost, price: Decimal) -> list[Decimal]:
    """Traffic at which profit, which is continuous, turns from loss to gain, then from gain to loss, in turn."""
    found: list[Decimal] = []
    for start, start_usd, slope, end in _pieces(cost):
        if price == slope:
            continue
        at = (start_usd - slope * start) / (price - slope)
        is_gaining = len(found) % 2 == 1
        if start <= at and (end is None or at <= end) and (price > slope) != is_gaining:
            found.append(at)
    return found


def _pieces(cost: TrafficCost) -> list[tuple[Decimal, Decimal, Decimal, Decimal | None]]:
    """(from, USD there, USD per million tokens, to) of each piece."""
    pieces: list[tuple[Decimal, Decimal, Decimal, Decimal | None]] = []
    for (low, low_usd), (high, high_usd) in zip(cost.points, cost.points[1:], strict=False):
        pieces.append((low, low_usd, (high_usd - low_usd) / (high - low), high))
    last, last_usd = cost.points[-1]
    if cost.beyond_usd_mtok is not None:
        pieces.append((last, last_usd, cost.beyond_usd_mtok, None))
    return pieces


def _why_never(cost: TrafficCost, price: Decimal) -> str:
    capacity = cost.capacity_mtok
    least = min(slope for _, _, slope, _ in _pieces(cost))
    if price <= least or not cost.fixed_usd:
        return "each token costs more than it brings"
    if capacity is not None:
        return "not even with all the fleet can serve"
    return "growing traffic costs more than it brings before the fixed cost is earned"
