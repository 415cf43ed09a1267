"""Traffic patterns are measured: ratios, and what it costs to rent for them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.demand.read import read_forecast
from planner.economics.pattern import SHIPPED, Pattern, burst_price_ratio, levels_of, levels_of_plan, measure
from planner.files import packaged_text

_spec = importlib.util.spec_from_file_location("plans", Path(__file__).parents[1] / "report" / "plans.py")
assert _spec is not None
assert _spec.loader is not None
plans = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plans)


def measured(levels: list[float], *, target: float = 0.5, burst: float = 2.0) -> Pattern:
    return measure(np.array(levels), name="n", source="s", target_utilization=target, burst_price_ratio=burst)


def test_a_flat_load_is_only_held_back_by_the_target() -> None:
    pattern = measured([7.0] * 10)
    assert (pattern.peak_ratio, pattern.quiet_ratio) == (1, 1)
    assert (pattern.for_peak.utilization, pattern.for_peak.cost_multiplier) == (0.5, 2)


def test_two_levels_by_hand() -> None:
    # Levels 1, 1, 1, 5 of mean 2: shape 0.5, 0.5, 0.5, 2.5. Burst costs twice base, so base carries the median, 0.5:
    # above it 2.0 in one hour of four, 0.5 of the mean. At τ = 0.5: base 0.5 and burst 0.5 x 2 are 1.5 / 0.5 = 3.
    pattern = measured([1, 1, 1, 5])
    assert (pattern.peak_ratio, pattern.quiet_ratio) == (2.5, 0.25 * 2)
    assert (pattern.for_peak.utilization, pattern.for_peak.cost_multiplier) == (0.2, 5)
    assert (pattern.cheapest.base_ratio, pattern.cheapest.base_share) == (0.5, 0.5)
    assert (pattern.cheapest.utilization, pattern.cheapest.cost_multiplier) == (0.5, 3)


def test_burst_cheaper_than_base_leaves_no_base() -> None:
    assert measured([1, 5], burst=0.9).cheapest.base_ratio == 0


@given(
    levels=st.lists(st.floats(min_value=0, max_value=1e6), min_size=1, max_size=60).filter(lambda xs: sum(xs) > 1e-3),
    burst=st.floats(min_value=0.5, max_value=5),
)
def test_the_cheapest_mix_is_never_dearer_than_another(levels: list[float], burst: float) -> None:
    pattern = measured(levels, burst=burst)
    for other in (pattern.for_peak, pattern.for_p99):
        assert pattern.cheapest.cost_multiplier <= other.cost_multiplier * (1 + 1e-9)
    assert pattern.for_peak.base_share == pytest.approx(1)
    assert 0 < pattern.for_peak.utilization <= 0.5 + 1e-9


def test_the_shipped_shapes_are_real_and_as_peaky_as_measured() -> None:
    found = {}
    for shape in SHIPPED:
        forecast = read_forecast(packaged_text(shape.file), source=shape.file)
        levels = levels_of(forecast)
        assert levels.mean() == pytest.approx(100, rel=1e-3)
        found[shape.name] = measure(
            levels, name=shape.name, source=shape.source, target_utilization=0.75, burst_price_ratio=1.5
        )
    assert {name: round(one.peak_ratio, 2) for name, one in found.items()} == {
        "steady": 2.25,
        "business hours": 3.16,
        "bursty": 3.40,
        "dev": 7.39,
    }
    # What the guide calls steady, 70-85 % busy, no measured service reaches when rented for its peak.
    assert found["steady"].for_peak.utilization == pytest.approx(0.75 / 2.2525, rel=1e-3)
    guides = {shape.name: shape.guide for shape in SHIPPED}
    assert guides["dev"].utilization[0] < found["dev"].for_peak.utilization < guides["dev"].utilization[1]


def test_a_plan_tells_its_levels_and_its_price_of_burst() -> None:
    plan = plans.small_plan()
    assert levels_of_plan(plan).tolist() == [440, 660, 880, 220]
    # Base: 1.8048 USD for 4 node-hours of 1; burst: 0.30 USD for node-hours of half the work, so 0.60 a unit.
    assert burst_price_ratio(plan) == pytest.approx(0.60 / 0.4512)
    # Where all input is cached, it takes no time: a slow prefill costs nothing.
    terms = plan.models["m"]
    slow = {**terms.rates, plans.POOL: plans.a_rate(5, 50)}
    cached = plans.replace(plan, models={"m": plans.replace(terms, cache_hit_ratio=1.0, rates=slow)})
    assert burst_price_ratio(cached) == pytest.approx(0.60 / 0.4512)
    assert burst_price_ratio(plans.replace(plan, hours_detail=plan.hours_detail[:1])) is None


@pytest.mark.parametrize(
    ("levels", "changes", "complaint"),
    [
        ([], {}, "a shape needs hours"),
        ([0.0], {}, "a shape needs hours"),
        ([-1.0, 3.0], {}, "a shape needs hours"),
        ([1.0], {"target": 0.0}, "target_utilization must be in"),
        ([1.0], {"burst": 0.0}, "burst_price_ratio must be above 0"),
    ],
)
def test_what_is_no_shape_is_refused(levels: list[float], changes: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        measured(levels, **changes)
