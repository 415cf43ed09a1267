"""Hindsight: what a replay's traffic will have been, for the rivals that are given it. Pure: numpy."""

import numpy as np

from autoscaler.replay.world import Floats, World
from planner.profile.model import Rates


def burst_work(world: World, model: str) -> Floats:
    """Work base nodes at full utilization leave over, per step of the traffic, in reference nodes."""
    served = world.models[model]
    left = 1.0 - _base_share(world, model)
    return np.asarray(np.clip(left, 0.0, None) * _work(world, model, served.rates[served.reference]))


def _base_share(world: World, model: str) -> Floats:
    """Share of each step's demand the model's base nodes can serve; inf where nothing is asked for."""
    share = np.zeros(world.traffic.is_gap.shape)
    for base in world.base:
        if base.model == model:
            work = _work(world, model, world.models[model].rates[base.offer])
            share += np.divide(base.count, work, out=np.full_like(work, np.inf), where=work > 0)
    return share


def _work(world: World, model: str, rates: Rates) -> Floats:
    row = world.traffic.models.index(model)
    fresh = 1.0 - world.models[model].cache_hit_ratio
    inputs, outputs = world.traffic.input_tok_s[row], world.traffic.output_tok_s[row]
    return np.asarray(inputs * fresh / rates.prefill_tok_s + outputs / rates.decode_tok_s)
