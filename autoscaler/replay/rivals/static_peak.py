"""static-peak: as many nodes as the trace's highest step needs, on from the first tick to the end. In hindsight.

What a team does that buys for its peak. It is given the whole trace, and its nodes may be busy full time at the peak,
so it is the cheapest fixed fleet that serves everything once it has started.
"""

from autoscaler.fleet import FleetPlan
from autoscaler.replay.rivals.counts import Rule, Seen, Want, counting, keys
from autoscaler.replay.rivals.hindsight import burst_work
from autoscaler.replay.world import Decider, World


def static_peak(world: World, plan: FleetPlan | None) -> Decider:  # noqa: ARG001 - all rivals are made alike
    """A decider that keeps the peak's nodes on."""
    peaks = {model: float(burst_work(world, model).max(initial=0.0)) for model in world.models}

    def rule_of(model: str) -> Rule:
        def rule(seen: Seen) -> tuple[Want, ...]:
            return (Want(pools=keys(seen.pools), nodes=max(seen.nodes_for(peaks[model]), len(seen.burst), seen.floor)),)

        return rule

    return counting(rule_of)
