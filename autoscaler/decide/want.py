"""Want: what one model is to be given, and what of it was decided on so far. Pure, but counts along."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from autoscaler.decide.merit import Offer
from autoscaler.decide.need import Level, Need, launch_level
from autoscaler.decide.sight import Sight
from policies.scaling import ScalingPolicy, is_above_band, is_enough, wanted_capacity


@dataclass(slots=True, kw_only=True)
class Want:
    """What one model is to be given; nodes decided on are counted in as they come."""

    sight: Sight
    offers: Sequence[Offer]
    """Pools that can serve it, in merit order."""
    leads_s: Sequence[float] = field(init=False)
    """Their lead times, each once; without a pool, 0."""
    longest_lead_s: float = field(init=False)
    need: Need | None = None
    """None: blind."""
    blind: tuple[str, float] | None = None
    """Why its demand is not known, and for how many seconds."""
    blind_level: Level | None = None
    """The plan's, where the model has been blind for long enough."""
    floor: int = 0
    capacity: float = 0.0
    counted: int = 0
    """Burst nodes that serve or come, those decided on included."""
    replaced: int = 0
    """Leaving nodes a launch was decided for."""
    has_moved: bool = False
    """Whether a node was launched for it, or one that drained serves again."""
    kept: str | None = None
    """Why a node too many is kept."""
    refusals: dict[str, str] = field(default_factory=dict)
    """By pool, why no further node of it may be launched now."""
    levels: dict[float, Level] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.leads_s = tuple({offer.lead_s for offer in self.offers}) or (0.0,)
        self.longest_lead_s = max(self.leads_s)

    def level(self, lead_s: float) -> Level:
        """What capacity that takes `lead_s` to come must carry."""
        found = self.levels.get(lead_s)
        if found is None:
            found = self._level(lead_s)
            self.levels[lead_s] = found
        return found

    def _level(self, lead_s: float) -> Level:
        if self.need is not None:
            return launch_level(self.need, lead_s)
        return self.blind_level or Level(work=0.0, kind="blind")

    def missing(self, lead_s: float, policy: ScalingPolicy) -> float:
        """Capacity still to be ordered, reference nodes; 0 inside the band or where enough was decided on.

        Outside the band is judged by the fleet as it was seen; once outside, capacity is filled to the target.
        """
        level = self.level(lead_s)
        if self.need is None:  # the plan's level is a capacity, and has no band
            wanted = level.work
        elif is_above_band(policy, level.work, self.sight.lasting_work):
            wanted = wanted_capacity(policy, level.work)
        else:
            return 0.0
        return 0.0 if is_enough(self.capacity, wanted) else wanted - self.capacity

    @property
    def is_under_floor(self) -> bool:
        """Whether fewer nodes serve or come than the floor."""
        return self.counted < self.floor

    def is_missing(self, policy: ScalingPolicy) -> bool:
        """Whether anything is to be ordered for it now, from any pool."""
        if self.is_under_floor:
            return True
        return any(self.missing(lead_s, policy) > 0 for lead_s in self.leads_s)
