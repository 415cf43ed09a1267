"""Splits: how a cost per million tokens becomes an input and an output figure, and how much of the cost that recovers.

Pure. Only the split by measured work recovers the cost at every mix; the guides' fixed splits are offered beside it, by
name, each with what it recovers at the mix really served and at a few others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from planner.economics.spend import ModelSpend
from planner.economics.unit import exact, per_mtok, unit_cost

MIXES = (Decimal(1), Decimal(3), Decimal(10))
"""Input tokens per output token at which each split is tried beside the real mix."""

Pair = tuple[Decimal | None, Decimal | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One way to charge input and output apart."""

    policy: str
    input_usd_mtok: Decimal | None
    output_usd_mtok: Decimal | None
    recovery_ratio: float | None
    """Revenue at the real mix over cost; 1: exactly recovered. None: unknown."""
    recovery_at: tuple[tuple[Decimal, float | None], ...]
    """(input tokens per output token, recovery) of the same two figures at other mixes, utilization held."""
    rule: str


def splits(model: ModelSpend) -> tuple[Split, ...]:
    """Every named split of the model's cost, idle time included."""
    unit = unit_cost(model, model.cost_usd)
    return tuple(
        Split(
            policy=name,
            input_usd_mtok=prices[0],
            output_usd_mtok=prices[1],
            recovery_ratio=recovery_ratio(model, prices),
            recovery_at=tuple((mix, _recovery_at(mix, prices, (unit.input, unit.output))) for mix in MIXES),
            rule=rule,
        )
        for name, (make, rule) in POLICIES.items()
        for prices in [make(model)]
    )


def recovery_ratio(model: ModelSpend, prices: Pair) -> float | None:
    """Revenue of what the model served at (input, output) USD per million tokens, over its cost; None: unknown."""
    if not model.input_tokens + model.output_tokens:
        return None
    revenue = Decimal(0)
    for tokens, price in zip((model.input_tokens, model.output_tokens), prices, strict=True):
        if tokens > 0:
            if price is None:
                return None
            revenue += exact(tokens) * price / 1_000_000
    return float(revenue / model.cost_usd) if model.cost_usd > 0 else None


def _measured_work(model: ModelSpend) -> Pair:
    unit = unit_cost(model, model.cost_usd)
    return unit.input, unit.output


def _quarters(model: ModelSpend) -> Pair:
    """The chargeback guide divides the cost by output tokens alone, then takes 25 % for input and 75 % for output."""
    per_output = per_mtok(model.cost_usd, model.output_tokens)
    return _times(per_output, Decimal("0.25")), _times(per_output, Decimal("0.75"))


def _one_to_two(model: ModelSpend) -> Pair:
    """The pricing guide's option 1: unified 0.30 becomes 0.15 and 0.30."""
    blended = unit_cost(model, model.cost_usd).blended
    return _times(blended, Decimal("0.5")), blended


def _one_to_four(model: ModelSpend) -> Pair:
    """The pricing guide's option 2: unified 0.30 becomes 0.10 and 0.40."""
    blended = unit_cost(model, model.cost_usd).blended
    third = None if blended is None else blended / 3
    return third, _times(third, Decimal(4))


POLICIES: dict[str, tuple[Callable[[ModelSpend], Pair], str]] = {
    "measured-work": (_measured_work, "by the time prefill and decode take"),
    "25/75": (_quarters, "25 % and 75 % of cost per million output tokens (chargeback guide)"),
    "1:2": (_one_to_two, "half the blended cost, and the whole (pricing guide, option 1)"),
    "1:4": (_one_to_four, "a third of the blended cost, and four thirds (pricing guide, option 2)"),
}
"""Name -> the split of a model's cost, and its rule in words."""


def _recovery_at(mix: Decimal, prices: Pair, costs: Pair) -> float | None:
    """(p_in r + p_out) / (c_in r + c_out) at r input tokens per output token."""
    (price_in, price_out), (cost_in, cost_out) = prices, costs
    if price_in is None or price_out is None or cost_in is None or cost_out is None:
        return None
    cost = cost_in * mix + cost_out
    return float((price_in * mix + price_out) / cost) if cost > 0 else None


def _times(usd: Decimal | None, factor: Decimal) -> Decimal | None:
    return None if usd is None else usd * factor
