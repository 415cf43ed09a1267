"""The serving side follows the fleet at the end of a tick, with what the tick did to it; while paused it does not."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from autoscaler.fleet import Node, NodeState
from autoscaler.providers.provider import Listing, Temporary
from autoscaler.serving.serving import Readings, ServingError
from tests.autoscaler.loop.rig import Rig, SetServing


@dataclass
class ToldServing:
    """A serving side that says nothing of a node it was not told of."""

    heard: SetServing
    known: set[str] = field(default_factory=set)
    known_when_read: list[set[str]] = field(default_factory=list)

    def read(self) -> Readings:
        self.known_when_read.append(set(self.known))
        readings = self.heard.read()
        return replace(readings, nodes={one: said for one, said in readings.nodes.items() if one in self.known})

    def know(self, nodes: Sequence[Node]) -> None:
        self.known = {node.id for node in nodes}

    def follow(self, nodes: Sequence[Node]) -> None:
        self.know(nodes)

    def stop_routing(self, node_id: str) -> None:
        self.heard.stop_routing(node_id)

    def resume_routing(self, node_id: str) -> None:
        self.heard.resume_routing(node_id)


def test_a_process_of_one_tick_hears_of_a_side_that_has_to_be_told_that_its_node_is_ready() -> None:
    """Each tick has a controller and a serving side of its own, as `once` has that a timer starts."""
    rig = Rig(wanted=1)
    states = []
    for _ in range(5):
        rig.controller = rig.started(serving=ToldServing(heard=rig.serving))
        rig.tick()
        states.append(rig.node().state)
    assert states[0] is NodeState.BOOTING
    assert states[-1] is NodeState.READY


def test_a_side_that_has_to_be_told_is_told_before_it_is_read_first_and_follows_from_then_on() -> None:
    rig = Rig(wanted=1)
    rig.tick()
    side = ToldServing(heard=rig.serving)
    rig.controller = rig.started(serving=side)
    rig.controller.controls = replace(rig.controller.controls, is_paused=True)  # nothing follows
    rig.tick(2)
    assert side.known_when_read == [{rig.node().id}, {rig.node().id}]


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
    assert report.problems == ("serving: the router does not answer",)
    assert len(report.acted) == 1


def test_only_what_nobody_foresaw_is_told_with_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(wanted=1)

    def broken(nodes: object) -> None:
        raise KeyError("n7")

    monkeypatch.setattr(rig.serving, "follow", broken)
    assert rig.tick().problems == ("serving: KeyError: 'n7'",)


def test_a_provider_that_names_itself_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(wanted=1)

    def broken() -> Listing:
        raise Temporary("aws: DescribeInstances: no answer")

    monkeypatch.setattr(rig.cloud, "machines", broken)
    assert rig.tick().problems[0] == "aws: no list: DescribeInstances: no answer"


def test_what_the_serving_side_remarks_is_a_problem_of_the_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(wanted=1)
    read = rig.serving.read

    def remarking() -> Readings:
        return replace(read(), remarks=("chat: 1 of its servers does not answer (n7): taken as no less",))

    monkeypatch.setattr(rig.serving, "read", remarking)
    report = rig.tick()
    assert report.problems == ("serving: chat: 1 of its servers does not answer (n7): taken as no less",)


def test_what_is_remarked_before_a_drain_and_after_it_is_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(wanted=1)
    rig.tick(20)
    read, asked = rig.serving.read, []

    def remarking() -> Readings:
        asked.append(rig.timeline.now)
        return replace(read(), remarks=("the metrics do not answer",))

    monkeypatch.setattr(rig.serving, "read", remarking)
    rig.keeper.wanted = 0
    report = rig.tick()
    assert len(asked) == 2
    assert report.problems == ("serving: the metrics do not answer",)
