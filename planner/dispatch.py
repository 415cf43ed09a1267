"""Dispatch: which rented nodes serve which share of an hour's demand. Pure; standard library only.

Once nodes are rented, an hour's further cost is egress alone, so nodes fill in order of egress price, each up to the
target utilization. Where egress is equal, base comes before burst, and the cheaper node-hour before the dearer.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from planner.profile.model import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Rented:
    """Nodes of one offer that are on for one model in one hour."""

    offer: str
    is_base: bool
    nodes: int
    work_nodes: float
    """Work of the hour's whole demand on this offer, in nodes busy full time."""
    egress_usd_mtok: float = 0.0
    rate_usd_hour: float = 0.0
    """Price of a node-hour; 0 for base, whose fee is paid anyway."""


def work_nodes(input_tok_s: float, output_tok_s: float, cache_hit_ratio: float, rates: Rates) -> float:
    """Nodes busy full time with the demand: w = I(1-χ)/P + O/G (README, "The planning problem")."""
    return input_tok_s * (1 - cache_hit_ratio) / rates.prefill_tok_s + output_tok_s / rates.decode_tok_s


def served_shares(
    rented: Iterable[Rented], *, target_utilization: float, unserved_ratio: float = 0.0
) -> dict[str, float]:
    """Share of the hour's demand that each offer serves, 0-1; they sum to 1 - `unserved_ratio` where nodes suffice.

    A node serves at most τ/w of the demand. Nodes that do not suffice leave a lower sum, never a higher share. Equals
    keep the order they are given in.
    """
    left = 1.0 - unserved_ratio
    shares: dict[str, float] = {}
    for pool in sorted(rented, key=lambda pool: (pool.egress_usd_mtok, not pool.is_base, pool.rate_usd_hour)):
        if pool.work_nodes > 0:
            share = min(left, target_utilization * pool.nodes / pool.work_nodes)
            shares[pool.offer] = shares.get(pool.offer, 0.0) + share
            left -= share
    return shares
