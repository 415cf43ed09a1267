"""The serving side follows the fleet at the end of a tick, with what the tick did to it; while paused it does not."""

from dataclasses import replace

import pytest

from autoscaler.fleet import NodeState
from autoscaler.serving.serving import Readings, ServingError
from tests.autoscaler.loop.rig import Rig


def test_the_serving_side_is_told_the_fleet_as_the_tick_left_it() -> None:
    rig = Rig(wanted=1)
    rig.tick()
    assert [[node.state for node in nodes] for nodes in rig.serving.followed] == [[NodeState.BOOTING]]
    rig.tick(20)
    (node,) = rig.serving.followed[-1]
    assert node.state is NodeState.READY


def test_while_paused_nothing_follows() -> None:
    rig = Rig(wanted=1)
    rig.controller.controls = replace(rig.controller.controls, is_paused=True)
    rig.tick(3)
    assert rig.serving.followed == []


def test_a_serving_side_that_cannot_follow_is_a_problem_of_the_tick_and_no_end_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(wanted=1)

    def broken(nodes: object) -> None:
        raise ServingError("the router does not answer")

    monkeypatch.setattr(rig.serving, "follow", broken)
    report = rig.tick()
    assert report.problems == ("serving: ServingError: the router does not answer",)
    assert len(report.acted) == 1


def test_what_the_serving_side_remarks_is_a_problem_of_the_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(wanted=1)
    read = rig.serving.read

    def remarking() -> Readings:
        return replace(read(), remarks=("chat: 1 of its servers do not answer (n7): taken as no less",))

    monkeypatch.setattr(rig.serving, "read", remarking)
    report = rig.tick()
    assert report.problems == ("serving: chat: 1 of its servers do not answer (n7): taken as no less",)
