"""Commitment: the chain's optimum against every combination and against the integer program; its bound is one."""

from dataclasses import replace
from itertools import product
from random import Random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planner.optimize.commitment.commit import Committed, Effort, commit
from planner.optimize.commitment.configurations import EffortSpentError, Lister
from planner.optimize.commitment.improve import _moves, improved
from planner.optimize.commitment.join import Joined
from planner.optimize.commitment.lattice import lattice_optimum
from planner.optimize.commitment.launch_prices import MANY_OPTIONS, _climbed, allowed
from planner.optimize.commitment.statement import solve_statement
from tests.planner.optimize.chains import a_chain, brute_total_usd, random_chain

CLOSE = 1e-7


def agrees(found: Committed, total_usd: float) -> None:
    assert found.bound_usd <= total_usd + CLOSE
    assert found.total_usd == pytest.approx(total_usd, abs=CLOSE)
    assert found.is_proven


def test_a_node_is_held_where_a_launch_costs_more_than_the_gap() -> None:
    # One node, needed in hours 0, 2 and 5. A launch is 1.50, an hour 1.00: held over one idle hour, not over two.
    found = commit(a_chain([1, 0, 1, 0, 0, 1], price_usd_hour=[1.0], launch_usd=[1.5]))
    assert found.nodes[:, 0].tolist() == [1, 1, 1, 0, 0, 1]
    assert found.total_usd == pytest.approx(4 * 1.0 + 2 * 1.5)
    assert found.is_proven


def test_the_hours_own_cheapest_node_loses_to_one_that_is_on_already() -> None:
    # Small: 1.00 for one unit. Large: 1.90 for two. The middle hour alone would take the small one for 0.90 less; but
    # then the small one is launched for 0.90 and the large one twice, 0.95 more.
    chain = a_chain([2, 1, 2], price_usd_hour=[1.0, 1.9], launch_usd=[0.9, 0.95], size=[1.0, 2.0])
    found = commit(chain)
    assert found.nodes.tolist() == [[0, 1], [0, 1], [0, 1]]
    assert found.total_usd == pytest.approx(3 * 1.9 + 0.95)


def test_demand_cheaper_left_unserved_is_left() -> None:
    # A node for the hour costs 1.00 and its launch 0.50; unserved the hour costs 1.40.
    found = commit(a_chain([1], price_usd_hour=[1.0], launch_usd=[0.5], penalty_usd=1.4))
    assert found.nodes.tolist() == [[0]]
    assert found.total_usd == pytest.approx(1.4)


def test_options_of_a_group_share_what_is_left_of_it() -> None:
    # Two nodes are needed, the cheap options of the group may have one together.
    chain = a_chain(
        [2, 2],
        price_usd_hour=[1.0, 1.1, 3.0],
        launch_usd=[0.1, 0.1, 0.1],
        in_group=[True, True, False],
        group_left=1,
    )
    assert commit(chain).nodes.tolist() == [[1, 0, 1], [1, 0, 1]]


@settings(max_examples=40)
@given(seed=st.integers(0, 100_000), egress=st.booleans(), reserve=st.booleans(), limits=st.booleans())
def test_with_cheap_launches_it_is_the_least_of_all_combinations(
    seed: int, egress: bool, reserve: bool, limits: bool
) -> None:
    chain = random_chain(Random(seed), egress=egress, reserve=reserve, limits=limits)
    agrees(commit(chain), brute_total_usd(chain))


@settings(max_examples=40)
@given(seed=st.integers(0, 100_000), reserve=st.booleans(), limits=st.booleans())
def test_with_launches_dearer_than_an_hour_it_is_the_least_of_all_combinations(
    seed: int, reserve: bool, limits: bool
) -> None:
    chain = random_chain(Random(seed), hours=6, most_launch=3.0, reserve=reserve, limits=limits)
    least = brute_total_usd(chain)
    agrees(commit(chain), least)
    agrees(commit(chain, Effort(lattice_points=0)), least)


