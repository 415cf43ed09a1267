"""The peak hour: how high the highest hour of the horizon may be. Pure; read off whole paths.

The highest hour of a horizon is likely above the band of any one hour: among many hours some are in their upper tail.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.demand.forecast import Forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Quantiles of the highest hour, mean tok/s over that hour."""

    levels: tuple[float, ...]
    input_tok_s: NDArray[np.float64]
    """(levels, models)"""
    output_tok_s: NDArray[np.float64]


def peaks_of(paths: Forecast, levels: Sequence[float]) -> Peaks:
    """Of the highest hour of the whole horizon."""
    return Peaks(
        levels=tuple(levels),
        input_tok_s=_highest(paths.input_tok_s, paths.probability, levels),
        output_tok_s=_highest(paths.output_tok_s, paths.probability, levels),
    )


def _highest(values: NDArray[np.float64], probability: Sequence[float], levels: Sequence[float]) -> NDArray[np.float64]:
    """(levels, models) the least peak that paths of the level's probability stay at or below."""
    peak = values.max(axis=-1)
    order = peak.argsort(axis=0, kind="stable")
    reached = np.cumsum(np.asarray(probability)[order], axis=0)
    ranked = np.take_along_axis(peak, order, axis=0)
    at = [np.minimum((reached < level - 1e-9).sum(axis=0), len(peak) - 1) for level in levels]
    return np.stack([np.take_along_axis(ranked, one[None], axis=0)[0] for one in at])
