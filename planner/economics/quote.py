"""Quick quote: what a million tokens costs on one machine, from a price, a rate and an assumed utilization. Pure.

Cost per million tokens = USD per hour / (tok/s x 3600 x utilization) x 1,000,000, the formula of both guides. A plan or
a month knows better: there utilization is an outcome of traffic, not an assumption.
"""

from dataclasses import dataclass
from decimal import Decimal

from planner.economics.spend import ModelSpend, Spend, SpendBasis, SpendLine
from policies.units import HOURS_PER_MONTH, SECONDS_PER_HOUR, TOKENS_PER_MTOK


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is quoted: one machine's price and rate."""

    name: str
    price_usd_hour: Decimal
    tok_s: Decimal
    """Tokens per second at full load: input and output together, or output alone where `is_decode_only`."""
    is_decode_only: bool = False
    """`tok_s` counts output tokens alone, and input is taken to cost no time: the chargeback guide's reading."""

    def __post_init__(self) -> None:
        for name in ("price_usd_hour", "tok_s"):
            value: Decimal = getattr(self, name)
            if not (value.is_finite() and value > 0):
                raise ValueError(f"{name} must be above 0, got {value}")


def price_of_month(fee_usd_month: Decimal) -> Decimal:
    """A monthly fee quoted per hour, USD: fee / 720."""
    return fee_usd_month / HOURS_PER_MONTH


def quote_usd_mtok(machine: Machine, utilization: Decimal) -> Decimal:
    """USD per million of the tokens `tok_s` counts, at a utilization in (0, 1]."""
    return machine.price_usd_hour / (machine.tok_s * SECONDS_PER_HOUR * _checked(utilization)) * TOKENS_PER_MTOK


def needed_utilization(machine: Machine, mtok_month: Decimal) -> Decimal:
    """Utilization at which the machine serves so many million tokens in 720 h; above 1 it cannot."""
    return mtok_month * TOKENS_PER_MTOK / (machine.tok_s * SECONDS_PER_HOUR * HOURS_PER_MONTH)


def quote_spend(machine: Machine, utilization: Decimal, *, input_per_output: Decimal, price_basis: str) -> Spend:
    """A month of 720 h of the machine at a utilization, and what it serves at a mix of input tokens per output token.

    One rate for all tokens makes input and output equal work; a decode-only rate makes all of it output's.
    """
    counted = machine.tok_s * SECONDS_PER_HOUR * HOURS_PER_MONTH * _checked(utilization)
    return _month_spend(
        name=machine.name,
        source=f"{machine.name} at {float(utilization * 100):.3g} % utilization",
        cost_usd=machine.price_usd_hour * HOURS_PER_MONTH,
        tokens=counted,
        input_per_output=input_per_output,
        is_decode_only=machine.is_decode_only,
        utilization=float(utilization),
        price_basis=price_basis,
    )


def traffic_spend(*, name: str, cost_usd_month: Decimal, mtok_month: Decimal, mix: Decimal, price_basis: str) -> Spend:
    """A month's cost and the million tokens it serves, at `mix` input tokens per output token; utilization unknown."""
    for what, value in (("cost_usd_month", cost_usd_month), ("mtok_month", mtok_month)):
        if not (value.is_finite() and value > 0):
            raise ValueError(f"{what} must be above 0, got {value}")
    return _month_spend(
        name=name,
        source=f"{name} at {mtok_month:f} Mtok a month",
        cost_usd=cost_usd_month,
        tokens=mtok_month * TOKENS_PER_MTOK,
        input_per_output=mix,
        is_decode_only=False,
        utilization=None,
        price_basis=price_basis,
    )


def _month_spend(
    *,
    name: str,
    source: str,
    cost_usd: Decimal,
    tokens: Decimal,
    input_per_output: Decimal,
    is_decode_only: bool,
    utilization: float | None,
    price_basis: str,
) -> Spend:
    """A month of one machine, or of an unknown number where utilization is unknown.

    `tokens` are output alone where `is_decode_only`, else input and output, which are then equal work;
    without a rate nothing is known of the work.
    """
    if not (input_per_output.is_finite() and input_per_output >= 0):
        raise ValueError(f"input_per_output must be 0 or more, got {input_per_output}")
    output = tokens if is_decode_only else tokens / (1 + input_per_output)
    input_work: float | None = float(input_per_output / (1 + input_per_output))
    if utilization is None:
        input_work = None
    elif is_decode_only:
        input_work = 0.0
    return Spend(
        basis=SpendBasis.QUOTE,
        source=source,
        price_basis=price_basis,
        start=None,
        end=None,
        hours=Decimal(HOURS_PER_MONTH),
        lines=(SpendLine(what=name, amount_usd=cost_usd, grows_with_traffic=False),),
        models=(
            ModelSpend(
                model=name,
                cost_usd=cost_usd,
                input_tokens=float(output * input_per_output),
                output_tokens=float(output),
                input_work_ratio=input_work,
                utilization=utilization,
            ),
        ),
        node_hours=None if utilization is None else Decimal(HOURS_PER_MONTH),
    )


def _checked(utilization: Decimal) -> Decimal:
    if not (utilization.is_finite() and 0 < utilization <= 1):
        raise ValueError(f"utilization must be in (0, 1], got {utilization}")
    return utilization
