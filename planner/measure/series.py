"""Series: samples of one metric of one target, and what a counter or gauge did over a span. Pure.

A counter only rises; where it falls, its server restarted, and it counts from 0 again. What lies between the edges of a
span and the samples next to them is extrapolated as Prometheus' `rate` does: to the edge where that is near, else by
half the time between samples, and never below a count of 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass

NEAR = 1.1
"""An edge is near a sample within this many mean intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Samples in order of time; neither NaN nor infinite."""

    labels: Mapping[str, str]
    """`__name__` among them, where the query kept it."""
    times_s: tuple[float, ...]
    """Seconds since 1970."""
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.times_s) != len(self.values):
            raise ValueError(f"{len(self.times_s)} times and {len(self.values)} values; expected as many")

    @property
    def name(self) -> str:
        """The metric; empty where a query computed it."""
        return self.labels.get("__name__", "")

    @property
    def has_restarted(self) -> bool:
        """Whether a counter fell, so that its server was started anew."""
        return any(after < before for before, after in zip(self.values, self.values[1:], strict=False))


def is_whole(series: Series) -> bool:
    """Whether it has the two samples without which there is no rate."""
    return len(series.values) >= 2


def increase(series: Series, start_s: float, end_s: float, *, was_born: bool = False) -> float:
    """What a counter rose by in [start, end]; 0 of a series with one sample, unless it was born in the span.

    `was_born`: its target answered before without it, so that its first value was counted within the span.
    """
    if not series.values:
        return 0.0
    first = series.values[0]
    risen = first if was_born else 0.0
    for before, after in zip(series.values, series.values[1:], strict=False):
        risen += after - before if after >= before else after
    if was_born or not is_whole(series):
        return risen
    return risen * _stretch(series, start_s, end_s, risen=risen)


def growth(series: Series) -> float:
    """What a gauge changed by from its first sample to its last: not stretched, as what it shows is a state."""
    return series.values[-1] - series.values[0] if series.values else 0.0


def _stretch(series: Series, start_s: float, end_s: float, *, risen: float) -> float:
    """By how much more than between its samples a counter is taken to have risen over the whole span."""
    first_s, last_s = series.times_s[0], series.times_s[-1]
    covered_s = last_s - first_s
    if covered_s <= 0:
        return 1.0
    interval_s = covered_s / (len(series.times_s) - 1)
    before_s, after_s = max(first_s - start_s, 0.0), max(end_s - last_s, 0.0)
    before_s = before_s if before_s < NEAR * interval_s else interval_s / 2
    after_s = after_s if after_s < NEAR * interval_s else interval_s / 2
    if risen > 0:
        before_s = min(before_s, covered_s * series.values[0] / risen)  # it was 0 there, and not below before
    return (covered_s + before_s + after_s) / covered_s
