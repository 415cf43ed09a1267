"""Between counts that cost the same, the plan keeps what is owned."""

from dataclasses import replace

import numpy as np
import pytest

from planner.optimize.assemble import Origin
from planner.optimize.prepare import Prepared
from planner.optimize.solve import solve
from planner.optimize.walk import Effort, LaunchEffort, owned_first
from policies.billing import Billing
from tests.planner.optimize.instances import a_base, a_burst, a_problem

ORIGIN = Origin(catalog="test", forecast="test", policy="test", price_basis="test", version="test")


def counts_of(new_usd: str, owned_usd: str, counts: tuple[float, float], *, setup_usd: str = "0") -> list[float]:
    """(new, owned) of three that are owned, after what is owned was put first."""
    base = (
        a_base("a", fee_usd=new_usd, setup_usd=setup_usd),
        a_base("a#owned", fee_usd=owned_usd, owned_count=3, max_count=3),
    )
    problem = a_problem([[100.0] * 2], base=base, burst=(a_burst(),))
    return owned_first(problem, np.array(counts)).tolist()


@pytest.mark.parametrize(
    ("new_usd", "owned_usd", "counts", "expected"),
    [
        ("10", "10", (2.0, 1.0), [0.0, 3.0]),
        ("10", "10", (5.0, 0.0), [2.0, 3.0]),  # more than are owned
        ("10", "10", (0.0, 2.0), [0.0, 2.0]),
        ("10", "11", (2.0, 1.0), [2.0, 1.0]),  # the owned ones are dearer
        ("10", "9", (2.0, 1.0), [2.0, 1.0]),  # cheaper: another total, which the search has to find
    ],
)
def test_new_servers_give_way_to_owned_ones_that_cost_the_same(
    new_usd: str, owned_usd: str, counts: tuple[float, float], expected: list[float]
) -> None:
    assert counts_of(new_usd, owned_usd, counts) == expected


@pytest.mark.parametrize("launches", [None, LaunchEffort()])
def test_a_plan_cancels_nothing_to_buy_the_same_anew(launches: LaunchEffort | None) -> None:
    """Both orders of the options, for the search takes the first of two that cost the same."""
    options = a_base("a"), a_base("a#owned", owned_count=3, max_count=3)
    for base in (options, options[::-1]):
        problem = a_problem([[250.0] * 6], base=base)
        plan = solve(Prepared(problem=problem, rejected=(), remarks=()), ORIGIN, Effort(launches=launches)).plan
        assert plan.base == {"a#owned": 3}
        changes = plan.owned_changes
        assert (changes.keep, changes.buy, changes.cancel) == ({"a#owned": 3}, {}, {})


def test_a_server_that_only_launches_make_worth_its_fee_is_one_of_those_owned() -> None:
    # By the hour 4 x 1.00 and four launches of 0.70 each are 6.80; any base node is 4.50, and one is owned.
    options = a_base("a", fee_usd="4.5"), a_base("a#owned", fee_usd="4.5", owned_count=1, max_count=1)
    for base in (options, options[::-1]):
        problem = a_problem([[100.0, 0.0] * 4], base=base, burst=(a_burst(price_usd_hour="1"),))
        burst = replace(
            problem.burst[0], offer=replace(problem.burst[0].offer, billing=Billing.SECOND, lead_time_s=2520.0)
        )
        problem = replace(
            problem, burst=(burst,), models=tuple(replace(model, load_time_s=0.0) for model in problem.models)
        )
        plan = solve(Prepared(problem=problem, rejected=(), remarks=()), ORIGIN, Effort(launches=LaunchEffort())).plan
        assert plan.has_launches
        assert plan.base == {"a#owned": 1}
