"""The replays of the benchmarks: the reference world of two production traces, and rivals tuned to it; not timed."""

import csv
import gzip
import io
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from pathlib import Path

from autoscaler.decide import decide
from autoscaler.fleet import (
    COMING,
    Action,
    Controls,
    Drain,
    FleetPlan,
    Hold,
    Launch,
    NodeState,
    Snapshot,
    Terminate,
    Undrain,
)
from autoscaler.replay.bound.clairvoyant import ClairvoyantBound
from autoscaler.replay.bound.of_world import bound_case, with_bounds
from autoscaler.replay.controllers import CONTROLLERS
from autoscaler.replay.result import Floats, Replayed
from autoscaler.replay.run import replay
from autoscaler.replay.traffic.reference import REFERENCE_POLICY, reference_demand
from autoscaler.replay.world import Decider, World
from autoscaler.replay.worlds.making import reference_world
from policies.billing import Billing
from policies.scaling import ScalingPolicy

DATA = Path(__file__).resolve().parent / "data"
TRACES = ("m_large", "m_small")
MOST_UNSERVED = 0.001
TARGETS = tuple(round(1.0 - 0.05 * step, 2) for step in range(14))
"""Target utilizations a rival may be tuned to, trace by trace: 1.0 down to 0.35."""
HOLDS_MIN = (9, 15, 20, 30, 40, 50, 60)
HOUR = timedelta(hours=1)
MODEL = "reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The cheapest setting of a rule that leaves no more unserved than allowed."""

    setting: float
    result: Replayed


@dataclass(frozen=True, slots=True)
class Played:
    """A world, and the bound of every result there."""

    world: World
    bound: ClairvoyantBound

    def run(self, controller: str = "baseload", policy: ScalingPolicy = REFERENCE_POLICY) -> Replayed:
        """A controller of the product, beside its bounds."""
        return self.decided(CONTROLLERS[controller].make(self.world, None), policy, controller)

    def decided(self, decider: Decider, policy: ScalingPolicy, name: str) -> Replayed:
        """Any decider, beside its bounds."""
        return with_bounds(replay(self.world, name=name, decider=decider, policy=policy), self.bound)


def reference(trace: str, billing: Billing = Billing.SECOND, seed: int = 0) -> Played:
    """The reference world of a trace."""
    world = reference_world(demand_of(trace, seed), billing=billing)
    return Played(world, ClairvoyantBound(bound_case(world)))


def demand_of(trace: str, seed: int = 0) -> Floats:
    """Output tok/s of every minute."""
    rows = trace_rows(trace)
    return reference_demand(
        [float(row["output_tokens_per_s"]) for row in rows], [row["gap"] == "1" for row in rows], seed=seed
    )


def trace_rows(trace: str) -> Sequence[Mapping[str, str]]:
    """Ten-minute rows of the packaged trace."""
    text = gzip.decompress((DATA / f"servegen_{trace}_10min.csv.gz").read_bytes()).decode()
    return list(csv.DictReader(io.StringIO(text)))


def tuned(played: Played, controller: str) -> Tuned | None:
    """A rival at the highest target utilization that leaves at most 0.1 % unserved; None: at none of `TARGETS`.

    Unserved falls with the target and the bill rises, but for noise; so the first that serves enough is the cheapest.
    """
    for target in TARGETS:
        policy = replace(REFERENCE_POLICY, low_utilization=0.5 * target, target_utilization=target)
        found = played.run(controller, policy)
        if found.unserved_ratio <= MOST_UNSERVED:
            return Tuned(setting=target, result=found)
    return None


def best_hold(played: Played, *, knows_hours: bool) -> Tuned | None:
    """Our own launches with the best time to hold: a node goes once it was not needed for so many minutes."""
    found = []
    for minutes in HOLDS_MIN:
        result = played.decided(holding(minutes, knows_hours=knows_hours), REFERENCE_POLICY, "hold")
        if result.unserved_ratio <= MOST_UNSERVED:
            found.append(Tuned(setting=float(minutes), result=result))
    return min(found, key=lambda one: one.result.bill_usd, default=None)


def holding(minutes: int, *, knows_hours: bool) -> Decider:
    """Launches as `decide`; of what no minute of the last `minutes` needed, the oldest nodes go.

    `knows_hours`: not the oldest, those nearest the end of their paid hour.
    """
    lately: deque[int] = deque(maxlen=minutes)

    def decision(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
        frozen = replace(snapshot, controls=Controls(is_scale_in_paused=True))
        actions = [one for one in decide(frozen, plan, policy) if isinstance(one, Launch | Undrain | Hold)]
        drained = [node for node in snapshot.nodes if node.state is NodeState.DRAINING and node.in_flight == 0]
        ends = [Terminate(node_id=node.id, reason="held: nothing in flight") for node in drained]
        demand = snapshot.demand[MODEL]
        if demand is None or demand.outlook is None:
            return (*ends, *actions)
        base = sum(demand.speed[node.pool] for node in snapshot.nodes if node.is_base)
        lately.append(ceil(max(demand.outlook.wanted_work) - base - 1e-9))
        if any(isinstance(one, Launch) for one in actions):
            return (*ends, *actions)
        burst = [node for node in snapshot.nodes if not node.is_base and node.state in {*COMING, NodeState.READY}]
        ready = [node for node in burst if node.state is NodeState.READY]
        if knows_hours:
            ready.sort(key=lambda node: (HOUR - (snapshot.now - node.ordered_at) % HOUR, node.id))
        spare = max(0, min(len(ready), len(burst) - max(0, *lately)))
        why = f"held: not needed for {minutes} minutes"
        return (*ends, *actions, *(Drain(node_id=node.id, reason=why) for node in ready[:spare]))

    return decision


def missed_days(result: Replayed) -> tuple[int, int]:
    """Days of the replay that left more than 0.1 % of their tokens unserved, and days in all."""
    days = len(result.hours.asked_tokens) // 24
    asked = result.hours.asked_tokens[: days * 24].reshape(days, 24).sum(axis=1)
    unserved = result.hours.unserved_tokens[: days * 24].reshape(days, 24).sum(axis=1)
    return int((unserved > MOST_UNSERVED * asked).sum()), days
