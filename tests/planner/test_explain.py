"""Why a plan: what options not chosen would have to cost, other base counts, switching points, marginal prices."""

import importlib.util
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from planner.case import Case, load_case, load_fleet, solve_case
from planner.catalog.select import without
from planner.explain import alternatives, explain
from planner.explain.alternatives import find_alternatives
from planner.explain.effort import Meter
from planner.explain.price import cheaper, nodes_used, options
from planner.explain.rejected import chosen_keys, reject_unchosen
from planner.explain.switching import find_switching, scaled
from planner.explain.threshold import Known, in_fractions, in_whole_nodes
from planner.optimize.assemble import Origin, count_money
from planner.optimize.decompose import solve_relaxed
from planner.optimize.limits import count_limits
from planner.optimize.prepare import Prepared
from planner.optimize.problem import Problem
from planner.optimize.recourse import Recourse
from planner.optimize.solve import Solved, solve
from planner.optimize.whole import WholeNodes
from planner.plan import Rejected
from policies.planning import PlanningPolicy

HERE = Path(__file__).parent
FORECAST = HERE.parents[1] / "examples" / "forecasts" / "servegen_m_large_x0.01.csv"
ORIGIN = Origin(catalog="c", forecast="f", policy="p", price_basis="USD", version="0")
MUCH = 1e9


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


made = load(HERE / "optimize" / "instances.py")


def solved(problem: Problem) -> Solved:
    return solve(Prepared(problem=problem, rejected=(), remarks=()), ORIGIN)


def silent(what: str, share: float) -> None:
    assert what
    assert 0 <= share <= 1


def rejected(problem: Problem) -> dict[str, Rejected]:
    return {one.offer: one for one in reject_unchosen(solved(problem), Meter(MUCH), silent)}


# What it would have to cost.


def test_a_base_fee_of_10_against_7_hours_of_burst_at_1_would_have_to_be_3_less() -> None:
    problem = made.a_problem([[100.0] * 7], base=(made.a_base(fee_usd="10"),), burst=(made.a_burst(),))
    one = rejected(problem)["base0"]
    assert one.cheaper_by_usd == pytest.approx(Decimal(3), abs=Decimal("0.00001"))
    assert one.reason.startswith("would have to cost USD 3.0")
    assert "per node and month to be chosen" in one.reason
    assert one.reason.endswith(Known.PROVEN)


def test_burst_at_1_against_a_base_of_8_for_10_hours_would_have_to_be_20_cents_less_in_every_hour() -> None:
    """No hour is left to burst beside the base node: only in its place, over all 10 hours, does burst pay."""
    problem = made.a_problem([[100.0] * 10], base=(made.a_base(fee_usd="8"),), burst=(made.a_burst(),))
    one = rejected(problem)["burst0"]
    assert one.cheaper_by_usd == pytest.approx(Decimal("0.2"), abs=Decimal("0.00001"))
    assert "per node-hour" in one.reason


def test_interruptions_cost_in_proportion_so_a_lower_price_counts_more() -> None:
    """1.00 + 0.25 of interruptions against 1.00: a price of 0.80 has interruptions of 0.20."""
    spot = made.a_burst("spot", price_usd_hour="1", interruption_usd_hour="0.25")
    problem = made.a_problem([[100.0]], burst=(made.a_burst(), spot))
    assert rejected(problem)["spot"].cheaper_by_usd == pytest.approx(Decimal("0.2"), abs=Decimal("0.00001"))


def test_a_larger_burst_node_is_compared_in_the_hour_that_fills_it_best() -> None:
    """250 tok/s: one large node of 150 and a small one, or three small ones for 3.00; large pays below 2.00."""
    large = made.a_burst("large", price_usd_hour="1.8")
    problem = made.a_problem([[100.0, 250.0]], burst=(made.a_burst(), large), node_tok_s={"large": 150.0})
    assert "large" not in rejected(problem)
    dear = made.a_problem(
        [[100.0, 250.0]],
        burst=(made.a_burst(), made.a_burst("large", price_usd_hour="2.1")),
        node_tok_s={"large": 150.0},
    )
    assert rejected(dear)["large"].cheaper_by_usd == pytest.approx(Decimal("0.1"), abs=Decimal("0.00001"))


def test_figures_of_the_relaxation_say_so_and_are_confirmed_by_solving_it_again() -> None:
    problem = made.a_problem([[100.0] * 7], base=(made.a_base(fee_usd="10"),), burst=(made.a_burst(),))
    plan = solved(problem)
    found = in_fractions(plan, options(problem)[0], Meter(MUCH))
    assert found.known is Known.RELAXED
    assert found.cut_usd == pytest.approx(3.0, rel=1e-6)
    assert in_fractions(plan, options(problem)[0], Meter(0)).known is Known.DUAL


