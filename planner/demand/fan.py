"""Fan: a forecast with what is not known of it, as bands by the hour and as whole paths. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.demand.forecast import Forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """The mean forecast, its quantiles by the hour, and paths that keep what hours have to do with each other."""

    mean: Forecast
    """Of one scenario."""
    quantiles: tuple[float, ...]
    """In rising order, each in (0, 1)."""
    input_tok_s: NDArray[np.float64]
    """(quantiles, models, hours) mean tok/s over each hour; each hour's own quantile, not a path."""
    output_tok_s: NDArray[np.float64]
    """(quantiles, models, hours)"""
    paths: Forecast | None = None
    """Scenarios, alike in probability unless reduced; None: none were drawn."""

    def __post_init__(self) -> None:
        if len(self.mean.scenarios) != 1:
            raise ValueError(f"the mean has one scenario, got {len(self.mean.scenarios)}")
        if list(self.quantiles) != sorted(set(self.quantiles)) or not all(0 < one < 1 for one in self.quantiles):
            raise ValueError(f"quantiles must rise within (0, 1), got {self.quantiles}")
        shape = (len(self.quantiles), len(self.mean.models), self.mean.hours)
        if self.input_tok_s.shape != shape or self.output_tok_s.shape != shape:
            raise ValueError(f"bands must have the shape {shape}, got {self.input_tok_s.shape}")
        for band in (self.input_tok_s, self.output_tok_s):
            if (np.diff(band, axis=0) < 0).any():
                raise ValueError("a higher quantile is never below a lower one")
