"""Forecast: input and output tok/s of each model, hour and scenario. Pure: values and checks."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Demand over consecutive hours. Arrays have the shape (scenarios, models, hours), mean tok/s over each hour."""

    start: datetime
    """First hour, aware UTC."""
    models: tuple[str, ...]
    scenarios: tuple[str, ...] = ("",)
    """Names; a forecast without scenarios has one, named by the empty string."""
    probability: tuple[float, ...] = (1.0,)
    input_tok_s: NDArray[np.float64]
    output_tok_s: NDArray[np.float64]
    source: str = ""
    """Where it came from, for the plan's provenance."""
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.start.utcoffset() != timedelta(0):
            raise ValueError(f"start must be UTC, got {self.start}")
        shape = (len(self.scenarios), len(self.models), self.hours)
        if self.input_tok_s.shape != shape or self.output_tok_s.shape != shape:
            raise ValueError(
                f"demand must have the shape {shape}, got {self.input_tok_s.shape} and {self.output_tok_s.shape}"
            )
        if len(self.probability) != len(self.scenarios) or abs(sum(self.probability) - 1) > 1e-6:
            raise ValueError(f"scenario probabilities must sum to 1, got {sum(self.probability)}")

    @property
    def hours(self) -> int:
        """Number of hours."""
        return int(self.input_tok_s.shape[-1])

    @property
    def end(self) -> datetime:
        """The instant after the last hour."""
        return self.start + timedelta(hours=self.hours)

    def hour(self, index: int) -> datetime:
        """Start of the hour at `index`."""
        return (self.start + timedelta(hours=index)).astimezone(UTC)

    def scaled(self, factor: float) -> "Forecast":
        """The same forecast with every demand multiplied by `factor`."""
        return replace(self, input_tok_s=self.input_tok_s * factor, output_tok_s=self.output_tok_s * factor)
