"""Problems of a part of the scenarios: one alone, or the mean of all. Pure: slices and sums of a problem's arrays."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.optimize.problem import Floats, Problem
from policies.planning import Aim

MEAN = "mean"
"""Name of the scenario whose demand is the mean of all."""


def one_scenario(problem: Problem, scenario: int) -> Problem:
    """The problem of one scenario that is sure to come."""
    cells = slice(scenario * problem.hours, (scenario + 1) * problem.hours)
    return replace(
        problem,
        scenarios=(problem.scenarios[scenario],),
        probability=(1.0,),
        policy=replace(problem.policy, aim=Aim.EXPECTED),
        reference_usd=None,
        weight=np.ones(problem.hours),
        input_tok_s=problem.input_tok_s[:, cells],
        output_tok_s=problem.output_tok_s[:, cells],
        base_work=problem.base_work[:, :, cells],
        burst_work=problem.burst_work[:, :, cells],
        unserved_usd=problem.unserved_usd[:, cells],
    )


def mean_scenario(problem: Problem) -> Problem:
    """The problem of one scenario whose demand in each hour is the mean of all; work and penalty follow demand."""

    def mean(values: Floats) -> Floats:
        split = values.reshape(*values.shape[:-1], len(problem.scenarios), problem.hours)
        averaged: Floats = np.einsum("...sh,s->...h", split, np.array(problem.probability))
        return averaged

    return replace(
        problem,
        scenarios=(MEAN,),
        probability=(1.0,),
        policy=replace(problem.policy, aim=Aim.EXPECTED),
        reference_usd=None,
        weight=np.ones(problem.hours),
        input_tok_s=mean(problem.input_tok_s),
        output_tok_s=mean(problem.output_tok_s),
        base_work=mean(problem.base_work),
        burst_work=mean(problem.burst_work),
        unserved_usd=mean(problem.unserved_usd),
    )


def expecting(problem: Problem) -> Problem:
    """The same problem with the expected total as its aim."""
    return replace(problem, policy=replace(problem.policy, aim=Aim.EXPECTED), reference_usd=None)


def kept_scenarios(problem: Problem, kept: Sequence[int], probability: Sequence[float]) -> Problem:
    """The problem of some scenarios, with other probabilities."""
    cells = np.concatenate([np.arange(s * problem.hours, (s + 1) * problem.hours) for s in kept])
    return replace(
        problem,
        scenarios=tuple(problem.scenarios[s] for s in kept),
        probability=tuple(probability),
        reference_usd=None,
        weight=np.repeat(np.array(probability, dtype=np.float64), problem.hours),
        input_tok_s=problem.input_tok_s[:, cells],
        output_tok_s=problem.output_tok_s[:, cells],
        base_work=problem.base_work[:, :, cells],
        burst_work=problem.burst_work[:, :, cells],
        unserved_usd=problem.unserved_usd[:, cells],
    )
