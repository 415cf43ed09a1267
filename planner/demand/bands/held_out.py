"""What was forecast at moments of the past beside what came, which bands are calibrated on. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Forecasts from past origins, each from the hours before it alone. Series are directions of models."""

    predicted: NDArray[np.float64]
    """(origins, series, hours ahead) medians; NaN where the history ends."""
    actual: NDArray[np.float64]
    """(origins, series, hours ahead); NaN where not measured, or still to come."""
    hour_class: NDArray[np.int64]
    """(origins, hours ahead) see `day_class.hour_class`."""
    age_days: NDArray[np.float64]
    """(origins,) before the end of the history."""

    def of(self, origins: NDArray[np.bool_]) -> "HeldOut":
        """Those of some of the origins."""
        return HeldOut(
            predicted=self.predicted[origins],
            actual=self.actual[origins],
            hour_class=self.hour_class[origins],
            age_days=self.age_days[origins],
        )
