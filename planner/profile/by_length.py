"""Rates by length, for machines that two rates do not describe: a token costs more the longer its context. Pure.

A request of I tokens in and O out takes, of a machine at its rated load,

    W(I, O) = p I + g O + a O (I + O / 2)   seconds

p for reading a token, g for writing one, a for each token of context a written one looks at: I + O / 2 of them on
average, for every step of decoding reads the whole cache of keys and values. p, g, a are 0 or more, fitted by least
squares on the relative error. Two workloads tell two of the three: then p is 0, for reading overlaps with writing
where two rates fail. On the 35 machines of the vLLM sweep with three workloads, two of them foretell the third within
8 % (median; benchmarks/profile_fit.py), where two rates are 22 to 50 % off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a request of a workload takes: machine-seconds, measured."""

    input_tokens: float
    output_tokens: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthFit:
    """Seconds per token read, written, and per token written and token of its context."""

    read_s: float
    write_s: float
    context_s: float
    residuals: tuple[float, ...]
    """Foretold ÷ measured - 1 of each workload."""

    def seconds(self, input_tokens: float, output_tokens: float) -> float:
        """Machine-seconds of a request of these lengths."""
        terms = _terms(input_tokens, output_tokens)
        return sum(cost * term for cost, term in zip((self.read_s, self.write_s, self.context_s), terms, strict=True))

    @property
    def worst(self) -> float:
        """Largest residual, without its sign."""
        return max(abs(residual) for residual in self.residuals)


def fit_by_length(works: Sequence[Work]) -> LengthFit | None:
    """The fit to two workloads or more; None where fewer, or all of one length, say nothing of lengths."""
    if len(works) < 2:
        return None
    rows = np.array([_terms(work.input_tokens, work.output_tokens) for work in works])
    scaled = rows / np.array([work.seconds for work in works])[:, None]
    allowed = (0, 1, 2) if len(works) > 2 else (1, 2)
    best: tuple[float, np.ndarray] | None = None
    # The best without negative costs is the free optimum over some of the terms: there are seven choices at most.
    for count in range(1, len(allowed) + 1):
        for chosen in combinations(allowed, count):
            found = np.linalg.lstsq(scaled[:, chosen], np.ones(len(works)), rcond=None)[0]
            if (found < 0).any():
                continue
            costs = np.zeros(3)
            costs[list(chosen)] = found
            error = float(((scaled @ costs - 1) ** 2).sum())
            if best is None or error < best[0] - 1e-12:
                best = error, costs
    if best is None:
        return None
    costs = best[1]
    residuals = tuple(float(value) - 1 for value in scaled @ costs)
    return LengthFit(read_s=float(costs[0]), write_s=float(costs[1]), context_s=float(costs[2]), residuals=residuals)


def _terms(input_tokens: float, output_tokens: float) -> tuple[float, float, float]:
    return input_tokens, output_tokens, output_tokens * (input_tokens + output_tokens / 2)
