"""Size: traffic too large to be replayed node by node is refused before anything is planned for it. Pure."""

from math import ceil, log10

import numpy as np

from autoscaler.replay.world import World
from planner.errors import InputError

MOST_NODES = 10_000
"""Nodes of one replay: each is a machine that is listed, read and judged at every tick (a day of them: minutes)."""


def check_size(world: World) -> None:
    """Refuses traffic whose busiest step takes more than MOST_NODES of the fastest nodes, and more base nodes."""
    traffic, base = world.traffic, sum(one.count for one in world.base)
    needed = sum(_nodes(world, name) for name in traffic.models)
    if needed <= MOST_NODES and base <= MOST_NODES:
        return
    tok_s = float((traffic.input_tok_s + traffic.output_tok_s).sum(axis=0).max())
    what = f"asks for up to {tok_s:,.0f} tok/s, {needed:,} of the fastest nodes"
    if needed <= MOST_NODES:
        what = f"would have {base:,} base nodes"
    part = 10.0 ** -ceil(log10(max(needed, base) / MOST_NODES))
    raise InputError(
        f"{traffic.source}: {what}; expected tokens per second, for at most {MOST_NODES:,} nodes "
        f"(a part of them by --set demand=*{part:g})"
    )


def _nodes(world: World, name: str) -> int:
    """Nodes that the model's busiest step takes, of the offer that takes fewest."""
    model, row = world.models[name], world.traffic.models.index(name)
    asked_in = world.traffic.input_tok_s[row] * (1 - model.cache_hit_ratio)
    asked_out = world.traffic.output_tok_s[row]
    return min(
        ceil(float(np.max(asked_in / rates.prefill_tok_s + asked_out / rates.decode_tok_s, initial=0.0)))
        for rates in model.rates.values()
    )
