"""The series of a forecast, one per model and direction, as tables and pictures show them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.demand.forecasting import Forecasted

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One direction of one model, mean tok/s of each hour."""

    name: str
    """Such as "chat input"."""
    model: str
    past: Floats
    """NaN: not measured."""
    mean: Floats
    bands: Floats
    """(quantiles, hours)"""
    peak: Mapping[float, float]
    """The highest hour, by quantile."""


def lines_of(made: Forecasted) -> list[Line]:
    """Input before output, model by model."""
    fan, history = made.fan, made.history
    return [
        Line(
            name=f"{peak.model} {word}".strip(),
            model=peak.model,
            past=past[row],
            mean=mean[0, row],
            bands=bands[:, row],
            peak=highest,
        )
        for row, peak in enumerate(made.peaks)
        for word, past, mean, bands, highest in (
            ("input", history.input_tok_s, fan.mean.input_tok_s, fan.input_tok_s, peak.input_tok_s),
            ("output", history.output_tok_s, fan.mean.output_tok_s, fan.output_tok_s, peak.output_tok_s),
        )
    ]
