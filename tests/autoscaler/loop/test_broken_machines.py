"""A machine its provider calls broken is failed at once: it is never going to be ready."""

from dataclasses import dataclass, field, replace

from autoscaler.fleet import NodeState
from autoscaler.providers.provider import Listing
from tests.autoscaler.loop.rig import Rig, Veiled


@dataclass
class Breaking(Veiled):
    """Says that machines are broken."""

    broken: set[str] = field(default_factory=set)

    def machines(self) -> Listing:
        listing = super().machines()
        told = tuple(replace(machine, is_broken=machine.id in self.broken) for machine in listing.machines)
        return replace(listing, machines=told)


def test_a_machine_that_is_broken_is_ended_without_its_launch_timeout_and_another_one_launched():
    rig = Rig(wanted=1)
    breaking = Breaking(cloud=rig.cloud)
    rig.controller = rig.started(providers=[breaking])
    rig.tick()
    first = rig.node()
    assert first.machine_id is not None
    breaking.broken.add(first.machine_id)
    rig.tick()
    states = {node.id: node.state for node in rig.controller.nodes}
    assert states[first.id] is NodeState.TERMINATING
    assert breaking.ends == 1
    assert len(states) == 2  # its successor was launched in the same tick


def test_a_broken_machine_is_known_as_such_after_a_restart():
    rig = Rig(wanted=1)
    breaking = Breaking(cloud=rig.cloud)
    rig.controller = rig.started(providers=[breaking])
    rig.tick()
    machine_id = rig.node().machine_id
    assert machine_id is not None
    breaking.broken.add(machine_id)
    rig.controller = rig.started(providers=[breaking])
    rig.tick()
    assert breaking.ends == 1
