"""Demand: what the serving side measured, in reference nodes. Pure.

A measurement that is missing, older than the last or not to be believed leaves the last one as it is, with its own
time: it grows stale, it never becomes 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from autoscaler.fleet import Demand
from autoscaler.outlook import Outlook
from autoscaler.serving.serving import ModelReading
from planner.profile.model import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptModel:
    """One model the controller keeps served."""

    rates: Mapping[str, Rates]
    """By pool and base offer that can serve it."""
    reference: str
    """The offer whose node is work 1.0."""
    cache_hit_ratio: float = 0.0
    """Share of input tokens found in the prefix cache, where it is not measured."""

    def __post_init__(self) -> None:
        if self.reference not in self.rates:
            raise ValueError(f"reference {self.reference} has no rates; there are {', '.join(sorted(self.rates))}")
        if not 0 <= self.cache_hit_ratio < 1:
            raise ValueError(f"cache_hit_ratio must be in [0, 1), got {self.cache_hit_ratio}")


EVEN_MIX = (1.0, 1.0)
"""Input and output tok/s alike: what a node is worth by where nothing was ever asked for."""


@dataclass(slots=True, kw_only=True)
class Gauge:
    """The last demand of one model that is to be believed."""

    model: KeptModel
    demand: Demand | None = None
    reading: ModelReading | None = None
    _mix: tuple[float, float] = (0.0, 0.0)
    _speed: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._speed = self._speed_at(*EVEN_MIX)

    @property
    def speed(self) -> Mapping[str, float]:
        """Reference nodes that one node of each offer is worth at the last mix."""
        return self._speed

    def is_news(self, reading: ModelReading) -> bool:
        """Whether the reading is newer than the last, and made of numbers one can work with."""
        if self.demand is not None and reading.measured_at <= self.demand.measured_at:
            return False
        total = reading.input_tok_s + reading.output_tok_s + reading.queue_input_tokens + reading.queue_output_tokens
        return 0 <= total < inf and reading.input_tok_s >= 0 and reading.output_tok_s >= 0

    @staticmethod
    def is_zero(reading: ModelReading) -> bool:
        """Whether it says that nothing is asked for; requests in flight contradict that."""
        return reading.input_tok_s == 0 and reading.output_tok_s == 0

    def take(self, reading: ModelReading, outlook: Outlook | None) -> Demand:
        """The demand of the reading, which is the last from now on."""
        reference = self.model.rates[self.model.reference]
        asked = 1 - self._cache_hit_ratio(reading)
        input_tok_s, output_tok_s = reading.input_tok_s, reading.output_tok_s
        if input_tok_s > 0 or output_tok_s > 0:
            mix = (input_tok_s * asked, output_tok_s)
            if mix[0] * self._mix[1] != mix[1] * self._mix[0] or self._mix == (0.0, 0.0):
                self._speed = self._speed_at(*mix)
            self._mix = mix
        self.reading = reading
        self.demand = Demand(
            measured_at=reading.measured_at,
            work_nodes=input_tok_s * asked / reference.prefill_tok_s + output_tok_s / reference.decode_tok_s,
            queue_node_s=reading.queue_input_tokens * asked / reference.prefill_tok_s
            + reading.queue_output_tokens / reference.decode_tok_s,
            input_tok_s=input_tok_s,
            output_tok_s=output_tok_s,
            speed=self._speed,
            outlook=outlook,
        )
        return self.demand

    def work_nodes(self, reading: ModelReading) -> float:
        """The reading's arrivals in reference nodes: w = I(1-χ)/P + O/G."""
        reference = self.model.rates[self.model.reference]
        asked = 1 - self._cache_hit_ratio(reading)
        return reading.input_tok_s * asked / reference.prefill_tok_s + reading.output_tok_s / reference.decode_tok_s

    def _cache_hit_ratio(self, reading: ModelReading) -> float:
        return self.model.cache_hit_ratio if reading.cache_hit_ratio is None else reading.cache_hit_ratio

    def _speed_at(self, input_tok_s: float, output_tok_s: float) -> dict[str, float]:
        reference = self.model.rates[self.model.reference]
        work = input_tok_s / reference.prefill_tok_s + output_tok_s / reference.decode_tok_s
        return {
            offer: work / (input_tok_s / rates.prefill_tok_s + output_tok_s / rates.decode_tok_s)
            for offer, rates in self.model.rates.items()
        }
