"""The real daemon killed with SIGKILL again and again in a day, and what its clouds' own books say of it.

A day is 24 ticks of `baseload autoscale run` against AWS, OVHcloud and Hetzner Cloud: the floor, a rise to both caps in
one tick over three clouds, one of which answers nothing to what it did, a spot node that is taken back, and a fall to
one node. After each death the next daemon waits for the lease and goes on.
"""

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from autoscaler.fleet import Controls
from tests.rented.standing import MAX_NODES, Forge, StandingWorld, forging, standing_world
from tests.rented.world import MODEL, warn

QUIET, BUSY = 0.6, 6.0
"""Nodes of work: one node, and more than both caps allow."""
STEPS_OF_A_LIFE = 8
"""Writes and calls a daemon is let live for, in the days of many lives."""
STEPS_OF_A_START = 13
"""Of a first tick that orders a node, the lease and the status included."""


@pytest.fixture(scope="module")
def forge() -> Iterator[Forge]:
    with forging() as forge:
        yield forge


@pytest.fixture(scope="module")
def plan(forge: Forge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    with standing_world(folder, forge):
        return folder / "plan.json"


@pytest.fixture
def world(forge: Forge, plan: Path, tmp_path: Path) -> Iterator[StandingWorld]:
    with standing_world(tmp_path, forge, plan=plan) as world:
        yield world


def a_day_of(world: StandingWorld) -> None:
    """The floor, a rise to the caps with one answer lost, a spot node taken back, and the fall to one node."""
    world.work = QUIET
    world.start()
    world.until(lambda: len(world.nodes.served) == 1, "no first node")
    world.work = BUSY
    world.clouds.ovh.broken["POST", "/instance"] = "timeout after"
    world.tick()
    world.clouds.ovh.broken.clear()
    world.until(lambda: len(world.nodes.served) == MAX_NODES, "no more nodes on a rise")
    (spot,) = [one for one in world.running() if one.is_spot]
    warn(world.clouds, world.queue_url, spot.id)
    world.tick()
    if spot.id in [one.id for one in world.running()]:
        world.clouds.take_back(spot.id)
    world.until(lambda: len(world.nodes.served) == MAX_NODES, "a node that was taken back is not replaced")
    world.work = QUIET
    world.ask(Controls(max_nodes={MODEL: 1}))
    world.until(lambda: not any(one.is_spot for one in world.running()), "a ceiling of 1 leaves a spot node")
    world.skip_to_ends()
    world.until(lambda: len(world.running()) == 1, "a ceiling of 1 leaves more")
    world.until(world.is_calm, "the journal does not know what the clouds have")
    world.end()
    assert world.was_over == []
    made = world.node_ids()
    assert set(made.values()) == {1}, f"bought twice: {made}"
    assert set(made) <= world.intended()
    assert world.nodes.problems == []


def test_the_day_without_a_death_does_everything_once(world: StandingWorld) -> None:
    a_day_of(world)
    assert world.killed_at == []
    assert len(world.node_ids()) == MAX_NODES + 1  # and one more for the spot node that was taken back
    kinds = {step.partition("/")[0].strip() for step in world.steps}
    assert kinds == {
        "about to commit",
        "committed",
        "POST",
        "DELETE",
        "aws RunInstances",
        "aws TerminateInstances",
        "wrote targets.json",
        "wrote endpoints.json",
    }


@pytest.mark.parametrize("first", range(0, STEPS_OF_A_LIFE, 4))
def test_a_day_of_short_lives_buys_nothing_twice_and_leaves_nothing(world: StandingWorld, first: int) -> None:
    """The first daemon is killed at its step `first`, each that follows eight steps after its start."""
    world.lives = chain([first], repeat(STEPS_OF_A_LIFE))
    a_day_of(world)
    assert len(world.killed_at) > 5


def test_daemons_that_die_one_step_later_each_time_get_through_the_day(world: StandingWorld) -> None:
    world.counts_all = True
    world.lives = iter(range(STEPS_OF_A_START + 3))
    a_day_of(world)
    assert len(world.killed_at) >= STEPS_OF_A_START
