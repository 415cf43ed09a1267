"""Unit cost: input and output by measured work, usage beside allocation."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.economics.spend import ModelSpend, Spend, SpendBasis, SpendLine
from planner.economics.unit import unit_rows


def a_model(name: str = "m", cost: str = "100", **changes) -> ModelSpend:
    """100 USD for 60 Mtok of input and 40 of output; input is 30 % of the work; half the time is busy."""
    return ModelSpend(
        **{
            "model": name,
            "cost_usd": Decimal(cost),
            "input_tokens": 60e6,
            "output_tokens": 40e6,
            "input_work_ratio": 0.3,
            "utilization": 0.5,
            **changes,
        }
    )


def a_spend(*models: ModelSpend) -> Spend:
    cost = sum((model.cost_usd for model in models), Decimal(0))
    return Spend(
        basis=SpendBasis.MONTH,
        source="month 2026-11",
        price_basis="USD net of VAT",
        start=None,
        end=None,
        hours=Decimal(720),
        lines=(SpendLine(what="base fees", amount_usd=cost, grows_with_traffic=False),),
        models=models,
    )


def test_input_and_output_share_the_cost_by_work() -> None:
    (row,) = unit_rows(a_spend(a_model()))
    # 100 / 100 Mtok; 30 / 60 Mtok; 70 / 40 Mtok
    assert (row.allocation.blended, row.allocation.input, row.allocation.output) == (1, Decimal("0.5"), Decimal("1.75"))


def test_usage_is_the_busy_half_and_idle_the_rest() -> None:
    (row,) = unit_rows(a_spend(a_model()))
    assert (row.usage.blended, row.usage.input) == (Decimal("0.5"), Decimal("0.25"))
    assert row.idle_usd == 50


def test_known_cost_of_busy_time_goes_before_utilization() -> None:
    (row,) = unit_rows(a_spend(a_model(usage_usd=Decimal(80))))
    assert (row.usage.blended, row.idle_usd) == (Decimal("0.8"), 20)


def test_unknown_stays_unknown() -> None:
    (row,) = unit_rows(a_spend(a_model(utilization=None, input_work_ratio=None)))
    assert row.usage.blended is None
    assert row.idle_usd is None
    assert (row.allocation.blended, row.allocation.input) == (1, None)


def test_what_was_not_served_has_no_unit_cost() -> None:
    (row,) = unit_rows(a_spend(a_model(input_tokens=0.0, output_tokens=0.0)))
    assert row.allocation.blended is None
    assert row.allocation.output is None


@given(
    costs=st.lists(st.decimals(min_value=1, max_value=10_000, places=2), min_size=2, max_size=4),
    shares=st.lists(st.floats(min_value=0, max_value=1), min_size=4, max_size=4),
)
def test_all_models_cost_what_their_tokens_cost_apart(costs: list[Decimal], shares: list[float]) -> None:
    models = [
        a_model(f"m{at}", str(cost), input_work_ratio=share)
        for at, (cost, share) in enumerate(zip(costs, shares, strict=False))
    ]
    *rows, whole = unit_rows(a_spend(*models))
    assert whole.model == "all models"
    for basis in ("usage", "allocation"):
        unit = getattr(whole, basis)
        apart = sum(float(getattr(row, basis).input) * 60 for row in rows)
        assert float(unit.input) * 60 * len(rows) == pytest.approx(apart)
        assert unit.blended * 100 * len(rows) == pytest.approx(
            unit.input * 60 * len(rows) + unit.output * 40 * len(rows)
        )
