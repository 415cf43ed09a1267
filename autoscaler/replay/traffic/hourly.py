"""The traffic of a replay by the hour, as a plan is made for it. Pure."""

import numpy as np

from autoscaler.replay.world import Floats, Traffic
from planner.demand.forecast import Forecast
from policies.units import SECONDS_PER_HOUR


def hourly(traffic: Traffic) -> Forecast:
    """The traffic as a forecast that comes true: mean tok/s by hour, of a part of an hour the mean of that part."""
    start = traffic.start.replace(minute=0, second=0, microsecond=0)
    into_s = (traffic.start - start).total_seconds()
    steps_s = into_s + np.arange(traffic.steps) * traffic.step_s
    hour = (steps_s // SECONDS_PER_HOUR).astype(np.int64)
    steps = np.bincount(hour)

    def means(tok_s: Floats) -> Floats:
        return np.array([[np.bincount(hour, weights=row) / steps for row in tok_s]])

    return Forecast(
        start=start,
        models=traffic.models,
        input_tok_s=means(traffic.input_tok_s),
        output_tok_s=means(traffic.output_tok_s),
        source=traffic.source,
    )
