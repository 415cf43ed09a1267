"""Oracle: the same decision with an outlook that knows the traffic one lead time ahead. Pure.

What it wins over the outlook that is measured is what a better forecast could still win; what is left to the bound is
what no forecast of one lead time can. It knows the traffic, not the clouds: lead times are those expected.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from autoscaler.fleet import Action, Demand, FleetPlan, Pool, Snapshot
from autoscaler.outlook import Outlook
from autoscaler.replay.world import Decider, Floats, ServedModel, Traffic, World
from policies.scaling import ScalingPolicy


def oracle(world: World, decide: Decider) -> Decider:
    """`decide`, told the truth about the traffic of the world instead of an outlook."""
    future = {name: _Future(world.models[name], world.traffic, world.tick_s) for name in world.traffic.models}

    def told(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> tuple[Action, ...]:
        at_s = (snapshot.now - world.traffic.start).total_seconds()
        demand = {
            name: None if one is None else future[name].told(one, at_s, _leads_s(snapshot.pools, name))
            for name, one in snapshot.demand.items()
        }
        return decide(replace(snapshot, demand=demand), plan, policy)

    return told


class _Future:
    """Work to come of one model, as the mean of each tick's interval."""

    def __init__(self, model: ServedModel, traffic: Traffic, tick_s: float) -> None:
        self._tick_s = tick_s
        self._work = _work_by_tick(model, traffic, tick_s)
        self._last: tuple[float, Demand, Demand] | None = None

    def told(self, demand: Demand, at_s: float, leads_s: tuple[float, ...]) -> Demand:
        """The demand with the truth as its outlook: the next interval, and that in which a node ordered now serves.

        A horizon is the end of its interval. Kept is what is asked for at any time until the last: what is given up
        could not be back before.
        """
        last = self._last
        if last is not None and last[0] == at_s and last[1] is demand:
            return last[2]
        wanted = (self._at(at_s), *(self._at(at_s + lead_s) for lead_s in leads_s))
        first = round(at_s / self._tick_s)
        until = first + int(max(leads_s, default=0.0) // self._tick_s) + 1
        outlook = Outlook(
            made_at_s=at_s,
            horizons_s=(self._tick_s, *(lead_s + self._tick_s for lead_s in leads_s)),
            expected_work=wanted,
            wanted_work=wanted,
            keep_work=float(self._work[first:until].max(initial=0.0)),
        )
        told = replace(demand, outlook=outlook)
        self._last = at_s, demand, told
        return told

    def _at(self, at_s: float) -> float:
        """Work of the interval that begins at `at_s` or holds it; 0 after the end."""
        tick = int(at_s / self._tick_s + 1e-9)
        return float(self._work[tick]) if tick < len(self._work) else 0.0


def _work_by_tick(model: ServedModel, traffic: Traffic, tick_s: float) -> Floats:
    """Mean work of each tick's interval, reference nodes with warm caches."""
    index, reference = traffic.models.index(model.name), model.rates[model.reference]
    work = (
        traffic.input_tok_s[index] * (1 - model.cache_hit_ratio) / reference.prefill_tok_s
        + traffic.output_tok_s[index] / reference.decode_tok_s
    )
    until_s = np.arange(len(work) + 1) * traffic.step_s
    summed = np.concatenate(([0.0], np.cumsum(work * traffic.step_s)))
    ticks_s = np.arange(int(traffic.duration_s // tick_s) + 1) * tick_s
    return np.asarray(np.diff(np.interp(ticks_s, until_s, summed)) / tick_s)


def _leads_s(pools: Mapping[str, Pool], model: str) -> tuple[float, ...]:
    """The lead times of the pools that can serve the model, rising; none at all is in the next interval anyway."""
    leads_s = {pool.lead_time_s[model] for pool in pools.values() if model in pool.lead_time_s}
    return tuple(sorted(lead_s for lead_s in leads_s if lead_s > 0))
