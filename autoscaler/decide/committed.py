"""Committed: what the month costs even if every end were asked for now, for who looks at the fleet. Pure."""

from dataclasses import replace
from decimal import Decimal

from autoscaler.decide.decision import want_of
from autoscaler.decide.room import Room
from autoscaler.decide.sight import look
from autoscaler.fleet import FleetPlan, Snapshot
from policies.renewal import Month
from policies.scaling import ScalingPolicy

_NO_CAP = Decimal(10) ** 12
"""A month's cap that nothing reaches: what is committed is counted where there is one."""


def committed_usd(snapshot: Snapshot, plan: FleetPlan | None, policy: ScalingPolicy) -> Decimal | None:
    """USD of this month beyond ended leases: each lease to its next renewal, floors to the month's end, as caps count.

    None: a node's price is not known.
    """
    counting = replace(policy, max_usd_month=policy.max_usd_month or _NO_CAP)
    month = Month.of(snapshot.now)
    wants = {
        model: want_of(sight, snapshot, plan, counting, month) for model, sight in look(snapshot, counting).items()
    }
    room = Room(snapshot=snapshot, wants=wants, policy=counting, month=month)
    room.count()
    return None if room.unpriced is not None else room.committed_usd + room.floor_usd
