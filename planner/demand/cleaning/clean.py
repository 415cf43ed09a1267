"""Cleans a history for forecasting, one kind of fault after the other, and says each. Pure; numpy."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from planner.demand.cleaning.gaps import gaps
from planner.demand.cleaning.outliers import outliers
from planner.demand.cleaning.shifts import shifts
from planner.demand.cleaning.value import EVERY_KIND, Cleaned, Finding, Kind
from planner.demand.history import History
from planner.demand.local_time import LocalTime


def cleaned(
    history: History, when: Callable[[datetime, int], LocalTime], kinds: Collection[Kind] = EVERY_KIND
) -> Cleaned:
    """The history without the faults of these kinds. What is not used is not measured; gaps first, shifts last."""
    local = when(history.start, history.hours)
    findings: list[Finding] = []
    if Kind.GAPS in kinds:
        is_gap, found = gaps(history, local)
        history = _without(history, np.broadcast_to(is_gap, history.input_tok_s.shape))
        findings += found
    if Kind.OUTLIERS in kinds:
        marked, found = outliers(history, local)
        history = _without(history, marked)
        findings += found
    if Kind.SHIFTS in kinds:
        factors, found = shifts(history, local)
        history = replace(
            history,
            input_tok_s=history.input_tok_s * factors.input_factor,
            output_tok_s=history.output_tok_s * factors.output_factor,
        )
        findings += found
    return Cleaned(history=history, findings=tuple(findings))


def cleaned_history(
    history: History, *, when: Callable[[datetime, int], LocalTime], kinds: Collection[Kind] = EVERY_KIND
) -> History:
    """The same, without what was found: for whoever cleans one past after the other, in whatever process."""
    return cleaned(history, when, kinds).history


def _without(history: History, marked: NDArray[np.bool_]) -> History:
    """The history with the marked (models, hours) as not measured."""
    if not marked.any():
        return history
    return replace(
        history,
        input_tok_s=np.where(marked, np.nan, history.input_tok_s),
        output_tok_s=np.where(marked, np.nan, history.output_tok_s),
    )
