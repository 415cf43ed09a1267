"""History: what models were asked for over past hours; what was not measured is told apart from 0. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Demand over consecutive past hours. Arrays have the shape (models, hours), mean tok/s over each hour."""

    start: datetime
    """First hour, aware UTC."""
    models: tuple[str, ...]
    input_tok_s: NDArray[np.float64]
    """NaN: not measured, which is not 0."""
    output_tok_s: NDArray[np.float64]
    """NaN exactly where the input is."""
    source: str = ""
    """Where it came from, for the forecast's provenance."""
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.start.utcoffset() != timedelta(0):
            raise ValueError(f"start must be UTC, got {self.start}")
        if self.start.replace(minute=0, second=0, microsecond=0) != self.start:
            raise ValueError(f"start must be a whole hour, got {self.start}")
        shape = (len(self.models), self.hours)
        if self.input_tok_s.shape != shape or self.output_tok_s.shape != shape:
            raise ValueError(
                f"demand must have the shape {shape}, got {self.input_tok_s.shape} and {self.output_tok_s.shape}"
            )
        if (np.isnan(self.input_tok_s) != np.isnan(self.output_tok_s)).any():
            raise ValueError("an hour is measured in both directions or in none")

    @property
    def hours(self) -> int:
        """Number of hours, gaps included."""
        return int(self.input_tok_s.shape[-1])

    @property
    def end(self) -> datetime:
        """The instant after the last hour."""
        return self.start + self.hours * _HOUR

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """(models, hours) where something was measured, be it 0."""
        return ~np.isnan(self.input_tok_s)

    def hour(self, index: int) -> datetime:
        """Start of the hour at `index`; those from `hours` on are yet to come."""
        return (self.start + index * _HOUR).astimezone(UTC)