@pytest.mark.parametrize("launch_usd", [0.3, 1.5, 4.0])
def test_lists_and_lattice_agree_on_two_days(launch_usd: float) -> None:
    # Two types, one of 1 and one of 2.5 units; demand of 0 to 5 units in no order.
    chain = a_chain(
        [(7 * h * h + 3 * h) % 11 / 2 for h in range(48)],
        price_usd_hour=[1.0, 2.3],
        launch_usd=[launch_usd, 2.3 * launch_usd],
        size=[1.0, 2.5],
    )
    by_lists = commit(chain, Effort(lattice_points=0))
    total = chain.total_usd(lattice_optimum(chain))
    assert by_lists.bound_usd <= total + CLOSE
    assert total <= by_lists.total_usd + CLOSE
    if launch_usd < 1:
        assert by_lists.is_proven


@settings(max_examples=40)
@given(seed=st.integers(0, 100_000))
def test_three_options_and_more_hours(seed: int) -> None:
    chain = random_chain(Random(seed), options=3, hours=12, peak=3.0)
    agrees(commit(chain), brute_total_usd(chain))


@pytest.mark.parametrize("most_launch", [1.0, 2.5])
@pytest.mark.parametrize("seed", range(4))
def test_the_integer_program_finds_the_same(seed: int, most_launch: float) -> None:
    chain = random_chain(
        Random(seed), options=3, hours=8, most_launch=most_launch, egress=seed == 1, reserve=seed == 2, limits=seed == 3
    )
    program = solve_statement(chain)
    assert program.status == "optimal"
    agrees(commit(chain), program.total_usd)


@settings(max_examples=40)
@given(seed=st.integers(0, 100_000), most=st.integers(1, 4))
def test_with_too_short_lists_the_bound_is_still_one(seed: int, most: int) -> None:
    chain = random_chain(Random(seed), options=3, hours=6, most_launch=2.0)
    found = commit(chain, Effort(price_rounds=1, join_rounds=1, most_per_hour=most, lattice_points=0))
    least = brute_total_usd(chain)
    assert found.bound_usd <= least + CLOSE
    assert found.total_usd >= least - CLOSE
    assert found.total_usd == pytest.approx(chain.total_usd(found.nodes))


def test_a_node_that_saves_more_egress_than_it_costs_is_not_to_spare() -> None:
    # The large node serves all for 1.00 and 4.00 of egress; the small one, of which there is one, half without: 0.30.
    chain = a_chain([1.0], price_usd_hour=[1.0, 0.3], launch_usd=[0.1, 0.1], size=[10.0, 0.5], max_count=[np.inf, 1.0])
    found = commit(replace(chain, egress_usd=np.array([[4.0], [0.0]])))
    assert found.nodes.tolist() == [[1, 1]]
    assert found.total_usd == pytest.approx(1.0 + 0.3 + 2.0 + 0.2)


@pytest.mark.parametrize(
    ("small_usd", "large_usd", "size", "need", "egress_usd"),
    [(1.07, 0.96, 0.93, (1.91, 0.99), 0.95), (0.8913, 1.1529, 0.92, (1.9, 0.98), 0.508)],
)
def test_a_node_that_is_on_is_held_for_the_egress_it_saves(
    small_usd: float, large_usd: float, size: float, need: tuple[float, float], egress_usd: float
) -> None:
    # Both are on in the hours of much. In the one between, the large one alone serves all: but the small one would be
    # launched again, and saves most of the egress.
    asked = [need[0], need[1], need[0]]
    chain = a_chain(
        asked, price_usd_hour=[small_usd, large_usd], launch_usd=[small_usd / 2, large_usd], size=[size, 1.0]
    )
    chain = replace(chain, egress_usd=egress_usd * np.array([[0.0] * 3, asked]))
    found = commit(chain)
    agrees(found, brute_total_usd(chain))
    assert found.nodes.tolist() == [[1, 1]] * 3


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2_000), most=st.integers(1, 3), egress=st.booleans())
@example(seed=512, most=1, egress=True)
@example(seed=14, most=2, egress=True)
def test_what_a_list_leaves_out_is_no_cheaper_than_it_says(seed: int, most: int, egress: bool) -> None:
    chain = random_chain(Random(seed), options=3, hours=2, peak=5.0, egress=egress)
    prices = np.repeat(chain.price_usd_hour[:, None], chain.hours, axis=1)
    listed = Lister(chain, most_per_hour=most).near_least(prices, np.full(chain.hours, 3.0))
    assert np.bincount(listed.hour).max() <= most
    known = {(hour, *nodes) for hour, nodes in zip(listed.hour.tolist(), listed.nodes.tolist(), strict=True)}
    every = list(product(*(range(int(count) + 1) for count in chain.most)))
    for hour in range(chain.hours):
        usd = dict(zip(every, chain.cost_usd(np.array(every), np.full(len(every), hour)).tolist(), strict=True))
        for nodes in every:
            if (hour, *nodes) not in known and not ends_for_nothing(usd, nodes, chain.launch_usd.tolist()):
                assert listed.dropped_usd[hour] <= usd[nodes] + CLOSE


