"""What each model of a spend costs per million tokens, direct and true, ready to be priced. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from planner.economics.quote import Machine, quote_spend
from planner.economics.spend import ModelSpend, Spend
from planner.economics.tiers import CostPoint, ModelCost
from planner.economics.true_cost import true_cost
from planner.economics.unit import per_mtok
from policies.hidden import HiddenCost


def costs_of_spend(spend: Spend, hidden: Sequence[HiddenCost] = ()) -> tuple[ModelCost, ...]:
    """One cost per model that serves anything; hidden lines weigh on every token alike.

    A hidden price per server needs the number of servers: ValueError where it is unknown.
    """
    beside = hidden_usd_mtok(spend, hidden)
    return tuple(
        _model_cost(model, (CostPoint(label="", direct_usd_mtok=direct, hidden_usd_mtok=beside),))
        for model in spend.models
        if (direct := per_mtok(model.cost_usd, model.input_tokens + model.output_tokens)) is not None
    )


def cost_of_machine(
    machine: Machine,
    utilizations: Sequence[Decimal],
    *,
    input_per_output: Decimal,
    hidden: Sequence[HiddenCost] = (),
) -> ModelCost:
    """A quoted machine at each utilization; prices are made from the first."""
    if not utilizations:
        raise ValueError("a machine is quoted at one utilization at least")
    spends = [quote_spend(machine, use, input_per_output=input_per_output, price_basis="") for use in utilizations]
    points = [
        CostPoint(
            label=f"at {(use * 100).normalize():f} %",
            direct_usd_mtok=per_mtok(spend.cost_usd, spend.tokens) or Decimal(0),
            hidden_usd_mtok=hidden_usd_mtok(spend, hidden),
        )
        for use, spend in zip(utilizations, spends, strict=True)
    ]
    return _model_cost(spends[0].models[0], tuple(points))


def _model_cost(model: ModelSpend, points: tuple[CostPoint, ...]) -> ModelCost:
    return ModelCost(
        model=model.model,
        points=points,
        input_tokens=model.input_tokens,
        output_tokens=model.output_tokens,
        input_work_ratio=model.input_work_ratio,
    )


def hidden_usd_mtok(spend: Spend, hidden: Sequence[HiddenCost]) -> Decimal | None:
    """The hidden lines per million tokens served; None: there are none, or nothing is served."""
    if not hidden:
        return None
    cost = true_cost(spend, hidden)
    return cost.per_mtok(cost.hidden_usd)
