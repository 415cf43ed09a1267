"""Marginal: what the next hour of burst would cost each model, were one more node wanted now. Pure.

The pool is the first in merit order that may be asked at this instant: with stock, in reach, within caps, quotas and
shares. Nothing is ordered by looking.
"""

from dataclasses import dataclass
from decimal import Decimal

from autoscaler.decide.add import askable
from autoscaler.decide.decision import want_of
from autoscaler.decide.room import Room
from autoscaler.decide.sight import look
from autoscaler.fleet import Demand, FleetPlan, Snapshot
from policies.renewal import Month
from policies.scaling import ScalingPolicy
from policies.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK


@dataclass(frozen=True, slots=True, kw_only=True)
class NextNode:
    """The node a model would be given next."""

    pool: str
    price_usd_hour: Decimal
    """As billed."""
    usd_mtok: float | None
    """Price, interruptions and egress per million tokens of the measured mix, the node busy at the target utilization;
    None: no mix was measured."""


def next_nodes(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> dict[str, NextNode]:
    """By model; a model for which nothing may be had is not in it."""
    month = Month.of(snapshot.now)
    wants = {model: want_of(sight, snapshot, plan, policy, month) for model, sight in look(snapshot, policy).items()}
    room = Room(snapshot=snapshot, wants=wants, policy=policy, month=month)
    found = {}
    for model, want in wants.items():
        offers = askable(want, room, is_floor=False)
        if offers:
            best = offers[0]
            mtok_hour = _mtok_hour(want.sight.demand) * policy.target_utilization
            found[model] = NextNode(
                pool=best.key,
                price_usd_hour=best.price_usd_hour,
                usd_mtok=best.usd_work_hour / mtok_hour if mtok_hour > 0 else None,
            )
    return found


def _mtok_hour(demand: Demand | None) -> float:
    """Million tokens an hour of a reference node busy full time, at the measured mix; 0: not known."""
    if demand is None or demand.work_nodes <= 0:
        return 0.0
    return (demand.input_tok_s + demand.output_tok_s) / demand.work_nodes * SECONDS_PER_HOUR / TOKENS_PER_MTOK
