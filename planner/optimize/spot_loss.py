"""Losing spot: a pool, or all spot of a provider, is gone for some hours in some futures. Pure.

Each scenario of demand becomes several: nothing is lost, or one of the pools in use is lost for the usual length of an
outage, alone or with all spot of its provider; at an hour of little, usual or much demand. In those hours the pools
serve nothing, so base, on-demand and other pools must, or demand stays unserved at its penalty. How often a pool is
lost is the offer's own rate of interruptions; how long, and how often together, is measured
(defaults/spot_outages.csv).
Limits: at most one outage a scenario; fleets are not slower to launch because everyone else looks for nodes, too.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from planner.optimize.problem import Floats, Problem
from planner.optimize.scenarios import kept_scenarios
from policies.planning import SpotLoss

STARTS = 3
"""Hours at which an outage may begin, per scenario of demand: where a third of demand each is lower, alike, higher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotOutages:
    """Outages of spot pools, as measured."""

    outage_hours: int
    """Mean length."""
    outages_per_hour: float
    """Of a pool that is there; for offers whose own rate is not known."""
    together_ratio: float
    """Share of a pool's lost hours in which all pools beside it were lost too."""

    def __post_init__(self) -> None:
        if self.outage_hours < 1 or self.outages_per_hour <= 0 or not 0 <= self.together_ratio <= 1:
            raise ValueError(f"expected outages of an hour or more, a rate above 0 and a ratio of 0 to 1, got {self}")


def read_outages(text: str) -> SpotOutages:
    """All groups of a table of outages together, each hour counting alike."""
    rows = [
        {key: int(value) for key, value in row.items() if key != "group"} for row in csv.DictReader(text.splitlines())
    ]
    total = {key: sum(row[key] for row in rows) for key in ("lost_pool_hours", "outages", "up_pool_hours")}
    all_lost = sum(row["all_lost_hours"] * row["pools"] for row in rows)
    return SpotOutages(
        outage_hours=round(total["lost_pool_hours"] / total["outages"]),
        outages_per_hour=total["outages"] / total["up_pool_hours"],
        together_ratio=all_lost / total["lost_pool_hours"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One thing that may happen."""

    name: str
    pools: tuple[int, ...]
    """Burst options that are gone."""
    probability: float


def losses_of(problem: Problem, used: Sequence[int], outages: SpotOutages, mode: SpotLoss) -> list[Loss]:
    """What may be lost within the horizon, and how probable each is; what is left of 1 is that nothing is.

    The pools' outages come independently at their rates; of the first of them it is told which pool it took, and by
    `together_ratio` whether it took all spot of the provider.
    """
    known = {v: problem.burst[v].offer.interruptions_per_hour for v in used}
    rate = {v: outages.outages_per_hour if own is None else own for v, own in known.items()}
    all_rates = sum(rate.values())
    if all_rates == 0:
        return []
    any_lost = 1 - math.exp(-all_rates * problem.hours)
    together = outages.together_ratio if mode is SpotLoss.PROVIDER else 0.0
    found = []
    by_provider: dict[str, float] = {}
    for v in used:
        chance = any_lost * rate[v] / all_rates
        found.append(Loss(name=problem.burst[v].key, pools=(v,), probability=chance * (1 - together)))
        provider = problem.burst[v].offer.provider
        by_provider[provider] = by_provider.get(provider, 0.0) + chance * together
    for provider, chance in by_provider.items():
        spot = tuple(v for v, o in enumerate(problem.burst) if o.is_spot and o.offer.provider == provider)
        found.append(Loss(name=f"all {provider} spot", pools=spot, probability=chance))
    return [loss for loss in found if loss.probability > 0]


def with_losses(problem: Problem, losses: Sequence[Loss], outage_hours: int) -> Problem:
    """The problem whose scenarios are those of demand times what may be lost and when."""
    length = min(outage_hours, problem.hours)
    names: list[str] = []
    chances: list[float] = []
    parents: list[int] = []
    outages: list[tuple[tuple[int, ...], int]] = []
    for s, (scenario, chance) in enumerate(zip(problem.scenarios, problem.probability, strict=True)):
        prefix = f"{scenario}, " if scenario else ""
        names.append(f"{prefix}no loss")
        chances.append(chance * (1 - sum(loss.probability for loss in losses)))
        parents.append(s)
        outages.append(((), 0))
        starts = outage_starts(problem, s, length)
        for loss in losses:
            for start in starts:
                at = problem.start + timedelta(hours=start)
                names.append(f"{prefix}{loss.name} lost from {at:%Y-%m-%dT%H:%MZ}")
                chances.append(chance * loss.probability / len(starts))
                parents.append(s)
                outages.append((loss.pools, start))
    spread = replace(kept_scenarios(problem, parents, chances), scenarios=tuple(names))
    for place, (pools, start) in enumerate(outages):
        first = place * problem.hours + start
        spread.burst_work[:, list(pools), first : first + length] = np.inf
    return spread


def outage_starts(problem: Problem, scenario: int, length: int) -> list[int]:
    """Hours at which an outage of that length meets little, usual and much demand of the scenario."""
    cells = slice(scenario * problem.hours, (scenario + 1) * problem.hours)
    asked = (problem.input_tok_s + problem.output_tok_s)[:, cells].sum(axis=0)
    lost: Floats = np.convolve(asked, np.ones(length), mode="valid")
    order = np.argsort(lost, kind="stable")
    places = {int(order[int((k + 0.5) / STARTS * len(order))]) for k in range(STARTS)}
    return sorted(places)
