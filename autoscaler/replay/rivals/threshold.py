"""threshold: Kubernetes' Cluster Autoscaler with its defaults.

https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md (read 2026-11-25): nodes are added when
pending work does not fit what is there or to come; a node whose utilization is below 0.5
(scale-down-utilization-threshold) and whose work fits the others is unneeded, and goes after 10 minutes of it
(scale-down-unneeded-time), unless nodes were added in the last 10 minutes (scale-down-delay-after-add). Empty nodes go
up to ten at a time (max-empty-bulk-delete), others one at a time, drained. The scan comes every 10 s; here once a tick.

A node takes work up to the policy's target, as requests sized by it would, and work is spread evenly, as by the
scheduler's default; utilization is work over what the nodes take. So a node is empty only where its model
has no work at all.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autoscaler.fleet import FleetPlan, Node
from autoscaler.replay.rivals.counts import Rule, Seen, Want, counting, keys
from autoscaler.replay.world import Decider, World

UTILIZATION_THRESHOLD = 0.5
UNNEEDED_TIME = timedelta(minutes=10)
DELAY_AFTER_ADD = timedelta(minutes=10)
MAX_EMPTY_BULK_DELETE = 10


def threshold(world: World, plan: FleetPlan | None) -> Decider:  # noqa: ARG001 - all rivals are made alike
    """A decider that scales as Cluster Autoscaler does."""

    def rule_of(model: str) -> Rule:  # noqa: ARG001 - one per model, all alike
        return _Autoscaler()

    return counting(rule_of)


@dataclass(slots=True)
class _Autoscaler:
    added_at: datetime | None = None
    unneeded_since: dict[str, datetime] = field(default_factory=dict)

    def __call__(self, seen: Seen) -> tuple[Want, ...]:
        wanted = max(self._added(seen), seen.floor)
        if wanted > len(seen.burst):
            self.added_at = seen.now
        old = self._old(seen)
        if wanted <= len(seen.burst):
            wanted = max(len(seen.burst) - len(old), seen.floor)
        return (Want(pools=keys(seen.pools), nodes=wanted, first_to_go=old),)

    def _added(self, seen: Seen) -> int:
        """Burst nodes once pending work has somewhere to go: those there are, and what does not fit them."""
        takes = seen.policy.target_utilization
        pending = seen.demand.work_nodes - takes * seen.capacity((*seen.base, *seen.burst))
        if pending <= 1e-9:
            return len(seen.burst)
        return seen.nodes_for(seen.capacity(seen.burst) + pending / takes)

    def _old(self, seen: Seen) -> tuple[str, ...]:
        """Ids of the nodes to end now: unneeded for long enough, and not too many at once."""
        since = {node.id: self.unneeded_since.get(node.id, seen.now) for node in self._unneeded(seen)}
        self.unneeded_since = since
        if self.added_at is not None and seen.now - self.added_at < DELAY_AFTER_ADD:
            return ()
        old = tuple(node_id for node_id, at in since.items() if seen.now - at >= UNNEEDED_TIME)
        return old[: MAX_EMPTY_BULK_DELETE if seen.demand.work_nodes == 0 else 1]

    @staticmethod
    def _unneeded(seen: Seen) -> list[Node]:
        """Ready nodes below the threshold whose work fits the survivors, found one after the other, newest first."""
        takes = seen.policy.target_utilization
        left = takes * seen.capacity((*seen.base, *seen.ready))
        if left <= 0 or seen.demand.work_nodes / left >= UTILIZATION_THRESHOLD:
            return []
        unneeded = []
        for node in reversed(seen.ready):
            left -= takes * seen.capacity([node])
            if seen.demand.work_nodes > left + 1e-9:
                break
            unneeded.append(node)
        return unneeded
