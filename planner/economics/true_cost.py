"""True cost: the direct cost of a spend and its hidden lines, per month and per million tokens. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from planner.economics.spend import Spend
from planner.economics.unit import exact, per_mtok
from policies.hidden import HiddenCost, Served, hidden_usd
from policies.units import TOKENS_PER_MTOK

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """One line of the true cost."""

    label: str
    is_hidden: bool
    amount_usd: Decimal
    """Over the span."""
    usd_month: Decimal | None
    """None: the span has no length."""
    usd_mtok: Decimal | None
    """None: nothing is served."""
    grows_with_traffic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceAt:
    """What a price earns over the span, on direct and on true cost."""

    price_usd_mtok: Decimal
    revenue_usd: Decimal
    direct_profit_usd: Decimal
    true_profit_usd: Decimal

    @property
    def direct_margin_ratio(self) -> Decimal:
        """(price - direct cost) / price."""
        return self.direct_profit_usd / self.revenue_usd

    @property
    def true_margin_ratio(self) -> Decimal:
        """(price - true cost) / price."""
        return self.true_profit_usd / self.revenue_usd


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCost:
    """Direct and hidden lines of one span."""

    rows: tuple[CostRow, ...]
    months: Decimal
    tokens: float

    @property
    def direct_usd(self) -> Decimal:
        """What providers bill."""
        return sum((row.amount_usd for row in self.rows if not row.is_hidden), ZERO)

    @property
    def hidden_usd(self) -> Decimal:
        """The other lines."""
        return sum((row.amount_usd for row in self.rows if row.is_hidden), ZERO)

    @property
    def true_usd(self) -> Decimal:
        """Both."""
        return self.direct_usd + self.hidden_usd

    def per_mtok(self, usd: Decimal) -> Decimal | None:
        """An amount of the span per million tokens; None: nothing is served."""
        return per_mtok(usd, self.tokens)

    def per_month(self, usd: Decimal) -> Decimal | None:
        """An amount of the span per month; None: the span has no length."""
        return usd / self.months if self.months > 0 else None

    def at_price(self, price_usd_mtok: Decimal) -> PriceAt | None:
        """What a price per million tokens earns; None: nothing is served."""
        if not (price_usd_mtok.is_finite() and price_usd_mtok > 0):
            raise ValueError(f"price_usd_mtok must be above 0, got {price_usd_mtok}")
        revenue = price_usd_mtok * exact(self.tokens) / TOKENS_PER_MTOK
        if revenue <= 0:
            return None
        return PriceAt(
            price_usd_mtok=price_usd_mtok,
            revenue_usd=revenue,
            direct_profit_usd=revenue - self.direct_usd,
            true_profit_usd=revenue - self.true_usd,
        )


def true_cost(spend: Spend, hidden: Sequence[HiddenCost]) -> TrueCost:
    """The spend's lines, and the hidden ones over its span.

    A price per server needs the number of servers, which a bare cost does not tell: ValueError.
    """
    months = spend.months
    servers = None if spend.node_hours is None or spend.hours <= 0 else spend.node_hours / spend.hours
    served = Served(
        months=months,
        servers=servers,
        mtok=exact(spend.tokens) / TOKENS_PER_MTOK,
        output_mtok=exact(sum(model.output_tokens for model in spend.models)) / TOKENS_PER_MTOK,
    )
    found = [(line.what, False, line.amount_usd, line.grows_with_traffic) for line in spend.lines]
    for line in hidden:
        amount = hidden_usd(line, served)
        if amount is None:
            raise ValueError(f"{line.label} is priced per server, and how many servers there are is not known")
        found.append((line.label, True, amount, line.grows_with_traffic))
    return TrueCost(
        rows=tuple(
            CostRow(
                label=label,
                is_hidden=is_hidden,
                amount_usd=amount,
                usd_month=amount / months if months > 0 else None,
                usd_mtok=per_mtok(amount, spend.tokens),
                grows_with_traffic=grows,
            )
            for label, is_hidden, amount, grows in found
        ),
        months=months,
        tokens=spend.tokens,
    )
