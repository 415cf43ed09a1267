"""Demand: what the serving side measured, in reference nodes. Pure.

A measurement that is missing, older than the last or not to be believed leaves the last one as it is, with its own
time: it grows stale, it never becomes 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from statistics import median_high

from autoscaler.fleet import Demand, Pool
from autoscaler.outlook import BY_SECOND, BY_STARTED_HOUR, Outlook, OutlookMaker
from autoscaler.serving.serving import ModelReading
from planner.profile.model import Rates
from policies.billing import Billing
from policies.scaling import ScalingPolicy


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

    def take(self, reading: ModelReading, maker: OutlookMaker | None) -> Demand:
        """The demand of the reading, which is the last from now on; `maker` observes it, once."""
        reference = self.model.rates[self.model.reference]
        asked = 1 - self._cache_hit_ratio(reading)
        input_tok_s, output_tok_s = reading.input_tok_s, reading.output_tok_s
        if input_tok_s > 0 or output_tok_s > 0:
            mix = (input_tok_s * asked, output_tok_s)
            if mix[0] * self._mix[1] != mix[1] * self._mix[0] or self._mix == (0.0, 0.0):
                self._speed = self._speed_at(*mix)
            self._mix = mix
        work_nodes = input_tok_s * asked / reference.prefill_tok_s + output_tok_s / reference.decode_tok_s
        self.reading = reading
        self.demand = Demand(
            measured_at=reading.measured_at,
            work_nodes=work_nodes,
            queue_node_s=reading.queue_input_tokens * asked / reference.prefill_tok_s
            + reading.queue_output_tokens / reference.decode_tok_s,
            input_tok_s=input_tok_s,
            output_tok_s=output_tok_s,
            speed=self._speed,
            outlook=None if maker is None else _observed(maker, reading, work_nodes),
        )
        return self.demand

    def _cache_hit_ratio(self, reading: ModelReading) -> float:
        return self.model.cache_hit_ratio if reading.cache_hit_ratio is None else reading.cache_hit_ratio

    def _speed_at(self, input_tok_s: float, output_tok_s: float) -> dict[str, float]:
        reference = self.model.rates[self.model.reference]
        work = input_tok_s / reference.prefill_tok_s + output_tok_s / reference.decode_tok_s
        return {
            offer: work / (input_tok_s / rates.prefill_tok_s + output_tok_s / rates.decode_tok_s)
            for offer, rates in self.model.rates.items()
        }


def _observed(maker: OutlookMaker, reading: ModelReading, work_nodes: float) -> Outlook | None:
    """The outlook after the reading; one taken in already, by the controller before this one, is not taken in again."""
    at_s = reading.measured_at.timestamp()
    last = maker.outlook()
    if last is None or at_s > last.made_at_s:
        maker.observe(at_s, work_nodes, reading.unserved_ratio)
    return maker.outlook()


def new_outlook(model: str, pools: Mapping[str, Pool], policy: ScalingPolicy, tick_s: float) -> OutlookMaker | None:
    """What looks ahead for the model by the middle lead time of its pools; None: it has no pool.

    A node ordered on a measurement serves one lead time later, and is first of use in the tick that begins then.
    """
    leads_s = [pool.lead_time_s[model] for pool in pools.values() if model in pool.lead_time_s]
    if not leads_s:
        return None
    ratio = min(max(policy.max_unserved_ratio, _LEAST_RATIO), 1 - _LEAST_RATIO)
    by_hour = all(pool.tariff.billing in _BY_STARTED_HOUR for pool in pools.values() if model in pool.lead_time_s)
    return OutlookMaker(
        lead_time_s=median_high(leads_s) + tick_s,
        max_unserved_ratio=ratio,
        margin=BY_STARTED_HOUR if by_hour else BY_SECOND,
        hold_s=policy.hold_s,
        zero_after_s=policy.zero_after_s,
    )


_BY_STARTED_HOUR = frozenset({Billing.STARTED_HOUR, Billing.STARTED_HOUR_CAPPED})
_LEAST_RATIO = 1e-6
"""No margin is wide enough for a policy that allows nothing to go unserved; this is as good as nothing."""
