"""What a node takes over from its machine and from the intent it is there by."""

from datetime import UTC, datetime

import pytest

from autoscaler.journal import Intent, IntentKind, MemoryJournal
from autoscaler.loop.memory import Memory
from autoscaler.providers.provider import Machine, MachineState

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("kind", "is_orphan"), [(IntentKind.LAUNCH, False), (IntentKind.ADOPT, True)])
def test_a_node_says_what_runs_in_its_pool_and_whether_nobody_intended_it(kind: IntentKind, *, is_orphan: bool) -> None:
    memory = Memory(journal=MemoryJournal(), epoch=1)
    memory.write(
        Intent(key="k", kind=kind, at=NOW, node_id="n", pool="ovh/b3-8", model="m", reason="", provider="ovh", epoch=1)
    )
    machine = Machine(
        id="pool-1",
        node_id="n",
        fleet="main",
        pool="ovh/b3-8",
        state=MachineState.RUNNING,
        created_at=NOW,
        instances=("i-1",),
    )
    memory.tracks["n"].saw(machine)
    memory.refresh(NOW)
    node = memory.tracks["n"].node
    assert (node.machine_id, node.instances, node.is_orphan) == ("pool-1", ("i-1",), is_orphan)
