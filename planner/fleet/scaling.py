"""The scaling part of a policy: what it has in common with the plan, and how it follows it. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from policies.planning import PlanningPolicy
from policies.scaling import ScalingPolicy, band_around

IN_COMMON = ("target_utilization", "max_unserved_ratio", "max_spot_share", "max_pool_share")
"""Keys of the plan that the autoscaler keeps to as well, unless [scaling] writes its own."""
BAND = ("low_utilization", "high_utilization")


def scaling_table(planning: Mapping[str, Any], preset: Mapping[str, Any], written: Any) -> Any:
    """The scaling table as meant: what is written, then the preset's, then what it has in common with the plan.

    A band that nobody wrote lies around the target. What is wrong is left for the reader to refuse where it stands.
    """
    if not isinstance(written, Mapping):
        return written
    shared = {key: planning[key] for key in IN_COMMON if _is_ratio(planning.get(key))}
    if not shared.get("target_utilization", 1):
        return {**preset, **written}  # the plan's target of 0 is refused there
    table = {**shared, **preset, **written}
    target = table.get("target_utilization")
    if _is_ratio(target) and target:
        table = {**dict(zip(BAND, band_around(target), strict=True)), **table}
    return table


def _is_ratio(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def followed(scaling: ScalingPolicy, before: PlanningPolicy, after: PlanningPolicy) -> ScalingPolicy:
    """The scaling policy when the plan's policy changes: what was the plan's still is, what differed stays."""
    changed: dict[str, Any] = {
        key: getattr(after, key) for key in IN_COMMON if getattr(scaling, key) == getattr(before, key)
    }
    if has_own_band(scaling):
        return replace(scaling, **changed)
    low, high = band_around(changed.get("target_utilization", scaling.target_utilization))
    return replace(scaling, **{**changed, "low_utilization": low, "high_utilization": high})


def has_own_band(scaling: ScalingPolicy) -> bool:
    """Whether the band is another than the one around its target."""
    return (scaling.low_utilization, scaling.high_utilization) != band_around(scaling.target_utilization)
