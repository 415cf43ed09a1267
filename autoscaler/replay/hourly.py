"""The traffic of a replay by the hour, as a plan is made for it. Pure."""

import numpy as np

from autoscaler.replay.world import Floats, Traffic
from planner.demand.forecast import Forecast

SECONDS_PER_HOUR = 3600


def hourly(traffic: Traffic) -> Forecast:
    """The traffic as a forecast that comes true: mean tok/s by hour from the hour of its start; a last part is one."""
    steps = max(1, round(SECONDS_PER_HOUR / traffic.step_s))
    return Forecast(
        start=traffic.start.replace(minute=0, second=0, microsecond=0),
        models=traffic.models,
        input_tok_s=_means(traffic.input_tok_s, steps)[np.newaxis],
        output_tok_s=_means(traffic.output_tok_s, steps)[np.newaxis],
        source=traffic.source,
    )


def _means(series: Floats, steps: int) -> Floats:
    """(M, T) to (M, hours): means of `steps` columns, the last of those that are left."""
    starts = np.arange(0, series.shape[1], steps)
    sizes = np.diff(np.append(starts, series.shape[1]))
    means: Floats = np.add.reduceat(series, starts, axis=1) / sizes
    return means
