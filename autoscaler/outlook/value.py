"""Outlook: what a model is expected to be asked for within one lead time, and the capacity worth having. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Work to come, in reference nodes, at the next observation and one lead time after the last.

    How it is meant to be used, with ready and coming capacity in the same nodes:

    - launch until ready + coming reaches `wanted_work[-1]`;
    - release a ready node only if ready + coming without it stays at or above `keep_work`, and ready without it at or
      above `wanted_work[0]`: what still loads cannot serve before it is ready.
    """

    made_at_s: float
    horizons_s: tuple[float, ...]
    """Seconds from `made_at_s`, rising: the next observation, the lead time."""
    expected_work: tuple[float, ...]
    """Mean at each horizon."""
    wanted_work: tuple[float, ...]
    """Capacity worth having at each horizon, margin included: what launches aim at."""
    keep_work: float
    """Capacity below which nothing is released yet: holds and margins of release included."""

    def __post_init__(self) -> None:
        if not len(self.horizons_s) == len(self.expected_work) == len(self.wanted_work) > 0:
            raise ValueError("expected one mean and one wanted capacity per horizon, and one horizon at least")
        if not all(0 <= work < float("inf") for work in (*self.expected_work, *self.wanted_work, self.keep_work)):
            raise ValueError("work must be finite and 0 or more")
