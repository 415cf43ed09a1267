"""How busy nodes of each offer were with each model, how full their batches, what they did over the rated. Pure.

A step without a sample was not measured, which is neither idle nor full.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import fsum

STEP = timedelta(minutes=5)
"""What the recorded rates span: samples so far apart share no second."""
FEW_SATURATED_HOURS = 0.5
"""Of nodes in which requests waited, below which nothing is said of a profile: as the alert has it."""
LEAST_RATIO, MOST_RATIO = 0.85, 1.25
"""Measured over rated throughput that a profile is taken to agree with: as the alert has it."""

Samples = Mapping[float, float]
"""Values by second since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferUse:
    """Nodes of one offer that served one model, over the steps in which they were measured."""

    offer: str
    model: str
    measured_hours: float
    utilization_mean: float
    """Work over what the profile rates: 1 is busy all the time."""
    utilization_p95: float
    batching_ratio: float | None
    """Requests in flight over those of the rated point; None: the profile says none."""
    saturated_hours: float
    """In which requests waited in some node throughout, so that it showed what it can do."""
    throughput_ratio: float | None
    """Measured over rated throughput of such nodes; None: there were none."""
    saturated_batching_ratio: float | None
    """Requests in flight over those of the rated point in the same steps."""

    @property
    def has_drifted(self) -> bool:
        """Whether the profile no longer says what these nodes do.

        More than rated is no drift where more requests were in flight than at the rated point: that is past the SLO.
        """
        ratio = self.throughput_ratio
        if ratio is None or self.saturated_hours < FEW_SATURATED_HOURS:
            return False
        is_overfull = self.saturated_batching_ratio is not None and self.saturated_batching_ratio > 1
        return ratio < LEAST_RATIO or (ratio > MOST_RATIO and not is_overfull)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetUse:
    """All offers and models of a span, by model and offer."""

    rows: tuple[OfferUse, ...]
    source: str
    """The Prometheus that was asked, as it may be shown."""
    warnings: tuple[str, ...] = ()


def offer_use(model: str, offer: str, utilization: Samples, batching: Samples, throughput: Samples) -> OfferUse:
    """The samples of one offer and model, a `STEP` apart, summed up."""
    values = sorted(utilization.values())
    full = [batching[at_s] for at_s in throughput if at_s in batching]
    return OfferUse(
        offer=offer,
        model=model,
        measured_hours=_hours(len(values)),
        utilization_mean=fsum(values) / len(values),
        utilization_p95=values[_rank(len(values), 0.95)],
        batching_ratio=_mean(tuple(batching.values())),
        saturated_hours=_hours(len(throughput)),
        throughput_ratio=_mean(tuple(throughput.values())),
        saturated_batching_ratio=_mean(full),
    )


def _hours(steps: int) -> float:
    return steps * STEP / timedelta(hours=1)


def _mean(values: Sequence[float]) -> float | None:
    return fsum(values) / len(values) if values else None


def _rank(count: int, share: float) -> int:
    """Place, from 0, of the least of `count` rising values that a share of them does not exceed."""
    return max(0, -int(-share * count // 1) - 1)
