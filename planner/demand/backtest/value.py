"""What a back-test found: scores, and for a picture what was forecast beside what came. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The forecast from one origin. Arrays of (models, hours) unless said otherwise, mean tok/s of the target."""

    origin: datetime
    """Its first hour; what came before is all it knew."""
    method: str
    """The one chosen there."""
    actual: NDArray[np.float64]
    """NaN where not measured."""
    mean: NDArray[np.float64]
    bands: NDArray[np.float64]
    """(quantiles, models, hours)"""
    peak: NDArray[np.float64]
    """(models,) median of the highest hour over paths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Scores over rolling origins. Each is a mean over models; those over mean demand are without unit."""

    method: str
    """As asked for; `runs` say what was chosen."""
    target: str
    """input or output."""
    horizon_hours: int
    origins: int
    mase_vs_seasonal_naive: float | None
    """Mean absolute error of the median over that of the better of daily and weekly seasonal-naive, same hours.

    None: the rival made no error."""
    pinball: float
    """Mean pinball loss over the levels 0.05 to 0.95, over mean demand."""
    coverage: Mapping[float, float]
    """Share of hours within the bands of 0.5, 0.8, 0.9 and 0.95."""
    mean_width_ratio: float
    """Mean width of the 90 % band over mean demand."""
    interval_score: float
    """Of the 90 % band, over mean demand."""
    interval_score_vs_seasonal_naive: float | None
    """Over that of the better seasonal-naive with bands calibrated alike."""
    peak_error_ratio: float
    """Mean over origins of |median forecast of the highest hour - highest hour| / highest hour."""
    quantiles: tuple[float, ...]
    runs: tuple[Run, ...]
