"""Sweeps: which points, which of them nobody beats, and how each reads."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.replay.sweep import SweptPoint, frontier, points_of
from planner.errors import InputError
from tests.autoscaler.report.replays import a_replayed


def a_point(bill: float, unserved_ratio: float, **settings: str) -> SweptPoint:
    """A point without a bound, so that its cost is its bill."""
    replayed = a_replayed(bill_usd=Decimal(repr(bill)), unserved_ratio=unserved_ratio, bound_usd=None)
    return SweptPoint(settings=settings or {"seed": "0"}, replayed=replayed)


def test_a_list_keeps_its_order_and_a_range_has_both_ends() -> None:
    assert points_of(["scaling.hold_s=600, 300"]) == ({"scaling.hold_s": "600"}, {"scaling.hold_s": "300"})
    assert [point["seed"] for point in points_of(["seed=8..11"])] == ["8", "9", "10", "11"]


def test_several_sweeps_are_crossed() -> None:
    found = points_of(["a=1,2", "seed=0..2"])
    assert len(found) == 6
    assert found[0] == {"a": "1", "seed": "0"}
    assert found[-1] == {"a": "2", "seed": "2"}


@pytest.mark.parametrize(
    ("sweeps", "said"),
    [
        (["seed"], "expected KEY=a,b,c"),
        (["=1,2"], "expected KEY=a,b,c"),
        (["seed="], "expected KEY=a,b,c"),
        (["a=1,,2"], "values that differ"),
        (["a=1,1"], "values that differ"),
        (["seed=5..1"], "rising range"),
        (["seed=0..50000"], "rising range of at most 20000"),
        (["seed=x,y"], "seeds as whole numbers"),
        (["seed=-1,2"], "seeds as whole numbers"),
        (["a=1,2", "a=3,4"], "swept twice"),
        (["a=0..199", "b=0..199"], "40000 points; expected at most 20000"),
    ],
)
def test_a_wrong_sweep_is_refused_by_name(sweeps: list[str], said: str) -> None:
    with pytest.raises(InputError, match="--sweep") as caught:
        points_of(sweeps)
    assert said in str(caught.value)


def test_the_frontier_is_what_nobody_beats_in_both() -> None:
    points = [a_point(10, 0.0), a_point(12, 0.0), a_point(9, 0.01), a_point(9.5, 0.02), a_point(5, 0.1)]
    assert frontier(points) == (0, 2, 4)


def test_each_controller_has_a_frontier_of_its_own() -> None:
    dear, cheap = a_point(20, 0.0), a_point(10, 0.0)
    rival = replace(dear, replayed=replace(dear.replayed, policy="hpa"))
    assert frontier([rival, cheap]) == (0, 1)
    assert frontier([dear, cheap]) == (1,)


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=12))
def test_every_point_is_on_the_frontier_or_matched_by_one_that_is(drawn: list[tuple[int, int]]) -> None:
    points = [a_point(bill, unserved / 100) for bill, unserved in drawn]
    best = frontier(points)
    assert best
    for at, (bill, unserved) in enumerate(drawn):
        beaten = [other for other in best if drawn[other][0] <= bill and drawn[other][1] <= unserved]
        assert at in best or beaten
        if at in best:
            assert beaten == [at]


def test_with_a_bound_cost_is_the_bill_over_it() -> None:
    point = SweptPoint(settings={"scaling.hold_s": "300", "seed": "1"}, replayed=a_replayed())
    assert point.cost == pytest.approx(1.33 / 1.10)
    assert point.label == "hold_s=300, seed=1"
