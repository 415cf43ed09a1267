"""hpa: Kubernetes' HorizontalPodAutoscaler with its defaults, one pod per node, on work asked for per ready capacity.

Formula, tolerance, pods that are not ready and the default behaviour are those of
https://kubernetes.io/docs/concepts/workloads/autoscaling/horizontal-pod-autoscale/ (read 2026-11-25): desired =
ceil(current × metric / target), skipped within 0.1 of 1; pods that are not ready count as 0 where that dampens a
scale-up; scale-up without stabilisation, by at most the larger of 4 pods and 100 % in 15 s; scale-down to the highest
recommendation of the last 300 s, by at most 100 % in 15 s. The controller looks every 15 s; here it looks once a tick,
and may add in a tick what it could have added in that many periods.

Base nodes are pods that are never taken away. The target is the policy's. At least one pod stays (minReplicas 1).
"""

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autoscaler.fleet import FleetPlan
from autoscaler.replay.rivals.counts import Rule, Seen, Want, counting, keys
from autoscaler.replay.world import Decider, World

TOLERANCE = 0.1 + 1e-9
"""Exactly a tenth is within it, whatever a division leaves behind."""
PERIOD_S = 15.0
SCALE_UP_PODS = 4
SCALE_UP_RATIO = 1.0
"""100 %: may double."""
SCALE_DOWN_WINDOW = timedelta(seconds=300)


def hpa(world: World, plan: FleetPlan | None) -> Decider:  # noqa: ARG001 - all rivals are made alike
    """A decider that scales as HorizontalPodAutoscaler does."""

    def rule_of(model: str) -> Rule:  # noqa: ARG001 - one controller per model, all alike
        return _Autoscaler()

    return counting(rule_of)


def recommended(*, utilization: float, target: float, ready: int, unready: int, current: int) -> int:
    """Pods one look at the metric recommends. `utilization` is the mean over ready pods; `current` is what is set."""
    if ready == 0:
        return current
    ratio = utilization / target
    if unready and ratio > 1:
        dampened = ratio * ready / (ready + unready)
        desired = _ceil(dampened * (ready + unready))
        return current if dampened <= 1 + TOLERANCE or desired < current else desired
    return current if abs(1 - ratio) <= TOLERANCE else _ceil(ratio * ready)


def most_after(pods: int, seconds: float) -> int:
    """Pods the scale-up policies allow once `seconds` have passed."""
    for _ in range(max(1, int(seconds / PERIOD_S))):
        pods = max(pods + SCALE_UP_PODS, math.ceil(pods * (1 + SCALE_UP_RATIO)))
    return pods


@dataclass(slots=True)
class _Autoscaler:
    """One HorizontalPodAutoscaler: what it set, and what it recommended lately."""

    current: int | None = None
    looked_at: datetime | None = None
    recommendations: deque[tuple[datetime, int]] = field(default_factory=deque)

    def __call__(self, seen: Seen) -> tuple[Want, ...]:
        least = max(1, len(seen.base) + seen.floor)
        if self.current is None:
            self.current = max(len(seen.base) + len(seen.burst), least)
            self.recommendations.append((seen.now, self.current))
        self.current = max(least, self._next(seen, self.current))
        self.looked_at = seen.now
        return (Want(pools=keys(seen.pools), nodes=self.current - len(seen.base)),)

    def _next(self, seen: Seen, current: int) -> int:
        pods = (*seen.base, *seen.ready)
        capacity = seen.capacity(pods)
        desired = recommended(
            utilization=seen.demand.work_nodes / capacity if capacity > 0 else 0.0,
            target=seen.policy.target_utilization,
            ready=len(pods) if capacity > 0 else 0,
            unready=max(0, current - len(pods)),
            current=current,
        )
        self.recommendations.append((seen.now, desired))
        while self.recommendations[0][0] < seen.now - SCALE_DOWN_WINDOW:
            self.recommendations.popleft()
        if desired > current:
            passed_s = PERIOD_S if self.looked_at is None else (seen.now - self.looked_at).total_seconds()
            return min(desired, most_after(current, passed_s))
        return min(current, max(count for _, count in self.recommendations))


def _ceil(pods: float) -> int:
    return math.ceil(pods - 1e-9)
