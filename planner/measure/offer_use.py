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
"""Hours in which requests waited that a profile is judged by at least; the alert wants as much of a day."""
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
    rated_decode_tok_s: float | None = None
    """What a node was rated at in the same steps, output tokens per second; None: not recorded."""

    def ratio_to(self, decode_tok_s: float) -> float | None:
        """Measured throughput over that of a node rated at so much; None: no node was full.

        The rates of then may have been others: ratios are of them.
        """
        if self.throughput_ratio is None or self.rated_decode_tok_s is None:
            return self.throughput_ratio
        return self.throughput_ratio * self.rated_decode_tok_s / decode_tok_s

    @property
    def has_drifted(self) -> bool:
        """Whether the profile of the month no longer said what these nodes did."""
        return self.is_drift(self.throughput_ratio)

    def is_drift(self, ratio: float | None) -> bool:
        """Whether nodes that do so much of what they are rated at call for other rates.

        More than rated is no drift where more requests were in flight than at the rated point: that is past the SLO.
        """
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


def offer_use(
    model: str,
    offer: str,
    utilization: Samples,
    batching: Samples,
    throughput: Samples,
    rated_decode_tok_s: Samples | None = None,
) -> OfferUse:
    """The samples of one offer and model, a `STEP` apart, summed up."""
    values = sorted(utilization.values())
    full = [batching[at_s] for at_s in throughput if at_s in batching]
    rated = [rate for at_s, rate in (rated_decode_tok_s or {}).items() if at_s in throughput]
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
        rated_decode_tok_s=_mean(rated),
    )


def _hours(steps: int) -> float:
    return steps * STEP / timedelta(hours=1)


def _mean(values: Sequence[float]) -> float | None:
    return fsum(values) / len(values) if values else None


def _rank(count: int, share: float) -> int:
    """Place, from 0, of the least of `count` rising values that a share of them does not exceed."""
    return max(0, -int(-share * count // 1) - 1)
