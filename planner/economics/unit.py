"""Unit cost: USD per million tokens, blended and for input and output apart, on two bases. Pure.

Input and output share a model's cost by measured work, I(1 - hit)/P against O/G, not by a fixed ratio. Usage basis:
the cost of busy time alone. Allocation basis: all that is paid, idle time included (OpenCost's two views).
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from planner.economics.spend import ModelSpend, Spend
from planner.plan import UnitCost
from policies.units import TOKENS_PER_MTOK

UNKNOWN = UnitCost(blended=None, input=None, output=None)
ALL_MODELS = "all models"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """What a million tokens of one model costs, USD."""

    model: str
    usage: UnitCost
    """Of the busy time; None where utilization is unknown."""
    allocation: UnitCost
    """Idle time included."""
    cost_usd: Decimal
    idle_usd: Decimal | None
    """Cost less the busy part: time in which nothing is served and, of a month, its part of what is shared."""
    input_tokens: float
    output_tokens: float
    utilization: float | None


def unit_rows(spend: Spend) -> tuple[UnitRow, ...]:
    """A row per model, and one for all where there are several: each column of it the sum over models by tokens."""
    rows = tuple(_row(model) for model in spend.models)
    return rows if len(rows) == 1 else (*rows, _all(spend))


def unit_cost(model: ModelSpend, cost_usd: Decimal | None) -> UnitCost:
    """`cost_usd` per million tokens of the model; None where unknown, or where no such token is served."""
    if cost_usd is None:
        return UNKNOWN
    share = model.input_work_ratio
    return UnitCost(
        blended=per_mtok(cost_usd, model.input_tokens + model.output_tokens),
        input=None if share is None else per_mtok(cost_usd * exact(share), model.input_tokens),
        output=None if share is None else per_mtok(cost_usd * (1 - exact(share)), model.output_tokens),
    )


def per_mtok(usd: Decimal, tokens: float) -> Decimal | None:
    """USD per million tokens; None where there are none."""
    return usd * TOKENS_PER_MTOK / exact(tokens) if tokens > 0 else None


def exact(value: float) -> Decimal:
    """A float as the Decimal it prints as."""
    return Decimal(repr(float(value)))


def _row(model: ModelSpend) -> UnitRow:
    busy = model.busy_usd
    return UnitRow(
        model=model.model,
        usage=unit_cost(model, busy),
        allocation=unit_cost(model, model.cost_usd),
        cost_usd=model.cost_usd,
        idle_usd=None if busy is None else model.cost_usd - busy,
        input_tokens=model.input_tokens,
        output_tokens=model.output_tokens,
        utilization=model.utilization,
    )


def _all(spend: Spend) -> UnitRow:
    """All models as one: its input cost is the sum of theirs. Utilization is left out: nodes of models differ."""
    cost = sum((model.cost_usd for model in spend.models), Decimal(0))
    parts = [model.busy_usd for model in spend.models]
    busy = None if None in parts else sum((part for part in parts if part is not None), Decimal(0))
    shares = [model.input_work_ratio for model in spend.models]
    whole = ModelSpend(
        model=ALL_MODELS,
        cost_usd=cost,
        input_tokens=sum(model.input_tokens for model in spend.models),
        output_tokens=sum(model.output_tokens for model in spend.models),
        input_work_ratio=None if None in shares else _weighted(spend, [model.cost_usd for model in spend.models]),
        utilization=None,
        usage_usd=busy,
    )
    row = _row(whole)
    if busy is None or None in shares:
        return row
    by_use = _weighted(spend, [part or Decimal(0) for part in parts])
    usage = unit_cost(replace(whole, input_work_ratio=by_use), busy)
    return replace(row, usage=usage)


def _weighted(spend: Spend, costs: list[Decimal]) -> float | None:
    """Input's share of the costs together."""
    total = float(sum(costs, Decimal(0)))
    if total <= 0:
        return None
    pairs = zip(spend.models, costs, strict=True)
    return sum(float(cost) * (model.input_work_ratio or 0.0) for model, cost in pairs) / total
