"""`baseload autoscale once`, started by a timer: a fleet of plain nodes is kept by processes of one tick each."""

from pathlib import Path

from tests.rented.standing import INTERVAL_S, forging, standing_world

QUIET, BUSY = 0.6, 2.0
"""Nodes of work."""


def test_ticks_that_are_a_process_each_find_nodes_ready_and_add_one_where_traffic_rises(tmp_path: Path) -> None:
    with forging() as forge, standing_world(tmp_path, forge) as world:
        world.work = QUIET
        for _ in range(6):
            world.once()
            world.pass_s(INTERVAL_S)
        assert len(world.running()) == 1
        assert len(world.books.ready_nodes()) == 1, world.log[-3000:]
        world.work = BUSY
        for _ in range(6):
            world.once()
            world.pass_s(INTERVAL_S)
        assert len(world.running()) == len(world.books.ready_nodes()) == 3  # 2.0 of work at 75 % busy
        assert world.books.wrong == []
