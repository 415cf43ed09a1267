"""What was asked for in a month, as a forecast: served and unserved tokens per hour, gaps filled. Pure; numpy."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.demand.forecast import Forecast
from planner.demand.horizon import select_month
from planner.month.facts import HOUR, Floats, MonthFacts, Reckoning
from policies.units import SECONDS_PER_HOUR

WEEK_H = 168


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The month's traffic as a forecast of the fleet's models, over its hours that are past."""

    forecast: Forecast
    filled_hours: int
    """Hours that were not measured, and are filled from weeks before or after."""
    remarks: tuple[str, ...]


def asked(month: Reckoning) -> Asked | None:
    """The traffic that came; None where nothing was measured, or all of it is of models the fleet does not know."""
    facts, hours = month.facts, month.hours
    known = hours.is_measured[: facts.past_hours]
    names = [model.name for model in facts.fleet.models]
    seen = [m for m, name in enumerate(hours.models) if _sum(hours.input_tok_s[m], hours.output_tok_s[m]) > 0]
    unknown = tuple(hours.models[m] for m in seen if hours.models[m] not in names)
    rows = [m for name in names for m in seen if hours.models[m] == name]
    if not known.any() or not rows:
        return None
    served = np.stack([hours.input_tok_s, hours.output_tok_s])[:, rows, : facts.past_hours]
    wanted, share = _with_unserved(served, unserved_tok_s(facts, [hours.models[m] for m in rows]))
    filled, far = _filled(wanted, known)
    remarks = []
    gaps = int((~known).sum())
    if gaps:
        remarks.append(
            f"{gaps} of {facts.past_hours} hours were not measured: each takes the traffic of the same hour of the "
            "nearest weeks" + (f", {far} of them the mean of the month" if far else "")
        )
    if share:
        remarks.append(f"traffic is what was served and what was not, {share:.2%} of it")
    if unknown:
        remarks.append(f"{', '.join(unknown)}: not in the fleet, so not planned")
    return Asked(
        forecast=Forecast(
            start=facts.start,
            models=tuple(hours.models[m] for m in rows),
            input_tok_s=filled[0][None],
            output_tok_s=filled[1][None],
            source=f"traffic of {facts.month}",
        ),
        filled_hours=gaps,
        remarks=tuple(remarks),
    )


def repeated_week(traffic: Forecast, month: str) -> Forecast | None:
    """The traffic's last week over and over through a later month; None: it holds no whole week."""
    if traffic.hours < WEEK_H:
        return None
    filled = select_month(traffic, month, "weekly")
    return replace(filled, remarks=())


def unserved_tok_s(facts: MonthFacts, models: list[str]) -> Floats | None:
    """(M, H) input and output tokens asked for and not served, by hour of the past; None: not recorded."""
    served = facts.served
    if served is None or served.unserved_tokens is None:
        return None
    total = np.zeros((len(models), facts.past_hours))
    offset = (served.start - facts.start) // HOUR
    row = np.array([models.index(name) if name in models else -1 for name in served.models], dtype=np.int64)
    hour, model = served.hour.astype(np.int64) + offset, row[served.model]
    inside = (hour >= 0) & (hour < facts.past_hours) & (model >= 0)
    np.add.at(total, (model[inside], hour[inside]), served.unserved_tokens[inside] / SECONDS_PER_HOUR)
    return total


def _with_unserved(served: Floats, unserved: Floats | None) -> tuple[Floats, float]:
    """Served and unserved (2, M, H), the latter at the hour's own mix, or the model's where nothing was served."""
    if unserved is None or not unserved.any():
        return served, 0.0
    whole = np.nan_to_num(served).sum(axis=(0, 2))
    mix = np.divide(np.nan_to_num(served).sum(axis=2), whole, out=np.full((2, served.shape[1]), 0.5), where=whole > 0)[
        :, :, None
    ]
    both = served.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(both > 0, served / both, mix)
    wanted: Floats = served + own * unserved
    return wanted, float(unserved.sum() / np.nansum(wanted))


def _filled(values: Floats, known: NDArray[np.bool_]) -> tuple[Floats, int]:
    """Unknown hours by the mean of the nearest known ones a whole number of weeks away, else by the mean of all."""
    filled = np.where(known, values, 0.0)
    mean = filled[..., known].mean(axis=-1)
    far = 0
    for gap in np.flatnonzero(~known):
        same = np.arange(gap % WEEK_H, len(known), WEEK_H)
        same = same[known[same]]
        if len(same):
            near = same[np.abs(same - gap) == np.abs(same - gap).min()]
            filled[..., gap] = values[..., near].mean(axis=-1)
        else:
            filled[..., gap] = mean
            far += 1
    return filled, far


def _sum(*series: Floats) -> float:
    return sum(float(np.nansum(one)) for one in series)