def test_the_relaxation_finds_by_bisection_what_its_dual_does_not_tell() -> None:
    """Beside the base no hour has a marginal price, so the dual of burst is its whole price; 20 cents are enough."""
    problem = made.a_problem([[100.0] * 10], base=(made.a_base(fee_usd="8"),), burst=(made.a_burst(),))
    found = in_fractions(solved(problem), options(problem)[1], Meter(MUCH))
    assert found.known is Known.RELAXED
    assert found.cut_usd == pytest.approx(0.2, rel=0.02)


def test_without_room_to_search_whole_nodes_nothing_is_called_proven() -> None:
    problem = made.a_problem([[100.0] * 7], base=(made.a_base(fee_usd="10"),), burst=(made.a_burst(),))
    plan = solved(problem)
    found = in_whole_nodes(plan, options(problem)[0], Meter(2000))
    assert found is None or found.known is Known.EXAMINED


def test_what_a_limit_rules_out_is_not_called_too_dear() -> None:
    no_spot = PlanningPolicy(target_utilization=1.0, max_spot_share=0.0)
    spot = made.a_burst("spot", price_usd_hour="0.1", is_spot=True)
    gone = made.a_burst("gone", price_usd_hour="0.1", max_count=0)
    found = rejected(made.a_problem([[100.0]], burst=(made.a_burst(), spot, gone), policy=no_spot))
    assert found["spot"] == Rejected(offer="spot", reason="max_spot_share of the policy is 0: no spot")
    assert found["gone"] == Rejected(offer="gone", reason="max_count is 0")


def test_a_full_group_is_named() -> None:
    small = made.a_base("small", fee_usd="2", count_group="account")
    large = made.a_base("large", fee_usd="2.5", count_group="account")
    problem = made.a_problem(
        [[200.0] * 10],
        base=(small, large),
        burst=(made.a_burst(),),
        node_tok_s={"large": 200.0},
        group_max={"account": 1},
    )
    assert "account is full with 1 of 1" in rejected(problem)["small"].reason


# Other base counts.


def test_alternatives_are_whole_node_billed_sorted_and_within_3_percent() -> None:
    """2 base nodes at 10 for 20 hours at 200 tok/s: 20.00. With one, 20 burst hours at 0.52: 20.40. With none 20.80."""
    problem = made.a_problem([[200.0] * 20], base=(made.a_base(),), burst=(made.a_burst(price_usd_hour="0.52"),))
    plan = solved(problem)
    assert dict(plan.plan.base) == {"base0": 2}
    found = find_alternatives(plan, Meter(MUCH), silent).alternatives
    # The lease of burst begins one lead time early; 0.52 a node-hour by the second.
    assert dict(found[0].base) == {"base0": 1}
    for one in found:
        assert one.total_usd <= plan.plan.total_usd * (1 + alternatives.WITHIN)
        assert one.dearer_by_usd == one.total_usd - plan.plan.total_usd
        counts = np.array([float(one.base.get("base0", 0))])
        assert count_money(problem, WholeNodes(problem).dispatch(counts)).total_usd == one.total_usd


def test_the_plan_itself_is_no_alternative_and_far_counts_are_none() -> None:
    problem = made.a_problem([[100.0] * 20], base=(made.a_base(),), burst=(made.a_burst(price_usd_hour="2"),))
    assert find_alternatives(solved(problem), Meter(MUCH), silent).alternatives == ()


# Where base counts change.


def test_a_node_for_every_100_tok_s_switches_at_1_and_2_and_3_times_the_demand() -> None:
    """Fee 5 for 10 hours at 100 tok/s: the n-th node pays once it serves half of its hours, at n - 1/2 times 100."""
    problem = made.a_problem([[100.0] * 10], base=(made.a_base(fee_usd="5"),), burst=(made.a_burst(),))
    points = find_switching(solved(problem), Meter(MUCH), silent).points
    assert [(p.count_below, p.count_above) for p in points] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert [p.factor for p in points] == pytest.approx([0.5, 1.5, 2.5, 3.5], rel=0.025)


def test_an_option_never_rented_at_any_demand_has_no_switching_point() -> None:
    problem = made.a_problem(
        [[100.0] * 10], base=(made.a_base(fee_usd="5"), made.a_base("dear", fee_usd="9")), burst=(made.a_burst(),)
    )
    assert {p.offer for p in find_switching(solved(problem), Meter(MUCH), silent).points} == {"base0"}


