"""A replay as series for pictures: work asked for, capacity as leased, nodes by pool. Pure: rearranges alone.

Work and capacity are in nodes of each model's reference offer, at the mix of each step. Capacity is that of the leases:
a node counts as coming from its order to its first work, and as ready from then to its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autoscaler.replay.result import Floats, Replayed
from autoscaler.replay.world import ServedModel, World
from planner.profile.model import Rates

MOST_STEPS = 2500
"""A picture has fewer dots across than that."""
FINEST_S = 60.0
"""What a picture of a short replay shows of the fleet; demand keeps the step of its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySeries:
    """Arrays of T steps; `edges_s` are T + 1 seconds from the start."""

    edges_s: Floats
    work: Floats
    base: Floats
    ready: Floats
    """Base included."""
    coming: Floats
    pools: Mapping[str, Floats]
    """Burst nodes paid for."""
    base_nodes: Mapping[str, Floats]
    """By offer."""
    taken_back_s: tuple[float, ...]
    """When nodes were taken back."""


def replay_series(one: Replayed, world: World) -> ReplaySeries:
    """The series of one controller's replay, in steps of a minute or as coarse as a picture can show."""
    traffic = world.traffic
    length = traffic.steps
    every = -(-length // MOST_STEPS)
    into = max(1, min(int(traffic.step_s // FINEST_S), MOST_STEPS // length)) if every == 1 else 1
    input_tok_s, output_tok_s = (
        np.repeat(_means(tok_s, every), into, axis=1) for tok_s in (traffic.input_tok_s, traffic.output_tok_s)
    )
    steps = input_tok_s.shape[1]
    edges_s = np.minimum(np.arange(steps + 1) * traffic.step_s * every / into, traffic.duration_s)
    work, ready, coming, base = (np.zeros(steps) for _ in range(4))
    pools: dict[str, Floats] = {}
    base_nodes: dict[str, Floats] = {}
    for row, name in enumerate(traffic.models):
        model = world.models[name]
        asked = _work(model, model.rates[model.reference], input_tok_s[row], output_tok_s[row])
        work += asked

        def speed(offer: str, model: ServedModel = model, row: int = row) -> Floats:
            return _speed(model, offer, input_tok_s[row], output_tok_s[row])

        for owned in world.base:
            if owned.model == name:
                base += owned.count * speed(owned.offer)
                base_nodes[owned.offer] = base_nodes.get(owned.offer, np.zeros(steps)) + owned.count
        for lease in one.leases:
            if lease.model != name:
                continue
            end_s, ready_s = lease.end_min * 60, None if lease.ready_min is None else lease.ready_min * 60
            paid = lease.count * _share(edges_s, lease.start_min * 60, end_s)
            serving = np.zeros(steps) if ready_s is None else lease.count * _share(edges_s, ready_s, end_s)
            ready += serving * speed(lease.offer)
            coming += (paid - serving) * speed(lease.offer)
            pools[lease.offer] = pools.get(lease.offer, np.zeros(steps)) + paid
    taken = sorted(lease.end_min * 60 for lease in one.leases if lease.how_it_ended == "taken back")
    most_first = sorted(pools, key=lambda pool: (-float(pools[pool].sum()), pool))
    return ReplaySeries(
        edges_s=edges_s,
        work=work,
        base=base,
        ready=base + ready,
        coming=coming,
        pools={pool: pools[pool] for pool in most_first},
        base_nodes=base_nodes,
        taken_back_s=tuple(taken),
    )


def _work(model: ServedModel, rates: Rates, input_tok_s: Floats, output_tok_s: Floats) -> Floats:
    """Nodes busy full time: w = I(1-χ)/P + O/G."""
    work: Floats = input_tok_s * (1 - model.cache_hit_ratio) / rates.prefill_tok_s + output_tok_s / rates.decode_tok_s
    return work


def _speed(model: ServedModel, offer: str, input_tok_s: Floats, output_tok_s: Floats) -> Floats:
    """Reference nodes that one node of `offer` is worth, at each step's mix; at the mean where none is."""
    reference, own = (_work(model, model.rates[key], input_tok_s, output_tok_s) for key in (model.reference, offer))
    mean = float(reference.sum() / own.sum()) if own.sum() > 0 else 1.0
    speed: Floats = np.divide(reference, own, out=np.full(own.shape, mean), where=own > 0)
    return speed


def _share(edges_s: Floats, start_s: float, end_s: float) -> Floats:
    """Share of each step that lies in [start, end)."""
    inside = np.minimum(edges_s[1:], end_s) - np.maximum(edges_s[:-1], start_s)
    share: Floats = np.clip(inside, 0, None) / np.diff(edges_s)
    return share


def _means(values: Floats, every: int) -> Floats:
    """Means over `every` steps each; the last may be of fewer."""
    if every == 1:
        return values
    firsts = np.arange(0, values.shape[1], every)
    counts = np.diff(np.append(firsts, values.shape[1]))
    means: Floats = np.add.reduceat(values, firsts, axis=1) / counts
    return means
