"""How the margin follows from what went unserved: a chance that is larger while the budget is not spent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.outlook.budget import Budget

DAY_S = 86_400.0


def a_budget(**changed) -> Budget:
    return Budget(**{"max_unserved_ratio": 0.001, "over_s": 28 * DAY_S, **changed})


def served_for(days: int, unserved_ratio: float, budget: Budget | None = None, *, is_start: bool = False) -> Budget:
    budget = budget or a_budget()
    for _ in range(days):
        budget.spend(10.0 * DAY_S, unserved_ratio, DAY_S, is_start=is_start)
    return budget


def test_before_anything_is_known_the_margin_is_as_set():
    assert a_budget().margin() == 1.0


def test_a_budget_spent_exactly_leaves_the_margin_as_it_is():
    assert served_for(10, 0.001).margin() == pytest.approx(1.0)


def test_two_weeks_with_nothing_unserved_count_as_half_spent_with_the_two_it_opened_with():
    assert served_for(14, 0.0, a_budget(over_s=1e6 * DAY_S)).margin() == pytest.approx(
        2.0
    )  # (1 / 0.5) ^ 3 = 8, at most 2


def test_what_is_overspent_widens_the_margin_until_it_is_forgotten():
    budget = served_for(1, 0.01)
    assert 0.5 <= budget.margin() < 0.9
    assert served_for(200, 0.0, budget).margin() > 1


def test_what_nobody_could_have_served_widens_no_margin_but_is_spent():
    assert served_for(1, 0.01, is_start=True).margin() == 1.0
    assert served_for(5, 0.0, served_for(1, 0.01, is_start=True)).margin() == 1.0
    assert served_for(5, 0.0, served_for(1, 0.0)).margin() > 1.1


def test_a_start_that_is_made_up_for_leaves_less_for_the_two_weeks_after_it():
    """A day at 0.7 % takes 7 of 14 days' allowance: what goes unserved then may be 0.05 %."""
    forever_s = 1e6 * DAY_S
    lost = served_for(1, 0.007, a_budget(over_s=forever_s, regains_start=True), is_start=True)
    assert served_for(13, 0.0005, lost).margin() == pytest.approx(1.0, abs=0.15)  # 13 of the 14 days were served
    lost = served_for(1, 0.007, a_budget(over_s=forever_s, regains_start=True), is_start=True)
    assert served_for(13, 0.001, lost).margin() == 0.5
    lost = served_for(1, 0.007, a_budget(over_s=forever_s), is_start=True)
    assert served_for(13, 0.001, lost).margin() == 1.0


def test_a_start_that_cannot_be_made_up_for_leaves_three_tenths():
    budget = served_for(1, 1.0, a_budget(over_s=1e6 * DAY_S, regains_start=True), is_start=True)
    assert served_for(13, 0.0003, budget).margin() == pytest.approx(1.0, abs=0.15)


def test_without_a_loss_at_the_start_it_is_the_same_budget():
    plain, regaining = (served_for(9, 0.0004, a_budget(regains_start=yes)) for yes in (False, True))
    assert plain.margin() == regaining.margin() > 1


@given(ratios=st.lists(st.floats(0, 1), min_size=1, max_size=50), work=st.floats(0, 1e6))
def test_the_factor_stays_within_half_and_twice(ratios, work):
    budget = a_budget()
    for ratio in ratios:
        budget.spend(work * 60, ratio, 60.0, is_start=False)
    assert 0.5 <= budget.margin() <= 2.0
