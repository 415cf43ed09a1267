"""A benchmark: what was measured on which machine, by workload and load. Pure: values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from planner.bench.figures import Figures, Mean, Spread, over_repeats, spread_over
from planner.bench.seen import Load

BUSY_RATIO = 0.2
"""Share of the machine's processors others took before the run, above which it is said to be busy."""
CLIENT_CPU_RATIO = 0.8
"""Share of one processor above which the client may have been the bottleneck: it has one thread."""
CLIENT_LAG_MS = 20.0
FEW_REQUESTS = 20
"""Below this many a 95th percentile is one of the two slowest."""
ERROR_RATIO = 0.01
RATE_REACHED = 0.9
"""Share of the offered rate below which the endpoint did not keep up."""
CACHED_RATIO = 0.1
"""The frame around every prompt is alike and cached; of more than this, prompts themselves were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A load and its repeats."""

    load: Load
    repeats: tuple[Figures, ...]

    def over(self, figure: str) -> Mean:
        """A figure's mean over the repeats with its interval."""
        return over_repeats([getattr(one, figure) for one in self.repeats])

    def mean_of(self, figure: str) -> float | None:
        """A figure's mean over the repeats that know it."""
        known = [value for one in self.repeats if (value := getattr(one, figure)) is not None]
        return sum(known) / len(known) if known else None

    def spread(self, latency: str) -> Spread | None:
        """`ttft`, `tpot` or `latency`: means of the repeats' percentiles."""
        return spread_over([getattr(one, latency) for one in self.repeats])

    @property
    def requests(self) -> int:
        """Over all repeats."""
        return sum(one.requests for one in self.repeats)

    @property
    def errors(self) -> dict[str, int]:
        """By why, over all repeats."""
        found: dict[str, int] = {}
        for one in self.repeats:
            for why, times in one.errors.items():
                found[why] = found.get(why, 0) + times
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Steps of requests of one distribution of lengths."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A whole run."""

    started: datetime
    url: str
    model: str
    server: str | None
    """The program the endpoint says it is."""
    api: str
    machine: str | None
    """`provider/product` of the machine measured, as the user named it."""
    host: str
    """Where the client ran: processors and their name."""
    busy_before_ratio: float
    """Share of the client's machine that others took before the run."""
    warm_up_s: float
    seed: int
    shared_prefix_tokens: int
    workloads: tuple[Workload, ...]

    def remarks(self) -> tuple[str, ...]:
        """What a reader must know before believing the figures."""
        found = []
        if self.busy_before_ratio > BUSY_RATIO:
            found.append(f"the machine was busy before the run: others took {self.busy_before_ratio:.0%} of it")
        for workload in self.workloads:
            for step in workload.steps:
                found += [f"{workload.name} at {step.load.name}: {one}" for one in step_remarks(step)]
        cached = [one.cached_ratio for each in self.workloads for step in each.steps for one in step.repeats]
        highest = max((one for one in cached if one is not None), default=0.0)
        if highest > CACHED_RATIO and not self.shared_prefix_tokens:
            found.append(f"the prefix cache answered for up to {highest:.0%} of prompt tokens: prefill looks faster")
        return tuple(found)


def step_remarks(step: Step) -> list[str]:
    """What is doubtful of a step."""
    found = []
    busiest = max(one.client_cpu_ratio for one in step.repeats)
    lags = [one.client_lag_p99_ms for one in step.repeats if one.client_lag_p99_ms is not None]
    if busiest > CLIENT_CPU_RATIO:
        found.append(f"the client was the bottleneck: it took {busiest:.0%} of its processor")
    elif lags and max(lags) > CLIENT_LAG_MS:
        found.append(f"the client woke up to {max(lags):.0f} ms late (p99): latencies are too high by that")
    failed = sum(step.errors.values())
    if failed and failed > ERROR_RATIO * (failed + step.requests):
        reasons = ", ".join(f"{why} × {times}" for why, times in step.errors.items())
        found.append(f"{failed} of {failed + step.requests} requests failed ({reasons}): their tokens are not counted")
    if step.requests < FEW_REQUESTS:
        found.append(f"{step.requests} requests: percentiles of so few say little; a longer --duration gives more")
    asked = step.load.requests_per_s
    if asked is not None and step.over("request_per_s").value < RATE_REACHED * asked:
        found.append(f"{step.over('request_per_s').value:.2f} answers/s of {asked:g} asked: it did not keep up")
    return found


def total_requests(workloads: Sequence[Workload]) -> int:
    """Requests that were answered in all."""
    return sum(step.requests for workload in workloads for step in workload.steps)
