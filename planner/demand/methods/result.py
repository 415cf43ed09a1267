"""A fan with how it was made: the method chosen, the errors of those tried, and what to know of it. Pure."""

from dataclasses import dataclass

from planner.demand.fan import Fan


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodError:
    """How good a method was over rolling origins within the history. Medians and bands of hours held out."""

    name: str
    mase: float | None
    """Mean absolute error over that of the better seasonal-naive; None: nothing to judge by, or it made no error."""
    pinball: float | None
    """Mean pinball loss over the levels 0.05 to 0.95, over mean demand."""
    coverage: float | None
    """Share of hours within the 90 % band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FanResult:
    """The forecast and its provenance."""

    fan: Fan
    method: str
    """The one chosen."""
    errors: tuple[MethodError, ...]
    """Of each method tried, the best first."""
    remarks: tuple[str, ...]
    """What the reader must know: short history, a kind of day never seen."""
