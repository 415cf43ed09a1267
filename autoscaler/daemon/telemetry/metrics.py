"""Metrics: one registry with the gauges of the last status and the counters of this process."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from autoscaler.daemon.telemetry.board import Board
from autoscaler.daemon.telemetry.gauges import families_of
from autoscaler.fleet import Hold, Launch
from autoscaler.loop import TickReport

if TYPE_CHECKING:
    from prometheus_client import Metric

TICK_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 120.0)


class Metrics:
    """What is counted, and a registry that Prometheus can be answered from."""

    def __init__(self, board: Board, now: Callable[[], datetime]) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self._board = board
        self._now = now
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._ticks = Counter(
            "baseload_ticks",
            "Times the loop came round: done, failed, or standing by.",
            ["result"],
            registry=self.registry,
        )
        self._overruns = Counter(
            "baseload_tick_overruns", "Ticks that lasted longer than the interval.", registry=self.registry
        )
        self._seconds = Histogram(
            "baseload_tick_duration_seconds",
            "How long ticks take, calls included.",
            buckets=TICK_BUCKETS_S,
            registry=self.registry,
        )
        self._actions = Counter(
            "baseload_actions", "What was decided, and what came of it.", ["action", "result"], registry=self.registry
        )
        self._launches = Counter(
            "baseload_launches",
            "Launches asked for, and what came of them.",
            ["pool", "result"],
            registry=self.registry,
        )
        self._problems = Counter(
            "baseload_contained_problems",
            "What went wrong and was contained, by what it was about.",
            ["about"],
            registry=self.registry,
        )
        self._jumps = Counter(
            "baseload_clock_jumps", "Times the wall's clock was set.", ["direction"], registry=self.registry
        )
        self._dropped = Counter(
            "baseload_dropped_connections", "Readers of the port turned away: too many at once.", registry=self.registry
        )
        for result in ("done", "failed", "standby"):
            self._ticks.labels(result)

    def collect(self) -> Iterator["Metric"]:
        """The gauges of the last status; called by the registry."""
        status = self._board.status
        if status is not None:
            yield from families_of(status, self._now())

    def describe(self) -> tuple["Metric", ...]:
        """None: the registry need not ask for the gauges to know their names."""
        return ()

    def ticked(self, report: TickReport, seconds: float) -> None:
        """Counts a tick that was done, and what it did."""
        self._ticks.labels("done").inc()
        self._seconds.observe(seconds)
        for acted in report.acted:
            action = acted.action
            if isinstance(action, Hold):
                continue
            self._actions.labels(type(action).__name__.lower(), acted.result.value).inc()
            if isinstance(action, Launch):
                self._launches.labels(action.pool, acted.result.value).inc()

    def stood_by(self) -> None:
        """Counts a look of one that does not lead."""
        self._ticks.labels("standby").inc()

    def failed(self) -> None:
        """Counts a tick that broke off."""
        self._ticks.labels("failed").inc()

    def overran(self) -> None:
        """Counts a tick that lasted into the next one's time."""
        self._overruns.inc()

    def met(self, problem: str) -> None:
        """Counts a problem by its first word, such as aws of "aws: no list: …"."""
        about, colon, _ = problem.partition(":")
        about = about.split(" ")[0] if colon else "other"
        self._problems.labels(about).inc()

    def jumped(self, seconds: float) -> None:
        """Counts a clock that was set."""
        self._jumps.labels("forward" if seconds > 0 else "back").inc()

    def dropped(self) -> None:
        """Counts a reader turned away."""
        self._dropped.inc()

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)
