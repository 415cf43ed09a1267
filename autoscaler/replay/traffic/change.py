"""Traffic cut, turned into a forecast and changed as one; a plan's own demand as traffic. Pure.

A what-if changes a forecast (planner.whatif); traffic goes through one and comes back, so that `--set demand=*0.1`
means the same in a plan and in a replay.
"""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from autoscaler.replay.traffic.requests import traffic_of
from autoscaler.replay.world import Floats, Requests, Traffic
from planner.demand.forecast import Forecast
from planner.errors import InputError
from planner.plan import Plan
from policies.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

HOUR = timedelta(hours=1)


def cut(traffic: Traffic, days: float) -> Traffic:
    """The first `days` of the traffic, in whole steps."""
    held = traffic.duration_s / SECONDS_PER_DAY
    if not days > 0:
        raise InputError(f"--days {days:g}: expected more than 0")
    steps = int(days * SECONDS_PER_DAY // traffic.step_s)
    if days > held or not steps:
        raise InputError(f"--days {days:g}: {traffic.source} holds {held:.4g} days; expected at most as many")
    return first(traffic, steps)


def first(traffic: Traffic, steps: int) -> Traffic:
    """The first steps of the traffic, with the requests that arrive in them."""
    end_s = steps * traffic.step_s
    return replace(
        traffic,
        input_tok_s=traffic.input_tok_s[:, :steps],
        output_tok_s=traffic.output_tok_s[:, :steps],
        is_gap=traffic.is_gap[:steps],
        requests={name: _kept(one, one.arrival_s < end_s) for name, one in traffic.requests.items()},
    )


def as_forecast(traffic: Traffic) -> Forecast:
    """The traffic as a forecast whose hours are its steps, to be changed and taken back by `changed_as`."""
    return Forecast(
        start=traffic.start,
        models=traffic.models,
        input_tok_s=traffic.input_tok_s[np.newaxis],
        output_tok_s=traffic.output_tok_s[np.newaxis],
        source=traffic.source,
    )


def changed_as(traffic: Traffic, forecast: Forecast) -> Traffic:
    """The traffic with the demand of a changed `as_forecast`.

    Of single requests so many are left out, or come twice, evenly, that the tokens are those of the forecast; where
    input and output changed apart, each request is shorter or longer instead.
    """
    if forecast.source == traffic.source:
        return traffic
    input_tok_s, output_tok_s = forecast.input_tok_s[0], forecast.output_tok_s[0]
    if not traffic.requests:
        return replace(traffic, input_tok_s=input_tok_s, output_tok_s=output_tok_s, source=forecast.source)
    requests = {}
    for row, name in enumerate(traffic.models):
        more_in = _factor(traffic.input_tok_s[row], input_tok_s[row])
        more_out = _factor(traffic.output_tok_s[row], output_tok_s[row])
        requests[name] = _scaled(traffic.requests[name], more_in, more_out, traffic.source)
    changed = traffic_of(
        requests, start=traffic.start, models=traffic.models, source=forecast.source, remarks=traffic.remarks
    )
    return _as_long_as(changed, traffic)


def traffic_of_plan(plan: Plan, source: str) -> Traffic:
    """The demand a plan was made for, hour by hour; of several scenarios the one it shows."""
    models = tuple(plan.models)
    asked = np.array(
        [
            [
                [getattr(hour.by_model[name], key) if name in hour.by_model else 0.0 for hour in plan.hours_detail]
                for name in models
            ]
            for key in ("input_tok_s", "output_tok_s")
        ]
    )
    shown = f", scenario {plan.scenario_shown}" if plan.scenario_shown else ""
    return Traffic(
        start=plan.start,
        step_s=float(SECONDS_PER_HOUR),
        models=models,
        input_tok_s=asked[0],
        output_tok_s=asked[1],
        is_gap=np.zeros(plan.hours, dtype=np.bool_),
        source=f"{plan.provenance.forecast} as in {source}{shown}",
    )


def _kept(requests: Requests, which: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Requests:
    return Requests(
        arrival_s=requests.arrival_s[which],
        input_tokens=requests.input_tokens[which],
        output_tokens=requests.output_tokens[which],
    )


def _factor(before: Floats, after: Floats) -> float:
    return float(after.sum() / before.sum()) if before.sum() > 0 else 1.0


def _scaled(requests: Requests, more_in: float, more_out: float, source: str) -> Requests:
    if abs(more_in - more_out) > 1e-9:
        return replace(
            requests, input_tokens=requests.input_tokens * more_in, output_tokens=requests.output_tokens * more_out
        )
    due = np.floor(np.arange(len(requests.arrival_s) + 1) * more_in)
    times = np.diff(due).astype(np.int64)
    if not times.any():
        raise InputError(f"{source}: no request is left; expected a larger factor of demand")
    return Requests(
        arrival_s=np.repeat(requests.arrival_s, times),
        input_tokens=np.repeat(requests.input_tokens, times),
        output_tokens=np.repeat(requests.output_tokens, times),
    )


def _as_long_as(changed: Traffic, traffic: Traffic) -> Traffic:
    """The changed traffic over the whole time of the traffic, also where its last requests were left out."""
    missing = traffic.steps - changed.steps
    if missing <= 0:
        return changed
    return replace(
        changed,
        input_tok_s=np.pad(changed.input_tok_s, ((0, 0), (0, missing))),
        output_tok_s=np.pad(changed.output_tok_s, ((0, 0), (0, missing))),
        is_gap=np.pad(changed.is_gap, (0, missing)),
    )
