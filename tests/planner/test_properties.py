"""What must hold of every plan: bounds, brute force, two formulations that agree, and costs that move the right way.

Random problems of every kind, tiny enough to try every whole-node plan. Launch overhead is left out: leases come after.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.errors import InputError
from planner.optimize.assemble import count_money
from planner.optimize.decompose import Relaxed, solve_relaxed
from planner.optimize.limits import count_limits
from planner.optimize.loads import pay_loads
from planner.optimize.model import relaxed_optimum_usd, solve_monolith
from planner.optimize.problem import Floats, Problem
from planner.optimize.recourse import Recourse
from planner.optimize.walk import Effort, Walk, walk
from policies.planning import Sharing
from tests.planner.optimize.brute import brute_force
from tests.planner.optimize.instances import Kind, a_base, a_burst, a_problem, kinds, problems, random_problem

SEEDS = st.integers(0, 2**32)


def tiny(budget: bool | None = None) -> st.SearchStrategy[Kind]:
    """Kinds small enough that each problem below is solved several times over."""
    return kinds(max_hours=2, max_burst=2, peak_nodes=2.0, budget=budget)


def quick(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, derandomize=True)


def close(usd: float) -> object:
    return pytest.approx(usd, rel=1e-6, abs=1e-6)


def at_most(usd: float) -> float:
    """`usd` and the tolerance of a float solver."""
    return usd + 1e-6 * (1 + abs(usd))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The relaxed optimum of a problem and the walk from it."""

    relaxed: Relaxed
    walk: Walk


def solved(problem: Problem) -> Found | None:
    """What the decomposition and the walk find; None where the limits leave no plan."""
    try:
        limits = count_limits(problem)
    except InputError:
        return None
    recourse = Recourse(problem)
    relaxed = solve_relaxed(problem, recourse, limits)
    return Found(relaxed=relaxed, walk=walk(problem, recourse, limits, relaxed, Effort()))


def relaxed_usd(problem: Problem) -> float | None:
    """The optimum with whole base and fractional burst by the decomposition; None where the limits leave no plan."""
    try:
        limits = count_limits(problem)
    except InputError:
        return None
    return solve_relaxed(problem, Recourse(problem), limits).total_usd


def monolith_usd(problem: Problem) -> float | None:
    """The same by the monolith."""
    try:
        return solve_monolith(problem).objective_usd
    except InputError:
        return None


# Two formulations


@pytest.mark.parametrize("survive", [0, 1, 2])
@pytest.mark.parametrize("sharing", list(Sharing))
def test_the_decomposition_equals_the_monolith(sharing: Sharing, survive: int) -> None:
    @quick(18)
    @given(kind=kinds(max_models=3), seed=SEEDS)
    def agrees(kind: Kind, seed: int) -> None:
        problem = random_problem(Random(seed), replace(kind, sharing=sharing, survive=survive))
        expected, found = monolith_usd(problem), relaxed_usd(problem)
        assert (found is None) == (expected is None)
        if expected is not None:
            assert found == close(expected)

    agrees()


EVERYTHING = Kind(
    models=2,
    base=2,
    burst=3,
    scenarios=2,
    survive=1,
    max_pool_share=0.5,
    max_spot_share=0.5,
    max_counts=True,
    groups=True,
    egress=True,
    budget=True,
)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sharing", list(Sharing))
def test_the_decomposition_equals_the_monolith_with_every_limit_at_once(sharing: Sharing, seed: int) -> None:
    problem = random_problem(Random(seed), replace(EVERYTHING, sharing=sharing))
    expected, found = monolith_usd(problem), relaxed_usd(problem)
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found == close(expected)


# Bounds and brute force


@quick(40)
@given(problem=problems(kinds(max_burst=2, peak_nodes=2.0, budget=False)))
def test_no_total_is_below_its_bound_and_no_bound_below_the_relaxed_one(problem: Problem) -> None:
    found = solved(problem)
    assume(found is not None)
    assert found is not None
    assert found.relaxed.bound_usd <= at_most(found.walk.bound_usd)
    assert found.walk.bound_usd <= at_most(found.walk.total_usd)
    # The bill in Decimal, launches and loads paid, is what the walk promised or more.
    money = count_money(problem, pay_loads(problem, found.walk.best).dispatch)
    assert found.walk.total_usd <= at_most(float(money.total_usd))


