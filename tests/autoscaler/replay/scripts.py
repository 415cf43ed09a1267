"""Deciders that follow a script instead of the traffic."""

from collections.abc import Sequence
from datetime import datetime

from autoscaler.fleet import (
    COMING,
    ENDING,
    Action,
    Drain,
    FleetPlan,
    Hold,
    Launch,
    Node,
    NodeState,
    Snapshot,
    Terminate,
)
from policies.scaling import ScalingPolicy


class Counts:
    """Keeps as many nodes of one pool as the script says at each tick; those still loading go first, newest first."""

    def __init__(self, wanted: Sequence[int], *, tick_s: float = 60.0, pool: str = "cloud/small") -> None:
        self.wanted = wanted
        self.tick_s = tick_s
        self.pool = pool
        self._start: datetime | None = None

    def __call__(self, snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
        self._start = self._start or snapshot.now
        tick = round((snapshot.now - self._start).total_seconds() / self.tick_s)
        ours = [node for node in snapshot.nodes if not node.is_base]
        staying = [node for node in ours if node.state not in ENDING and node.state is not NodeState.DRAINING]
        drained = [node for node in ours if node.state is NodeState.DRAINING and not node.in_flight]
        actions: list[Action] = [Terminate(node_id=node.id, reason="drained") for node in drained]
        wanted = self.wanted[min(tick, len(self.wanted) - 1)]
        actions += [Launch(pool=self.pool, model="llm", reason="script")] * (wanted - len(staying))
        leaving = sorted(staying, key=lambda node: (node.state in COMING, node.ordered_at, node.id), reverse=True)
        actions += [self._end(node) for node in leaving[: max(0, len(staying) - wanted)]]
        return tuple(actions) or (Hold(reason="script"),)

    def _end(self, node: Node) -> Action:
        if node.state in COMING:
            return Terminate(node_id=node.id, reason="script")
        return Drain(node_id=node.id, reason="script")
