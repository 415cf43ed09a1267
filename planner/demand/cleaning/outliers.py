"""Outliers: a few hours in a row far from what is usual in them, judged by the hour of the week. Pure; numpy.

An hour is far off where its miss is six times the robust spread of misses of its kind, and demand is under a third or
above three times of what is usual. Up to six such hours in a row are outliers, and are not forecast from. More are an
event that somebody knows the name of, and are said and kept. Days of the calendar are never outliers.
"""

import numpy as np
from numpy.typing import NDArray

from planner.demand.cleaning.gaps import at_hours, runs
from planner.demand.cleaning.usual import Usual, usual
from planner.demand.cleaning.value import Finding, Kind
from planner.demand.history import History
from planner.demand.local_time import LocalTime

SPREADS = 6.0
TIMES = 3.0
LONGEST_H = 6
"""Hours in a row that are still outliers."""


def outliers(history: History, local: LocalTime) -> tuple[NDArray[np.bool_], list[Finding]]:
    """(models, hours) that are not to be forecast from, and what to say of them."""
    marked = np.zeros(history.input_tok_s.shape, dtype=bool)
    findings: list[Finding] = []
    for row, model in enumerate(history.models):
        series = (history.input_tok_s[row], history.output_tok_s[row])
        judged = [usual(one, local, local.has_event) for one in series]
        far = np.zeros(history.hours, dtype=bool)
        for one in judged:
            if one is not None:
                far |= is_far(one) & ~local.has_event
        for first, last in runs(_joined(far)):
            is_kept = last - first > LONGEST_H
            marked[row, first:last] = not is_kept
            findings.append(
                _finding(history, model, (first, last), _ratio(series, judged, first, last), is_kept=is_kept)
            )
    return marked, findings


def is_far(one: Usual) -> NDArray[np.bool_]:
    """Where demand is far from what is usual; False where that is not known."""
    size = np.abs(np.nan_to_num(one.miss))
    limit = np.where(np.isnan(one.spread), np.inf, np.maximum(SPREADS * one.spread, np.log(TIMES)))
    return np.asarray(size > limit)


def _joined(far: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Runs that one or two hours part are one."""
    joined = far.copy()
    for first, last in runs(~far):
        if first > 0 and last < len(far) and last - first <= 2:
            joined[first:last] = True
    return joined


def _ratio(
    series: tuple[NDArray[np.float64], NDArray[np.float64]], judged: list[Usual | None], first: int, last: int
) -> float | None:
    """Measured over usual, input and output together."""
    came = sum(float(np.nansum(one[first:last])) for one in series)
    known = sum(float(np.nansum(one.tok_s[first:last])) for one in judged if one is not None)
    return came / known if known > 0 else None


def _finding(history: History, model: str, span: tuple[int, int], ratio: float | None, *, is_kept: bool) -> Finding:
    first, last = span
    off = "" if ratio is None else f" ({ratio:.2g} times what is usual)"
    named = f"{model}: " if model else ""
    told = (
        f"{named}{at_hours(history, first, last)} is unusual{off} and kept; name it with --events if it is special"
        if is_kept
        else f"{named}{at_hours(history, first, last)} is an outlier{off} and is not forecast from"
    )
    return Finding(
        kind=Kind.OUTLIERS,
        model=model,
        start=history.hour(first),
        end=history.hour(last),
        hours=last - first,
        ratio=ratio,
        words=told,
        is_kept=is_kept,
    )
