"""Level shifts: a day from which on demand is lastingly another. Pure; numpy.

    jump(d) = mean of log day means over the 7 days from d on, less that over the 7 days before

A day is a shift where its jump is the largest within a week, is a factor of 1.4 or more either way, is five times what
such jumps usually are in this history, and still stands two weeks later. What came before is multiplied by the factor
between the medians of up to four weeks on either side; beyond a factor of ten it is another service, and is dropped.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from planner.demand.cleaning.usual import day_means
from planner.demand.cleaning.value import Finding, Kind
from planner.demand.history import History
from planner.demand.local_time import LocalTime

LEAST_DAYS = 28
LEAST_FACTOR = 1.4
TIMES = 5.0
MOST_FACTOR = 10.0
_WEEK = 7
_FLOOR = 0.01
"""Of the mean: a day with less counts as that much."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescaled:
    """Factors for (models, hours) of each direction; NaN: not to be used."""

    input_factor: Floats
    output_factor: Floats


def shifts(history: History, local: LocalTime) -> tuple[Rescaled, list[Finding]]:
    """What to multiply the history by so that all of it is at the level of its end, and what to say of it."""
    ones = np.ones(history.input_tok_s.shape)
    factors = Rescaled(input_factor=ones, output_factor=ones.copy())
    findings: list[Finding] = []
    days, index = np.unique(local.day, return_inverse=True)
    for row, model in enumerate(history.models):
        series = history.input_tok_s[row] + history.output_tok_s[row]
        level = _log_level(series, index, len(days))
        is_event = np.isin(np.arange(len(days)), index[local.has_event])
        at = shift_days(np.where(is_event, np.nan, level))
        edges = [0, *at, len(days)]
        for (before, day), (_, after) in zip(pairwise(edges), list(pairwise(edges))[1:], strict=False):
            ratio = _factor(level, before, day, after)
            first = int(np.flatnonzero(index == day)[0])
            is_dropped = not 1 / MOST_FACTOR < ratio < MOST_FACTOR
            for values, factor in (
                (history.input_tok_s[row], factors.input_factor),
                (history.output_tok_s[row], factors.output_factor),
            ):
                own = np.exp(_factor_log(_log_level(values, index, len(days)), before, day, after))
                factor[row, :first] *= np.nan if is_dropped else own
            findings.append(_finding(history, model, first, ratio, is_dropped=is_dropped))
    return factors, findings


def shift_days(level: Floats) -> list[int]:
    """Days, by number, from which on the level is another; `level` is the log of each day's mean, NaN unknown."""
    if (~np.isnan(level)).sum() < LEAST_DAYS:
        return []
    jump = np.array([_mean(level, day, day + _WEEK) - _mean(level, day - _WEEK, day) for day in range(len(level))])
    known = np.abs(jump[~np.isnan(jump)])
    if not known.size:
        return []
    limit = max(np.log(LEAST_FACTOR), TIMES * 1.4826 * float(np.median(known)))
    size = np.nan_to_num(np.abs(jump))
    return [
        day
        for day in range(_WEEK, len(level) - _WEEK + 1)
        if size[day] >= limit
        and size[day] == size[max(0, day - _WEEK) : day + _WEEK + 1].max()
        and _stands(level, day, float(jump[day]))
    ]


def _stands(level: Floats, day: int, jump: float) -> bool:
    """Whether most of the jump is still there in the two weeks from a week later on, or as far as is known."""
    later = _mean(level, day + _WEEK, day + 3 * _WEEK)
    if np.isnan(later):
        return False
    return bool((later - _mean(level, day - 2 * _WEEK, day)) * np.sign(jump) >= 0.6 * abs(jump))


def _mean(level: Floats, first: int, last: int) -> float:
    """Of known days; NaN where under four are."""
    part = level[max(0, first) : last]
    part = part[~np.isnan(part)]
    return float(part.mean()) if len(part) >= 4 else float("nan")


def _log_level(series: Floats, index: NDArray[np.int64], days: int) -> Floats:
    means = day_means(series, ~np.isnan(series), index, days)
    if np.isnan(means).all():
        return means
    logs: Floats = np.log(np.maximum(means, _FLOOR * max(float(np.nanmean(means)), 1e-9)))
    return logs


def _factor_log(level: Floats, before: int, day: int, after: int) -> float:
    """Log of the new level over the old, by up to four weeks on either side."""
    old = level[max(before, day - 4 * _WEEK) : day]
    new = level[day : min(after, day + 4 * _WEEK)]
    if np.isnan(old).all() or np.isnan(new).all():
        return 0.0
    return float(np.nanmedian(new) - np.nanmedian(old))


def _factor(level: Floats, before: int, day: int, after: int) -> float:
    return float(np.exp(_factor_log(level, before, day, after)))


def _finding(history: History, model: str, first: int, ratio: float, *, is_dropped: bool) -> Finding:
    named = f"{model}: " if model else ""
    done = "what came before is not used" if is_dropped else f"what came before is multiplied by {ratio:.3g}"
    return Finding(
        kind=Kind.SHIFTS,
        model=model,
        start=history.hour(first),
        end=history.end,
        hours=first,
        ratio=ratio,
        words=f"{named}demand is {ratio:.3g} times as high from {history.hour(first):%Y-%m-%dT%H:%MZ} on; {done}",
    )
