"""Latency a request may expect at a utilization, and the highest utilization that an SLO allows. Pure.

A node at utilization u has u x C requests in flight, C the concurrency of its rated point; the measured curve says
what one of them then waits for its first token and per token after it. To that comes the wait for a free place. With
places c = n x C over n nodes, Poisson arrivals and exponential service times of mean S = TTFT + output tokens x TPOT,

    P(wait > t) = E(c, u c) exp(-c (1 - u) t / S)

where E is Erlang's C formula, the chance that all places are taken (Kleinrock, Queueing Systems I, 1975, section 3.4;
Erlang 1917), so that 95 of 100 requests wait at most max(0, ln(E / 0.05)) S / (c (1 - u)).

Limits: real arrivals are burstier than Poisson, real lengths less spread than exponential; a first token may come
later than at its p95 while the wait is short, so that the sum of two 95th percentiles is an upper estimate.
"""

import math
from dataclasses import dataclass

from planner.profile.curve import Curve
from planner.profile.model import Slo
from planner.profile.rated import at_concurrency

TAIL = 0.05
"""Share of requests beyond the percentile an SLO speaks of."""
STEPS = 1000
"""The highest utilization is looked for in steps of a thousandth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What a request may expect; None: the curve does not say."""

    utilization: float
    concurrency: float
    """Requests in flight on a node."""
    ttft_p95_ms: float | None
    """On the node, once it has a place; the median where no 95th percentile was measured."""
    wait_p95_ms: float | None
    """For a place. inf: at or beyond what the nodes sustain."""
    tpot_ms: float | None

    @property
    def first_token_p95_ms(self) -> float | None:
        """Wait and first token together."""
        if self.ttft_p95_ms is None or self.wait_p95_ms is None:
            return None
        return self.ttft_p95_ms + self.wait_p95_ms


def latency_at(curve: Curve, rated_concurrency: float, utilization: float, *, nodes: int = 1) -> Latency:
    """Expected latency on `nodes` alike nodes at a utilization of 0-1."""
    if not 0 <= utilization <= 1:
        raise ValueError(f"utilization must be in [0, 1], got {utilization}")
    point = at_concurrency(curve, rated_concurrency * utilization)
    ttft_ms = point.ttft_ms if point.ttft_p95_ms is None else point.ttft_p95_ms
    wait_ms: float | None = None
    if ttft_ms is not None and point.tpot_ms is not None:
        service_ms = ttft_ms + curve.output_tokens * point.tpot_ms
        wait_ms = wait_p95_s(max(1, math.floor(nodes * rated_concurrency)), utilization, service_ms)
    return Latency(
        utilization=utilization,
        concurrency=rated_concurrency * utilization,
        ttft_p95_ms=ttft_ms,
        wait_p95_ms=wait_ms,
        tpot_ms=point.tpot_ms,
    )


def slo_utilization(curve: Curve, rated_concurrency: float, slo: Slo, *, nodes: int = 1) -> float | None:
    """The highest utilization, in thousandths, up to which the SLO is met; None where it is not met at any.

    A latency that is not known is not held against it; without any limit it is 1.
    """
    best: float | None = None
    for step in range(1, STEPS + 1):
        found = latency_at(curve, rated_concurrency, step / STEPS, nodes=nodes)
        if not _meets(found, slo):
            break
        best = step / STEPS
    return best


def _meets(found: Latency, slo: Slo) -> bool:
    pairs = ((found.first_token_p95_ms, slo.ttft_ms), (found.tpot_ms, slo.tpot_ms))
    return all(value is None or limit is None or value <= limit for value, limit in pairs)


def wait_p95_s(places: int, utilization: float, service_s: float) -> float:
    """What 95 of 100 requests wait for one of `places` at most, in the unit of `service_s`; inf at utilization 1."""
    if utilization >= 1:
        return math.inf
    taken = all_taken(places, utilization)
    if taken <= TAIL:
        return 0.0
    return math.log(taken / TAIL) * service_s / (places * (1 - utilization))


def all_taken(places: int, utilization: float) -> float:
    """Erlang's C formula: the chance that an arrival finds all places taken."""
    offered = utilization * places
    blocked = 1.0
    for place in range(1, places + 1):  # Erlang's B by its recursion, which neither over- nor underflows
        blocked = offered * blocked / (place + offered * blocked)
    return blocked / (1 - utilization * (1 - blocked))
