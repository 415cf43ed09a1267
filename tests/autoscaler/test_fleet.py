"""The one table of node states and legal moves."""

from itertools import product

import pytest

from autoscaler.fleet import COMING, ENDING, MOVES, IllegalMove, NodeState, moved
from tests.autoscaler.fleets import NOW, a_node, ago

LEGAL = [(state, following) for state, known in MOVES.items() for following in sorted(known)]
ILLEGAL = [(a, b) for a, b in product(NodeState, NodeState) if a is not b and b not in MOVES[a]]


def test_every_state_stands_in_the_table():
    assert set(MOVES) == set(NodeState)
    assert [state.value for state in NodeState] == [
        "planned",
        "launching",
        "booting",
        "loading",
        "ready",
        "draining",
        "terminating",
        "gone",
        "failed",
    ]


@pytest.mark.parametrize(("state", "following"), LEGAL)
def test_a_move_of_the_table_is_made_and_dated(state: NodeState, following: NodeState):
    node = moved(a_node(state=state, since=ago(60)), following, NOW)
    assert (node.state, node.since) == (following, NOW)


@pytest.mark.parametrize(("state", "following"), ILLEGAL)
def test_a_move_that_is_not_in_the_table_raises(state: NodeState, following: NodeState):
    with pytest.raises(IllegalMove, match=f"n1 is {state.value}, which does not lead to {following.value}"):
        moved(a_node(state=state), following, NOW)


@pytest.mark.parametrize("state", NodeState)
def test_a_node_already_there_stays_as_it_is(state: NodeState):
    node = a_node(state=state, since=ago(60))
    assert moved(node, state, NOW) is node


def test_what_is_gone_stays_gone_and_what_ends_never_serves_again():
    assert MOVES[NodeState.GONE] == frozenset()
    assert all(MOVES[state] <= ENDING for state in ENDING)
    assert not COMING & ENDING


def test_a_node_that_never_served_is_not_drained():
    assert not any(NodeState.DRAINING in MOVES[state] for state in COMING)
