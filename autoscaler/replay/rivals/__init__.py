"""Rivals: what others do with the same replay, by name; each module says what is copied and from where."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from autoscaler.fleet import FleetPlan
from autoscaler.replay.rivals.hpa import hpa
from autoscaler.replay.rivals.schedule import schedule
from autoscaler.replay.rivals.skyserve import skyserve
from autoscaler.replay.rivals.static_peak import static_peak
from autoscaler.replay.rivals.static_plan import static_plan
from autoscaler.replay.rivals.threshold import threshold
from autoscaler.replay.world import Decider, World

Rival: TypeAlias = Callable[[World, FleetPlan | None], Decider]
"""Makes a decider with no memory yet. Raises InputError where it needs a plan and there is none."""

RIVALS: Mapping[str, Rival] = MappingProxyType(
    {
        "static-peak": static_peak,
        "static-plan": static_plan,
        "hpa": hpa,
        "threshold": threshold,
        "skyserve": skyserve,
        "schedule": schedule,
    }
)
