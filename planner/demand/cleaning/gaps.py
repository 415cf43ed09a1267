"""Collector gaps: hours in which every model reads 0 although somebody always came. Pure; numpy.

A run of such hours is a gap where, in one of its hours of the day, nineteen of twenty other days have at least a tenth
of what is usual then. Where nobody comes at night, a night without anyone is not one.
"""

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from planner.demand.cleaning.value import Finding, Kind
from planner.demand.history import History
from planner.demand.local_time import LocalTime

LEAST_DAYS = 7
"""Other days that must be known at the hour."""
LEAST_SHARE = 0.1
_LOW = 0.05


def gaps(history: History, local: LocalTime) -> tuple[NDArray[np.bool_], list[Finding]]:
    """(hours,) where the collector was off, and what to say of it."""
    both = history.input_tok_s + history.output_tok_s
    is_known = ~np.isnan(both)
    whole = np.where(is_known, both, 0).sum(axis=0)
    is_zero = is_known.any(axis=0) & (whole == 0)
    is_gap = np.zeros(history.hours, dtype=bool)
    findings = []
    usual = _busy_hours(whole, is_known.any(axis=0) & ~is_zero, is_zero, local)
    for first, last in runs(is_zero):
        inside = slice(first, last)
        if not usual[local.hour_of_day[inside]].any():
            continue
        is_gap[inside] = True
        findings.append(
            Finding(
                kind=Kind.GAPS,
                model=None,
                start=history.hour(first),
                end=history.hour(last),
                hours=last - first,
                ratio=None,
                words=f"{last - first} hours in which every model reads 0, from {history.hour(first):%Y-%m-%dT%H:%MZ},"
                " are taken as not measured",
            )
        )
    return is_gap, findings


def _busy_hours(
    whole: NDArray[np.float64], is_asked: NDArray[np.bool_], is_zero: NDArray[np.bool_], local: LocalTime
) -> NDArray[np.bool_]:
    """(24,) hours of the day in which nearly every day somebody comes.

    Zeros are days like others unless they are many hours long: those of a gap must not argue for themselves.
    """
    counted = is_asked.copy()
    for first, last in runs(is_zero):
        counted[first:last] = last - first < 2
    found = np.zeros(24, dtype=bool)
    for hour in range(24):
        these = whole[counted & (local.hour_of_day == hour)]
        if len(these) > LEAST_DAYS:
            low, middle = np.quantile(these, [_LOW, 0.5])
            found[hour] = middle > 0 and low >= LEAST_SHARE * middle
    return found


def runs(marks: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where marks are set, as half-open spans."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], marks, [False])).astype(np.int8)))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def at_hours(history: History, first: int, last: int) -> str:
    """A span of hours for people."""
    start, end = history.hour(first), history.hour(last - 1) + timedelta(hours=1)
    if last - first == 1:
        return f"{start:%Y-%m-%dT%H:%MZ}"
    return f"{start:%Y-%m-%dT%H:%MZ} to {end:%Y-%m-%dT%H:%MZ}"
