"""The real daemon killed with SIGKILL again and again in a day, and what its clouds' own books say of it.

The day is `tests.rented.killed_day`'s, over SQLite, PostgreSQL and a real cluster. After each death the next daemon
waits for the lease and goes on. `make soak-kills` walks through every step of it.
"""

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from planner.store import tables
from tests import postgres
from tests.rented.in_cluster import in_cluster
from tests.rented.killed_day import NIGHT, NIGHT_USD, a_day_of, a_months_end_of
from tests.rented.standing import MAX_NODES, Forge, StandingWorld, forging, standing_world

STEPS_OF_A_LIFE = 8
"""Writes and calls a daemon is let live for, in the days of many lives."""
STEPS_NEAR_A_CAP = 20
"""The same where nodes by the second run towards a cap: what is held back for them is enough for one death."""
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
def database() -> Iterator[str]:
    """On a PostgreSQL server of its own."""
    with postgres.running() as server:
        yield postgres.new_database(server.url)


@pytest.fixture
def world(forge: Forge, plan: Path, tmp_path: Path) -> Iterator[StandingWorld]:
    with standing_world(tmp_path, forge, plan=plan) as world:
        yield world


def steps_of(world: StandingWorld) -> set[str]:
    return {" ".join(one.split("/")[0].split()[:2]) for one in world.steps}


def of_short_lives(world: StandingWorld, first: int, *, steps: int = STEPS_OF_A_LIFE) -> StandingWorld:
    """The first daemon is killed at its step `first`, each that follows so many steps after its start."""
    world.lives = chain([first], repeat(steps))
    return world


def test_the_day_without_a_death_does_everything_once(world: StandingWorld) -> None:
    a_day_of(world)
    assert world.killed_at == []
    assert len(world.books.node_ids()) == MAX_NODES + 2  # one more for the node that was taken back, and the orphan
    assert steps_of(world) == {
        "about to",
        "committed",
        "POST",
        "DELETE",
        "aws RunInstances",
        "aws TerminateInstances",
        "wrote targets.json",
        "wrote endpoints.json",
    }


def test_a_day_of_short_lives_buys_nothing_twice_and_leaves_nothing(world: StandingWorld) -> None:
    a_day_of(of_short_lives(world, 0))
    assert len(world.killed_at) > 5


def test_daemons_that_die_one_step_later_each_time_get_through_the_day(world: StandingWorld) -> None:
    world.counts_all = True
    world.lives = iter(range(STEPS_OF_A_START + 3))
    a_day_of(world)
    assert len(world.killed_at) >= STEPS_OF_A_START


def test_a_day_of_short_lives_over_postgresql(forge: Forge, plan: Path, tmp_path: Path, database: str) -> None:
    with standing_world(tmp_path, forge, plan=plan, database=database) as world:
        a_day_of(of_short_lives(world, 4))
        assert len(world.killed_at) > 5


def test_a_day_of_short_lives_in_a_cluster_with_node_pools(
    forge: Forge, plan: Path, tmp_path: Path, database: str
) -> None:
    """A Lease leads, nodes join and drain in the cluster, and OVH sells pools of one."""
    with (
        in_cluster(tmp_path) as side,
        standing_world(tmp_path, forge, plan=plan, database=database, side=side) as world,
    ):
        a_day_of(of_short_lives(world, 2))
        assert len(world.killed_at) > 5


def test_a_months_end_of_short_lives_keeps_its_cap(forge: Forge, tmp_path: Path) -> None:
    with standing_world(tmp_path, forge, start=NIGHT, max_usd_month=NIGHT_USD) as world:
        a_months_end_of(of_short_lives(world, 6, steps=STEPS_NEAR_A_CAP))
        assert len(world.killed_at) > 4
        reasons = [row["reason"] for row in world.books.ledger.rows(tables.intent) if row["kind"] == "drain"]
        assert any(reason.startswith("cap: going on would take the month") for reason in reasons), reasons
