"""skyserve: SkyServe's request-rate autoscaler with its default delays, and SpotHedge where there are spot pools.

Delays of 300 s up and 1200 s down: https://docs.skypilot.co/en/latest/serving/autoscaling.html (read 2026-11-25);
counted in decisions of 20 s over a window of 60 s (sky/serve/constants.py), at once from zero. target_qps_per_replica
becomes work per node at the policy's target. SpotHedge (https://arxiv.org/abs/2411.01438 and
https://docs.skypilot.co/en/latest/serving/spot-policy.html): spot for the target and num_overprovision more (1, as in
its documented example), spread over the spot pools that have stock; on-demand for what of that is not ready on spot, at
most the target (dynamic_ondemand_fallback). Without spot pools, or without others, there is one kind and no surplus.

Base nodes are there anyway and carry their part first. It looks once a tick, which counts as that many decisions.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autoscaler.fleet import FleetPlan
from autoscaler.replay.rivals.counts import Rule, Seen, Want, counting, keys
from autoscaler.replay.world import Decider, World

DECISION_S = 20.0
WINDOW = timedelta(seconds=60)
UPSCALE_DECISIONS = 15
"""300 s / 20 s."""
DOWNSCALE_DECISIONS = 60
"""1200 s / 20 s."""
NUM_OVERPROVISION = 1


def skyserve(world: World, plan: FleetPlan | None) -> Decider:  # noqa: ARG001 - all rivals are made alike
    """A decider that scales as SkyServe does."""

    def rule_of(model: str) -> Rule:  # noqa: ARG001 - one service per model, all alike
        return _Service()

    return counting(rule_of)


@dataclass(slots=True)
class _Service:
    target: int | None = None
    upscale: int = 0
    downscale: int = 0
    looked_at: datetime | None = None
    readings: deque[tuple[datetime, float]] = field(default_factory=deque)

    def __call__(self, seen: Seen) -> tuple[Want, ...]:
        self.readings.append((seen.now, seen.demand.work_nodes))
        while self.readings[0][0] <= seen.now - WINDOW:
            self.readings.popleft()
        passed_s = DECISION_S if self.looked_at is None else (seen.now - self.looked_at).total_seconds()
        self.looked_at = seen.now
        self.target = self._hysteresis(self._replicas(seen), seen.floor, max(1, int(passed_s / DECISION_S)))
        return _placed(seen, self.target)

    def _replicas(self, seen: Seen) -> int:
        """ceil(rate / rate per replica) beside base nodes, within the floor."""
        rate = sum(work for _, work in self.readings) / len(self.readings)
        burst = rate / seen.policy.target_utilization - seen.capacity(seen.base)
        return max(seen.nodes_for(burst) if burst > 0 else 0, seen.floor)

    def _hysteresis(self, replicas: int, floor: int, decisions: int) -> int:
        """The target after so many further decisions that all see `replicas`."""
        target = floor if self.target is None else self.target
        if target in (0, replicas):
            self.upscale = self.downscale = 0
            return replicas
        if replicas > target:
            self.upscale, self.downscale = self.upscale + decisions, 0
            if self.upscale < UPSCALE_DECISIONS:
                return target
            self.upscale = 0
        else:
            self.upscale, self.downscale = 0, self.downscale + decisions
            if self.downscale < DOWNSCALE_DECISIONS:
                return target
            self.downscale = 0
        return replicas


def _placed(seen: Seen, target: int) -> tuple[Want, ...]:
    """SpotHedge: spot for the target and a surplus, on-demand for what of it is not ready on spot."""
    spot = [pool for pool in seen.pools if pool.is_spot]
    on_demand = [pool for pool in seen.pools if not pool.is_spot]
    if not spot or not on_demand:
        return (Want(pools=keys(seen.pools), nodes=target),)
    with_surplus = target + NUM_OVERPROVISION if target else 0
    ready = sum(1 for node in seen.ready if node.pool in keys(spot))
    fallback = min(target, max(0, with_surplus - ready))
    return (
        Want(pools=keys(spot), nodes=with_surplus, is_spread=True),
        Want(pools=keys(on_demand), nodes=fallback),
    )
