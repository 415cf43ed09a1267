"""The value of waiting a month: numbers checked in the head, and every choice tried on random problems."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.errors import InputError
from planner.optimize.limits import count_limits
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Recourse
from planner.optimize.scenarios import kept_scenarios, one_scenario
from planner.optimize.waiting import value_of_waiting
from policies.planning import Aim
from tests.planner.optimize.instances import kinds, random_problem, two_futures


def with_tenure(problem: Problem, months: int, setup_usd: str) -> Problem:
    """The problem with a setup fee due at once, its share in the horizon's cost."""
    base = tuple(
        replace(o, setup_due_usd=Decimal(setup_usd), setup_usd=Decimal(setup_usd) * problem.months / months)
        for o in problem.base
    )
    return replace(problem, base=base, policy=replace(problem.policy, tenure_months=months))


def test_a_high_setup_fee_is_worth_waiting_for() -> None:
    # Two months, the horizon is one; a node costs 0.6 a month and 0.6 to set up; 100 or 400 tok/s.
    problem = with_tenure(two_futures(), 2, "0.6")
    found = value_of_waiting(problem)
    # Keep: 1.8 N + 2 x (0.75 (1 - N)+ + 0.25 (4 - N)): 3.5 at N = 0, 3.3 at 1, 4.6 at 2.
    assert found.keep_usd == pytest.approx(3.3)
    # Wait: 1.75 of burst, then 0.6 + 0.3 a node: 0.9 for low and 3.6 for high.
    assert found.wait_usd == pytest.approx(1.75 + 0.75 * 0.9 + 0.25 * 3.6)
    # One node now (1.2 + 0.75), then 0.6 for low; for high 0.6 and three more at 0.9.
    assert found.adjust_usd == pytest.approx(1.2 + 0.75 + 0.75 * 0.6 + 0.25 * (0.6 + 2.7))
    assert found.adjust_counts.tolist() == [1]


def test_without_setup_fees_adjusting_is_seeing_after_a_month() -> None:
    # 1.35 in the month, then what hindsight pays in eleven: 1.05 each.
    found = value_of_waiting(with_tenure(two_futures(), 12, "0"))
    assert found.adjust_usd == pytest.approx(1.35 + 11 * 1.05)
    assert found.keep_usd == pytest.approx(12 * 1.35)
    assert found.wait_usd == pytest.approx(1.75 + 11 * 1.05)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    kind=kinds(max_base=2, max_hours=2, max_burst=2, peak_nodes=1.5, budget=False),
    seed=st.integers(0, 2**32),
    setup_usd=st.sampled_from(["0", "0.3", "1.5"]),
)
def test_the_program_finds_what_trying_every_choice_finds(kind, seed: int, setup_usd: str) -> None:
    problem = with_tenure(random_problem(Random(seed), replace(kind, survive=0, scenarios=2)), 3, setup_usd)
    try:
        limits = count_limits(problem)
    except InputError:
        assume(False)
    assume(float(np.prod(limits.upper - limits.lower + 1)) < 60)
    found = value_of_waiting(problem)
    ways = list(every_way(problem))
    assert found.adjust_usd == pytest.approx(min(usd for _, usd in ways), rel=1e-6, abs=1e-6)
    waits = [usd for counts, usd in ways if np.array_equal(counts, limits.lower)]
    if limits.allow(limits.lower):
        assert found.wait_usd == pytest.approx(min(waits), rel=1e-6, abs=1e-6)
    slack = 1e-6 * (1 + abs(found.adjust_usd))
    assert found.adjust_usd <= min(found.wait_usd, found.keep_usd) + slack


def every_way(problem: Problem) -> Iterator[tuple[Floats, float]]:
    """Counts now, and the expected cost of three months with the best counts after the first."""
    limits = count_limits(problem)
    ranges = [range(int(a), int(b) + 1) for a, b in zip(limits.lower, limits.upper, strict=True)]
    points = [np.array(counts, dtype=np.float64) for counts in itertools.product(*ranges)]
    points = [counts for counts in points if limits.allow(counts)]
    columns = [problem.base[b] for _, b in problem.base_columns()]
    fee = np.array([float(o.fee_usd) for o in columns])
    setup = np.array([float(o.setup_due_usd) for o in columns])
    alone = [Recourse(one_scenario(problem, s)) for s in range(2)]
    recourse = [[one.evaluate(counts).value_usd for counts in points] for one in alone]
    for place, now in enumerate(points):
        usd = float((fee + setup) @ now)
        for s, chance in enumerate(problem.probability):
            later = min(
                2 * (float(fee @ then) + recourse[s][index]) + 2 / 3 * float(setup @ np.maximum(then - now, 0))
                for index, then in enumerate(points)
            )
            usd += chance * (recourse[s][place] + later)
        yield now, usd


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"max_usd_month": Decimal(5)}, "max_usd_month"),
        ({"survive_base_losses": 1}, "survive_base_losses"),
        ({"aim": Aim.CVAR}, "aim cvar"),
        ({"tenure_months": 1}, "a tenure of one month"),
    ],
)
def test_what_waiting_does_not_go_with_is_named(change: dict, what: str) -> None:
    problem = replace(two_futures(), policy=replace(two_futures().policy, **change))
    with pytest.raises(InputError, match=what):
        value_of_waiting(problem)


@pytest.mark.parametrize(
    ("scenarios", "months", "what"), [(61, "1", "61 scenarios, more than 60"), (2, "1.5", "month")]
)
def test_too_many_futures_and_more_than_a_month_are_refused(scenarios: int, months: str, what: str) -> None:
    many = kept_scenarios(two_futures(), [0] * scenarios, [1 / scenarios] * scenarios)
    with pytest.raises(InputError, match=f"--wait: does not go with .*{what}"):
        value_of_waiting(replace(many, months=Decimal(months)))
