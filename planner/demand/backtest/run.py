"""A back-test: forecasts from origins of the past, each from nothing but the hours before it, and their scores."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from planner.demand.backtest.score import QUANTILES, scored
from planner.demand.backtest.value import Backtest, Run
from planner.demand.bands.peaks import peaks_of
from planner.demand.history import History
from planner.demand.local_time import LocalTime
from planner.demand.methods.choose import RIVALS
from planner.demand.methods.fan import fan_of
from planner.errors import InputError

_DAY_H = 24
_ORIGINS = 8
_LEAST_H = 72
_PATHS = 100
When = Callable[[datetime, int], LocalTime]
Prepare = Callable[[History], History]
Target = Literal["input", "output"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One run of a back-test: all that it depends on."""

    history: History
    when: When
    first: int
    """Hours of history it sees."""
    horizon: int
    method: str
    target: Target
    seed: int
    prepare: Prepare | None = None
    """What is done to the hours it sees before it forecasts; None: nothing."""


Runs = Callable[[Sequence[Asked]], Sequence[Run]]
"""Does runs, in their order."""


def one_by_one(asked: Sequence[Asked]) -> list[Run]:
    """The runs, one after the other."""
    return [run_of(one) for one in asked]


def run_of(asked: Asked) -> Run:
    """One run."""
    return run_from(
        asked.history,
        asked.when,
        asked.first,
        asked.horizon,
        method=asked.method,
        target=asked.target,
        seed=asked.seed,
        prepare=asked.prepare,
    )


def backtest(
    history: History,
    when: When,
    *,
    horizon: int,
    origins: int | None = None,
    method: str = "auto",
    target: Target = "output",
    seed: int = 0,
    runs: Runs = one_by_one,
    prepare: Prepare | None = None,
) -> Backtest:
    """How good forecasts of `horizon` hours would have been; InputError where the history is too short for one.

    `origins`: how many, whole days before the end of the history, evenly spread over its younger half; None: 8 or as
    many as fit. `runs` does the forecasts, each by itself. `prepare`: what is done to each past before it is forecast
    from, such as cleaning; it is given no hour from the origin on, and what came is compared as it was measured.
    """
    firsts = origins_within(history.hours, horizon, origins)
    names = list(dict.fromkeys((method, *RIVALS)))
    asked = [
        Asked(
            history=history,
            when=when,
            first=first,
            horizon=horizon,
            method=name,
            target=target,
            seed=seed,
            prepare=prepare,
        )
        for name in names
        for first in firsts
    ]
    done = runs(asked)
    found = {name: done[at * len(firsts) : (at + 1) * len(firsts)] for at, name in enumerate(names)}
    return scored(found[method], {name: found[name] for name in RIVALS}, method=method, target=target)


def origins_within(held: int, horizon: int, count: int | None) -> tuple[int, ...]:
    """Hours of history before each origin, the youngest as late as its horizon allows."""
    latest = held - horizon
    days = (latest - max(_LEAST_H, latest // 2)) // _DAY_H
    if latest < _LEAST_H:
        raise InputError(
            f"the history has {held} hours; a back-test of {horizon} hours ahead needs {horizon + _LEAST_H} or more"
        )
    wanted = _ORIGINS if count is None else count
    if wanted < 1:
        raise InputError(f"origins is {wanted}; expected 1 or more")
    back = np.unique(np.linspace(0, days, min(wanted, days + 1)).round().astype(int))
    return tuple(int(latest - _DAY_H * one) for one in back[::-1])


def run_from(
    history: History,
    when: When,
    first: int,
    horizon: int,
    *,
    method: str,
    target: Target,
    seed: int = 0,
    prepare: Prepare | None = None,
) -> Run:
    """The forecast from hour `first`, which sees none of the hours from there on."""
    past = replace(
        history, input_tok_s=history.input_tok_s[:, :first].copy(), output_tok_s=history.output_tok_s[:, :first].copy()
    )
    past = past if prepare is None else prepare(past)
    made = fan_of(past, when, hours=horizon, quantiles=QUANTILES, method=method, paths=_PATHS, seed=seed)
    assert made.fan.paths is not None
    peaks = peaks_of(made.fan.paths, (0.5,))
    is_input = target == "input"
    actual = (history.input_tok_s if is_input else history.output_tok_s)[:, first : first + horizon].copy()
    return Run(
        origin=history.start + timedelta(hours=first),
        method=made.method,
        actual=actual,
        mean=(made.fan.mean.input_tok_s if is_input else made.fan.mean.output_tok_s)[0],
        bands=made.fan.input_tok_s if is_input else made.fan.output_tok_s,
        peak=(peaks.input_tok_s if is_input else peaks.output_tok_s)[0],
    )