@quick(60)
@given(problem=problems(tiny(budget=False)))
def test_a_proven_plan_is_the_best_of_all_whole_node_plans(problem: Problem) -> None:
    shared_losses = problem.policy.sharing is Sharing.HOURLY and problem.policy.survive_base_losses > 0
    assume(not shared_losses)  # brute force would need a program for each loss
    best, found = brute_force(problem), solved(problem)
    assert (found is None) == (best is None)
    if best is not None and found is not None:
        assert found.walk.bound_usd <= at_most(best.total_usd)
        assert best.total_usd <= at_most(found.walk.total_usd)
        assert found.walk.is_proven
        assert found.walk.total_usd == close(best.total_usd)


@quick(25)
@given(kind=kinds(max_hours=2, max_burst=2, max_models=1, peak_nodes=2.0, budget=True), seed=SEEDS)
def test_within_a_budget_no_whole_node_plan_is_below_the_bound(kind: Kind, seed: int) -> None:
    kind = replace(kind, egress=False, survive=0 if kind.sharing is Sharing.HOURLY else kind.survive)
    problem = random_problem(Random(seed), kind)
    best, found = brute_force(problem), solved(problem)
    assert (found is None) == (best is None)
    if best is not None and found is not None:
        assert found.walk.bound_usd <= at_most(best.total_usd)
        assert best.total_usd <= at_most(found.walk.total_usd)


def test_an_effort_of_nothing_still_has_a_plan_and_says_what_it_may_have_missed() -> None:
    # Two base nodes for the mean or three for the peak: the relaxed optimum is not where whole nodes are cheapest.
    problem = a_problem([[130.0, 170.0, 250.0]], base=(a_base(fee_usd="2"),), burst=(a_burst(price_usd_hour="1.5"),))
    limits, recourse = count_limits(problem), Recourse(problem)
    relaxed = solve_relaxed(problem, recourse, limits)
    hasty = walk(problem, recourse, limits, relaxed, Effort(dispatched_cells=0, boxes=0))
    patient = walk(problem, recourse, limits, relaxed, Effort())
    assert patient.is_proven
    assert not hasty.is_proven
    assert hasty.bound_usd <= patient.total_usd <= hasty.total_usd


# More demand, dearer, more choice


def never_cheaper(problem: Problem, harder: Problem) -> None:
    """The harder problem costs no less: its bound, and its total where both are proven."""
    before, after = solved(problem), solved(harder)
    if before is None or after is None:
        assert after is None, "the easier problem has no plan, the harder one has"
        return
    assert before.relaxed.total_usd <= at_most(after.relaxed.total_usd)
    if before.walk.is_proven and after.walk.is_proven:
        assert before.walk.total_usd <= at_most(after.walk.total_usd)


@quick(30)
@given(problem=problems(tiny()), seed=SEEDS)
def test_more_demand_never_costs_less(problem: Problem, seed: int) -> None:
    never_cheaper(problem, with_more_demand(problem, np.random.default_rng(seed)))


@quick(30)
@given(problem=problems(tiny()), seed=SEEDS)
def test_a_dearer_price_never_lowers_the_cost(problem: Problem, seed: int) -> None:
    rng = Random(seed)
    if problem.burst and rng.random() < 0.5:
        v = rng.randrange(len(problem.burst))
        pool = problem.burst[v]
        dearer = replace(pool, price_usd_hour=pool.price_usd_hour * Decimal("1.3"))
        harder = replace(problem, burst=(*problem.burst[:v], dearer, *problem.burst[v + 1 :]))
    else:
        b = rng.randrange(len(problem.base))
        node = replace(problem.base[b], fee_usd=problem.base[b].fee_usd * Decimal("1.3"))
        harder = replace(problem, base=(*problem.base[:b], node, *problem.base[b + 1 :]))
    never_cheaper(problem, harder)


@quick(30)
@given(problem=problems(tiny()), seed=SEEDS)
def test_another_offer_never_raises_the_cost(problem: Problem, seed: int) -> None:
    rng = Random(seed)
    if rng.random() < 0.5:
        never_cheaper(problem, without_burst(problem, rng.randrange(len(problem.burst))))
    else:
        b = rng.randrange(len(problem.base))
        free = replace(problem.base[b], min_count=0)  # one that must be rented is no choice
        problem = replace(problem, base=(*problem.base[:b], free, *problem.base[b + 1 :]))
        never_cheaper(problem, without_base(problem, b))


