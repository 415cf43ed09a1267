"""Doubt: what of a policy cannot work with the pools there are, said before it costs money. Pure."""

from collections.abc import Iterable

from autoscaler.fleet import Pool
from policies.scaling import ScalingPolicy


def doubts_of(pools: Iterable[Pool], policy: ScalingPolicy) -> tuple[str, ...]:
    """A sentence for each pool and model whose nodes would be given up before they can serve, in order of the pools.

    A node not ready `launch_timeout_s` after its order has failed: it is ended, paid for, and the next one is ordered,
    for ever. So where the lead time expected of a pool is no shorter than that, none of its nodes ever serves.
    """
    return tuple(
        f"launch_timeout_s is {policy.launch_timeout_s:g} s, and a node of {pool.key} is expected to serve {model} "
        f"only {lead_s:.0f} s after its order: it would be ended and ordered again, for ever; expected a timeout "
        "well above the lead time"
        for pool in pools
        for model, lead_s in sorted(pool.lead_time_s.items())
        if lead_s >= policy.launch_timeout_s
    )
