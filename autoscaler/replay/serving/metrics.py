"""FaultyMetrics: a serving side whose metrics now and then vanish, go stale or lie at zero. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autoscaler.fleet import Node
from autoscaler.providers.simulated.chance import Chance, Spells
from autoscaler.providers.simulated.spec import FaultMix
from autoscaler.serving.serving import ModelReading, Readings, Serving, ServingError
from autoscaler.timeline import Timeline

if TYPE_CHECKING:
    from random import Random


class FaultyMetrics:
    """The serving side as its metrics tell it; routing works all the same."""

    def __init__(self, serving: Serving, faults: FaultMix, timeline: Timeline, rng: Random) -> None:
        self._serving = serving
        self._timeline = timeline
        chance, most_s = Chance(rng), faults.metrics_gone_most_s
        self._vanished = Spells(chance.stream("vanish"), per_day=faults.metrics_vanish_per_day, most_s=most_s)
        self._stale = Spells(chance.stream("stale"), per_day=faults.metrics_stale_per_day, most_s=most_s)
        self._zero = Spells(chance.stream("zero"), per_day=faults.metrics_zero_per_day, most_s=most_s)
        self._last: Readings | None = None

    def read(self) -> Readings:
        """The readings, or what is told instead of them. Raises ServingError while they are gone."""
        now_s = self._timeline.now_s
        is_stale, is_zero = self._stale.until_s(now_s) is not None, self._zero.until_s(now_s) is not None
        if self._vanished.until_s(now_s) is not None:
            raise ServingError("the metrics answer nothing")
        if is_stale and self._last is not None:
            return self._last
        readings = self._serving.read()
        if is_zero:
            zero = ModelReading(measured_at=self._timeline.now, input_tok_s=0.0, output_tok_s=0.0)
            readings = Readings(models=dict.fromkeys(readings.models, zero), nodes=readings.nodes)
        self._last = readings
        return readings

    def stop_routing(self, node_id: str) -> None:
        """The node gets no new work and finishes the old."""
        self._serving.stop_routing(node_id)

    def resume_routing(self, node_id: str) -> None:
        """The node gets work again."""
        self._serving.resume_routing(node_id)

    def follow(self, nodes: Sequence[Node]) -> None:
        """As the serving side."""
        self._serving.follow(nodes)


def breaks_metrics(faults: FaultMix) -> bool:
    """Whether the mix does anything to metrics."""
    return max(faults.metrics_vanish_per_day, faults.metrics_stale_per_day, faults.metrics_zero_per_day) > 0