def test_little_room_makes_the_grid_coarse_and_the_remark_says_so() -> None:
    problem = made.a_problem([[100.0] * 10], base=(made.a_base(fee_usd="5"),), burst=(made.a_burst(),))
    fine, coarse = (find_switching(solved(problem), Meter(left), silent) for left in (MUCH, 0.0))
    assert "to 2 % of the factor" in fine.remarks[0]
    assert "to 100 % of the factor" in coarse.remarks[0]
    assert len(coarse.points) == 3


def test_scaled_demand_scales_work_and_penalty() -> None:
    problem = made.a_problem([[100.0]], base=(made.a_base(),))
    twice = scaled(problem, 2.0)
    assert twice.base_work[0, 0, 0] == 2.0
    assert twice.unserved_usd[0, 0] == 2 * problem.unserved_usd[0, 0]


# The shipped forecast.


@pytest.fixture(scope="module")
def shipped() -> tuple[Case, Solved]:
    fleet, _ = load_fleet(None)
    case = load_case(forecast=FORECAST, fleet=fleet)
    return case, solve_case(case)


def test_the_marginal_price_of_a_token_is_what_a_little_more_demand_costs(shipped: tuple[Case, Solved]) -> None:
    """One hour's demand grows by a millionth, base counts stay: the relaxed cost grows by the marginal price."""
    _, plan = shipped
    problem, counts = plan.problem, plan.walk.best.counts
    before = Recourse(problem).evaluate(counts).value_usd
    busy = [h for h, hour in enumerate(plan.plan.hours_detail) if (hour.marginal_usd_mtok or 0) > 0]
    assert len(busy) > 20
    for h in busy[:: len(busy) // 10]:
        factor = np.ones(problem.cells)
        factor[h] += 1e-6
        more = replace(
            problem,
            input_tok_s=problem.input_tok_s * factor,
            output_tok_s=problem.output_tok_s * factor,
            base_work=problem.base_work * factor,
            burst_work=problem.burst_work * factor,
            unserved_usd=problem.unserved_usd * factor,
        )
        dearer = Recourse(more).evaluate(counts).value_usd - before
        further_mtok = float((problem.input_tok_s + problem.output_tok_s)[:, h].sum()) * 1e-6 * 3600 / 1e6
        assert dearer / further_mtok == pytest.approx(plan.plan.hours_detail[h].marginal_usd_mtok, rel=1e-3)


@pytest.fixture(scope="module")
def few() -> Solved:
    """The shipped forecast without the cloud servers that share a limit, which take long to search."""
    fleet, _ = load_fleet(None)
    case = load_case(forecast=FORECAST, fleet=fleet)
    return solve_case(replace(case, catalog=without(case.catalog, ["hetzner-cloud"])))


def test_every_offer_of_the_catalog_is_either_chosen_or_rejected_once(
    shipped: tuple[Case, Solved], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("REJECTED_UNITS", "ALTERNATIVES_UNITS", "SWITCHING_UNITS"):
        monkeypatch.setattr(f"planner.explain.{part}", 300_000)
    case, found = shipped
    plan = explain(case, found)
    names = [one.offer for one in plan.rejected]
    assert len(names) == len(set(names))
    chosen = chosen_keys(found)
    assert not chosen & set(names)
    assert {offer.id for offer in case.catalog} | {one.id for one in case.catalog.left_out} == chosen | set(names)
    assert all(one.reason for one in plan.rejected)
    assert {one.offer for one in plan.switching} >= set(plan.base)
    assert 1 <= len(plan.alternatives) <= 10


@pytest.mark.parametrize("key", ["ovh/c3-64", "ovh/b3-64", "hetzner/ax102"])
def test_at_the_price_said_it_is_chosen_and_at_a_percent_less_off_it_is_not(few: Solved, key: str) -> None:
    found = few
    option = next(one for one in options(found.problem) if one.key == key)
    threshold = in_whole_nodes(found, option, Meter(MUCH))
    assert threshold is not None
    assert threshold.known is Known.PROVEN
    assert threshold.cut_usd is not None
    for ratio, is_chosen in ((1.01, True), (0.99, False)):
        lowered = cheaper(found.problem, option, threshold.cut_usd * ratio)
        assert (nodes_used(lowered, option, solved(lowered).walk.best) > 0) is is_chosen


def test_a_figure_of_the_relaxation_holds_in_the_relaxation(few: Solved) -> None:
    found = few
    option = next(one for one in options(found.problem) if one.key == "hetzner/ax102")
    threshold = in_fractions(found, option, Meter(MUCH))
    assert threshold.known is Known.RELAXED
    assert threshold.cut_usd is not None
    for ratio, is_chosen in ((1.02, True), (0.98, False)):
        lowered = cheaper(found.problem, option, threshold.cut_usd * ratio)
        counts = solve_relaxed(lowered, Recourse(lowered), count_limits(lowered)).counts
        assert bool(counts[0] > 0) is is_chosen
