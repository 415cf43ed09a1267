"""Problems of a part of the scenarios: one alone, or the mean of all. Pure: slices and sums of a problem's arrays."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.optimize.problem import Floats, Problem, work_nodes
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
    """The problem of one scenario whose demand in each hour is the mean of all; nothing is lost in it."""

    def mean(values: Floats) -> Floats:
        split = values.reshape(len(values), len(problem.scenarios), problem.hours)
        averaged: Floats = np.einsum("msh,s->mh", split, np.array(problem.probability))
        return averaged

    input_tok_s, output_tok_s = mean(problem.input_tok_s), mean(problem.output_tok_s)

    def work(keys: list[str]) -> Floats:
        found = np.full((len(problem.models), len(keys), problem.hours), np.inf)
        for m, model in enumerate(problem.models):
            for index, key in enumerate(keys):
                if key in problem.rates[m]:
                    rates = problem.rates[m][key]
                    found[m, index] = work_nodes(input_tok_s[m], output_tok_s[m], model.cache_hit_ratio, rates)
        return found

    return replace(
        problem,
        scenarios=(MEAN,),
        probability=(1.0,),
        policy=replace(problem.policy, aim=Aim.EXPECTED),
        reference_usd=None,
        weight=np.ones(problem.hours),
        input_tok_s=input_tok_s,
        output_tok_s=output_tok_s,
        base_work=work([option.key for option in problem.base]),
        burst_work=work([option.key for option in problem.burst]),
        unserved_usd=mean(problem.unserved_usd),
    )


def expecting(problem: Problem) -> Problem:
    """The same problem with the expected total as its aim."""
    return replace(problem, policy=replace(problem.policy, aim=Aim.EXPECTED), reference_usd=None)


def kept_scenarios(problem: Problem, kept: Sequence[int], probability: Sequence[float]) -> Problem:
    """The problem of some scenarios, with other probabilities; one may be kept several times. Arrays are copies."""
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
