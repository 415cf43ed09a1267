"""Aim: how the costs of scenarios become the one number a plan makes least. Pure (numpy only).

Every aim here is monotone and convex in the scenarios' costs, so the recourse of each scenario stays its own least, and
a subgradient of the aim weighs the scenarios' slopes into one Benders cut, tight where it was made. Rockafellar and
Uryasev's program for the conditional value at risk has those weights as its dual: the dearest outcomes at probability /
(1 - level), until they sum to 1.
"""

from dataclasses import dataclass

import numpy as np

from planner.optimize.problem import Floats, Problem
from policies.planning import Aim


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioAim:
    """The aim of a problem over costs (S,) beyond the base, which all scenarios pay alike."""

    aim: Aim
    probability: Floats
    cvar_level: float
    cvar_weight: float
    reference_usd: Floats | None
    """(S,) aim regret: the least total of each scenario planned for alone."""

    @property
    def is_expected(self) -> bool:
        """Whether the aim is the expectation; a service level restricts it."""
        return self.aim in {Aim.EXPECTED, Aim.SERVICE}

    @property
    def shift_usd(self) -> float:
        """What is added to the regret so that the recourse is never below 0."""
        return 0.0 if self.reference_usd is None else float(self.reference_usd.max())

    def value(self, scenario_usd: Floats) -> float:
        """The aim of these costs, USD; a regret is `shift_usd` higher."""
        if self.reference_usd is not None:
            return float((scenario_usd - self.reference_usd).max()) + self.shift_usd
        return float(self.weights(scenario_usd) @ scenario_usd)

    def weights(self, scenario_usd: Floats) -> Floats:
        """(S,) w >= 0 with value(q) >= value(q0) + w . (q - q0) for every q."""
        if self.reference_usd is not None:
            worst = np.zeros(len(scenario_usd))
            worst[int((scenario_usd - self.reference_usd).argmax())] = 1.0
            return worst
        if self.is_expected:
            return self.probability
        tail = tail_weights(scenario_usd, self.probability, self.cvar_level)
        return (1 - self.cvar_weight) * self.probability + self.cvar_weight * tail


def aim_of(problem: Problem) -> ScenarioAim:
    """The aim of the problem's policy. With one scenario every aim is the expectation."""
    policy = problem.policy
    regret = policy.aim is Aim.REGRET and len(problem.scenarios) > 1
    if regret and problem.reference_usd is None:
        raise ValueError("aim regret needs the least total of each scenario alone, reference_usd")
    return ScenarioAim(
        aim=policy.aim if len(problem.scenarios) > 1 else Aim.EXPECTED,
        probability=np.array(problem.probability, dtype=np.float64),
        cvar_level=policy.cvar_level,
        cvar_weight=policy.cvar_weight,
        reference_usd=np.array(problem.reference_usd, dtype=np.float64) if regret else None,
    )


def tail_weights(cost_usd: Floats, probability: Floats, level: float) -> Floats:
    """(S,) weights of the dearest outcomes: probability / (1 - level), in order of cost, until they sum to 1."""
    order = np.argsort(-cost_usd, kind="stable")
    mass = probability[order] / (1 - level)
    before = np.concatenate([[0.0], np.cumsum(mass)[:-1]])
    weights = np.zeros(len(cost_usd))
    weights[order] = np.clip(1 - before, 0.0, mass)
    return weights


def conditional_value_at_risk(cost_usd: Floats, probability: Floats, level: float) -> float:
    """The mean cost of the dearest 1 - level of outcomes; an outcome on the border counts in part."""
    return float(tail_weights(cost_usd, probability, level) @ cost_usd)
