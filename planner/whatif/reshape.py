"""Demand of another shape with the same tokens: another mix of input and output, higher or lower peaks. Pure.

Both work on each chosen model of each scenario by itself, and leave zero hours at zero.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from planner.demand.forecast import Forecast

Floats = NDArray[np.float64]


def mixed(forecast: Forecast, rows: Sequence[int], factor: float) -> Forecast:
    """Input tokens per output token times `factor` in every hour, the hour's tokens in total the same.

    I' = T x F x I / (F x I + O), O' = T x O / (F x I + O), T = I + O. An hour of one kind alone stays as it is.
    """
    given, made = forecast.input_tok_s, forecast.output_tok_s
    total = given + made
    weighed = factor * given + made
    share = np.divide(factor * given, weighed, out=np.zeros_like(given), where=weighed > 0)
    share = np.where(weighed > 0, share, 1.0)  # input alone and a factor of 0: nothing else could be asked for
    return replace(
        forecast,
        input_tok_s=_in_rows(given, total * share, rows),
        output_tok_s=_in_rows(made, total * (1 - share), rows),
    )


def peaked(forecast: Forecast, rows: Sequence[int], power: float) -> Forecast:
    """Each hour over the mean hour raised to `power`, then scaled so that the mean stays; each hour's mix stays.

    With d = I + O and its mean m over the hours: d' = c x m x (d / m)^power, c so that the mean of d' is m. Power 0 is
    flat (over the hours that have demand), 1 changes nothing, 2 squares what stands out.
    """
    total = forecast.input_tok_s + forecast.output_tok_s
    mean = total.mean(axis=-1, keepdims=True)
    shape = np.divide(total, mean, out=np.zeros_like(total), where=mean > 0)
    raised = np.where(shape > 0, np.power(np.where(shape > 0, shape, 1.0), power), 0.0)
    level = raised.mean(axis=-1, keepdims=True)
    scale = np.divide(raised, level * shape, out=np.ones_like(total), where=shape > 0)
    return replace(
        forecast,
        input_tok_s=_in_rows(forecast.input_tok_s, forecast.input_tok_s * scale, rows),
        output_tok_s=_in_rows(forecast.output_tok_s, forecast.output_tok_s * scale, rows),
    )


def _in_rows(before: Floats, after: Floats, rows: Sequence[int]) -> Floats:
    """The demand after in these models, and before in the others."""
    new = before.copy()
    new[:, list(rows)] = after[:, list(rows)]
    return new