def ends_for_nothing(usd: dict[tuple[int, ...], float], nodes: tuple[int, ...], launch_usd: list[float]) -> bool:
    """Whether ending a node for the hour saves the launch that it may cost."""
    fewer = [(*nodes[:v], count - 1, *nodes[v + 1 :]) for v, count in enumerate(nodes)]
    ends = zip(fewer, launch_usd, strict=True)
    return any(usd[nodes] - usd[one] >= launch - CLOSE for one, launch in ends if min(one) >= 0)


def test_no_options_leave_everything_unserved() -> None:
    chain = a_chain([1, 2], price_usd_hour=[], launch_usd=[], penalty_usd=2.0)
    found = commit(chain)
    assert found.nodes.shape == (2, 0)
    assert found.total_usd == pytest.approx(2.0 + 4.0)
    assert np.isclose(found.bound_usd, 6.0)


# --- many options, and nodes that are made better by their neighbours


@pytest.mark.parametrize("seed", range(6))
def test_with_many_options_the_bound_is_one_and_the_nodes_are_what_the_integer_program_finds(seed: int) -> None:
    chain = random_chain(Random(seed), options=MANY_OPTIONS + 1, hours=4, peak=6.0)
    found, program = commit(chain), solve_statement(chain)
    assert found.bound_usd <= program.total_usd * (1 + 1e-9)
    assert found.total_usd == pytest.approx(program.total_usd, rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_climbed_prices_are_allowed_and_prove_a_bound(seed: int) -> None:
    chain = random_chain(Random(seed), options=MANY_OPTIONS, hours=4, peak=6.0)
    climbed = _climbed(Lister(chain, most_per_hour=400), allowed(chain, np.zeros((5, MANY_OPTIONS))))
    assert (climbed.launch_usd >= 0).all()
    assert (climbed.launch_usd <= chain.launch_usd).all()
    assert climbed.bound_usd <= solve_statement(chain).total_usd + 1e-6


def test_a_node_for_one_hour_is_swapped_for_those_that_are_on_beside_it() -> None:
    chain = a_chain([2.0, 2.0, 2.0], price_usd_hour=[1.0, 2.1], launch_usd=[0.5, 1.0], size=[1.0, 2.0])
    started = np.array([[2, 0], [0, 1], [2, 0]])
    assert chain.total_usd(started) == pytest.approx(6.1 + 3.0)  # 2 launches, another, and 2 again
    none = np.zeros((4, 2))
    before = Joined(nodes=started, total_usd=9.1, bound_usd=5.0, needed_usd=np.zeros(3))
    found = improved(Lister(chain, most_per_hour=400), before, allowed(chain, none), most_rounds=5)
    assert found.nodes.tolist() == [[2, 0]] * 3
    assert (found.total_usd, found.bound_usd) == (pytest.approx(7.0), 5.0)


def test_two_small_nodes_are_swapped_for_one_large_and_one_large_for_two_small() -> None:
    # A small node is 0.95 an hour for one unit, a large one 2.00 for two; a launch is 0.50, or nothing.
    for launch_usd, started, better, total_usd in (
        (0.5, [2, 0], [0, 1], 2.5),  # 2.90 with two small ones
        (0.0, [0, 1], [2, 0], 1.9),  # 2.00 with the large one
    ):
        chain = a_chain([2.0], price_usd_hour=[0.95, 2.0], launch_usd=[launch_usd] * 2, size=[1.0, 2.0])
        nodes = np.array([started])
        before = Joined(nodes=nodes, total_usd=chain.total_usd(nodes), bound_usd=1.0, needed_usd=np.zeros(1))
        found = improved(Lister(chain, most_per_hour=400), before, allowed(chain, np.zeros((2, 2))), most_rounds=5)
        assert found.nodes.tolist() == [better]
        assert found.total_usd == pytest.approx(total_usd)


def test_moves_swap_two_for_one_of_about_their_size_only() -> None:
    # Of sizes 1, 2 and 5: 1 + 1 is 2, 2 + 2 is 5 but for one unit, 1 + 2 misses 5 by two.
    moves = set(map(tuple, _moves(np.array([1.0, 2.0, 5.0]), most_exchanges=9).tolist()))
    assert {(2, -1, 0), (-2, 1, 0), (0, 2, -1), (0, -2, 1)} <= moves
    assert not {(1, 1, -1), (2, 0, -1)} & moves
    assert {(1, 0, 0), (0, 0, -1), (1, 0, -1)} <= moves
    # Where there is room for one swap of three it is the nearest in size.
    few = set(map(tuple, _moves(np.array([1.0, 2.0, 5.0]), most_exchanges=1).tolist()))
    assert moves - few == {(0, 2, -1), (0, -2, 1)}
    # An option that serves nowhere is in none.
    assert (np.abs(_moves(np.array([0.0, 1.0, 2.0]), most_exchanges=9)[:, 0]) <= 1).all()


@pytest.mark.parametrize("seed", range(20))
def test_what_is_improved_is_never_dearer_and_keeps_every_limit(seed: int) -> None:
    rng = Random(seed)
    chain = random_chain(rng, options=3, hours=5, limits=True)
    most = np.minimum(chain.most, 1)
    nodes = np.array([[rng.randint(0, int(most[v])) for v in range(3)] for _ in range(5)])
    nodes[nodes[:, chain.in_group].sum(axis=1) > chain.group_left] = 0  # hour by hour
    before = Joined(nodes=nodes, total_usd=chain.total_usd(nodes), bound_usd=0.0, needed_usd=np.zeros(5))
    found = improved(Lister(chain, most_per_hour=400), before, allowed(chain, np.zeros((6, 3))), most_rounds=3)
    assert found.total_usd <= before.total_usd
    assert found.total_usd == pytest.approx(chain.total_usd(found.nodes))
    assert (found.nodes <= chain.max_count).all()
    assert (found.nodes[:, chain.in_group].sum(axis=1) <= chain.group_left).all()


@pytest.mark.parametrize("most_work", [300.0, 1_000.0, 3_000.0, 10_000.0])
def test_within_an_effort_what_is_found_costs_what_it_says_and_the_bound_holds(most_work: float) -> None:
    chain = random_chain(Random(5), options=3, hours=12, peak=3.0)
    least = brute_total_usd(chain)
    try:
        found = commit(chain, Effort(most_work=most_work))
    except EffortSpentError:
        assert most_work < 3_000
        return
    assert found.bound_usd <= least + CLOSE
    assert found.total_usd >= least - CLOSE
    assert found.total_usd == pytest.approx(chain.total_usd(found.nodes))


def test_an_effort_is_spent_on_what_is_looked_at() -> None:
    # One type, three hours that need two nodes: two are looked at in each, for a good cost first and then within it.
    chain = a_chain([2, 2, 2], price_usd_hour=[1.0], launch_usd=[0.5])
    lister = Lister(chain, most_per_hour=400, most_work=10)
    lister.near_least(np.ones((1, 3)), np.full(3, 9.0))
    assert lister.is_half_spent
    with pytest.raises(EffortSpentError):
        lister.near_least(np.ones((1, 3)), np.full(3, 9.0))