@quick(25)
@given(problem=problems(tiny()), factor=st.integers(2, 4))
def test_demand_and_limits_times_k_multiply_the_relaxed_bound_by_k(problem: Problem, factor: int) -> None:
    """Exactly where base is continuous too; with whole base k times the plan is a plan, so at most k times as dear.

    Shares allow one node more whatever the demand, and losses are counted in nodes: neither scales.
    """
    policy = replace(problem.policy, survive_base_losses=0, max_pool_share=1.0, max_spot_share=1.0)
    problem = replace(problem, policy=policy)
    larger = times(problem, factor)
    once, often = relaxed_usd(problem), relaxed_usd(larger)
    assert (once is None) == (often is None)
    if once is not None and often is not None:
        continuous = relaxed_optimum_usd(problem)
        assert relaxed_optimum_usd(larger) == close(factor * continuous)
        assert factor * continuous <= at_most(often)
        assert often <= at_most(factor * once)


def test_whole_base_makes_k_times_the_demand_cheaper_than_k_times_the_bound() -> None:
    # Half a node asked for: one base node at 10. Twice that is one node still, not 20.
    half = a_problem([[50.0]], base=(a_base(fee_usd="10"),))
    assert relaxed_usd(half) == close(10.0)
    assert relaxed_usd(times(half, 2)) == close(10.0)
    assert relaxed_optimum_usd(half) == close(5.0)


def with_more_demand(problem: Problem, rng: np.random.Generator) -> Problem:
    """Up to twice the demand, hour by hour, and something where nothing was asked for."""
    grow = 1 + rng.random(problem.input_tok_s.shape) * (rng.random(problem.input_tok_s.shape) < 0.6)
    start = np.where(problem.has_demand, 0.0, rng.random(problem.input_tok_s.shape) * 50)
    return with_demand(problem, problem.input_tok_s * grow, problem.output_tok_s * grow + start)


def with_demand(problem: Problem, input_tok_s: Floats, output_tok_s: Floats) -> Problem:
    """The problem asked for this, by the formulas of design section 2."""
    base_work, burst_work = np.full_like(problem.base_work, np.inf), np.full_like(problem.burst_work, np.inf)
    penalty = np.empty_like(problem.unserved_usd)
    for m, model in enumerate(problem.models):
        keys_of = ([o.key for o in problem.base], [o.key for o in problem.burst])
        for work, keys in zip((base_work, burst_work), keys_of, strict=True):
            for index, key in enumerate(keys):
                rates = problem.rates[m].get(key)
                if rates is not None:
                    prefill = input_tok_s[m] * (1 - model.cache_hit_ratio) / rates.prefill_tok_s
                    work[m, index] = prefill + output_tok_s[m] / rates.decode_tok_s
        usd_mtok = problem.policy.unserved_usd_mtok if model.unserved_usd_mtok is None else model.unserved_usd_mtok
        penalty[m] = (input_tok_s[m] + output_tok_s[m]) * 3600 / 1e6 * float(usd_mtok)
    return replace(
        problem,
        input_tok_s=input_tok_s,
        output_tok_s=output_tok_s,
        base_work=base_work,
        burst_work=burst_work,
        unserved_usd=penalty,
    )


def without_burst(problem: Problem, v: int) -> Problem:
    return replace(
        problem,
        burst=(*problem.burst[:v], *problem.burst[v + 1 :]),
        burst_work=np.delete(problem.burst_work, v, axis=1),
        rates=without_rates(problem, problem.burst[v].key),
    )


def without_base(problem: Problem, b: int) -> Problem:
    return replace(
        problem,
        base=(*problem.base[:b], *problem.base[b + 1 :]),
        base_work=np.delete(problem.base_work, b, axis=1),
        rates=without_rates(problem, problem.base[b].key),
    )


def without_rates(problem: Problem, key: str) -> tuple[dict, ...]:
    return tuple({other: rates for other, rates in known.items() if other != key} for known in problem.rates)


def times(problem: Problem, factor: int) -> Problem:
    """`factor` times the demand, and of every limit in nodes or USD."""

    def scaled(count: int | None) -> int | None:
        return None if count is None else count * factor

    budget = problem.policy.max_usd_month
    larger = with_demand(problem, problem.input_tok_s * factor, problem.output_tok_s * factor)
    return replace(
        larger,
        base=tuple(replace(o, min_count=o.min_count * factor, max_count=scaled(o.max_count)) for o in problem.base),
        burst=tuple(replace(o, max_count=scaled(o.max_count)) for o in problem.burst),
        group_max={group: most * factor for group, most in problem.group_max.items()},
        policy=replace(problem.policy, max_usd_month=None if budget is None else budget * factor),
    )


def test_the_helper_of_this_file_asks_by_the_same_formulas_as_the_program() -> None:
    problem = random_problem(Random(4), Kind(models=2, scenarios=2))
    same = with_demand(problem, problem.input_tok_s, problem.output_tok_s)
    for name in ("base_work", "burst_work", "unserved_usd"):
        np.testing.assert_allclose(getattr(same, name), getattr(problem, name))
