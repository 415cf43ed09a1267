"""Controllers of a replay by name: ours, the same with a perfect forecast, and the rivals; each with what it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from autoscaler.decide import decide
from autoscaler.fleet import FleetPlan
from autoscaler.replay.oracle import oracle
from autoscaler.replay.rivals import RIVALS, Rival
from autoscaler.replay.world import Decider, World

OURS = "baseload"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownController:
    """One controller."""

    summary: str
    """What a reader of a comparison should know of it, in a line."""
    make: Rival
    """A decider with no memory yet, for a world and the plan in force."""
    needs_plan: bool = False


def _ours(world: World, plan: FleetPlan | None) -> Decider:  # noqa: ARG001 - all controllers are made alike
    return decide


_SUMMARIES = {
    "static-peak": "as many nodes as the highest step needs, all the time; in hindsight",
    "static-plan": "the plan's burst nodes hour by hour, whatever the traffic does",
    "hpa": "Kubernetes' HorizontalPodAutoscaler with its defaults, on work per ready capacity",
    "threshold": "Kubernetes' Cluster Autoscaler with its defaults: out for what does not fit, in after 10 min idle",
    "skyserve": "SkyServe's delays of 300 s out and 1200 s in, with SpotHedge where there is spot",
    "schedule": "a count for each hour of the week, from the weeks before; in the first week, from the hour itself",
}


def _told(world: World, plan: FleetPlan | None) -> Decider:  # noqa: ARG001 - all controllers are made alike
    return oracle(world, decide)


CONTROLLERS: Mapping[str, KnownController] = MappingProxyType(
    {
        OURS: KnownController(summary="this controller, as the daemon runs it", make=_ours),
        "oracle": KnownController(
            summary="this controller told the traffic of one lead time: what prediction could still win", make=_told
        ),
        **{
            name: KnownController(summary=_SUMMARIES[name], make=make, needs_plan=name == "static-plan")
            for name, make in RIVALS.items()
        },
    }
)
