"""Outlook: what a model is expected to be asked for within one lead time, and the capacity worth having. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Work to come, in reference nodes, at a few horizons up to the lead time."""

    made_at_s: float
    horizons_s: tuple[float, ...]
    """Seconds from `made_at_s`, rising."""
    expected_work: tuple[float, ...]
    """Mean at each horizon."""
    wanted_work: tuple[float, ...]
    """Capacity worth having at each horizon, margin included: what launches aim at."""
    keep_work: float
    """Capacity below which nothing is released yet: holds and margins of release included."""
