"""Tally: what a replay adds up per hour while it runs, all models together. Pure: numbers that grow."""

from autoscaler.replay.serving.delay import Histogram
from policies.units import SECONDS_PER_HOUR


class Tally:
    """Sums per hour of the replay, and the delay of every token served. A token's tally costs no memory."""

    def __init__(self, duration_s: float, models: int) -> None:
        hours = max(1, -int(-duration_s // SECONDS_PER_HOUR))
        self.asked_tokens = [0.0] * hours
        self.served_tokens = [0.0] * hours
        self.unserved_tokens = [0.0] * hours
        self.work_node_s = [0.0] * hours
        self.ready_node_s = [0.0] * hours
        self.ttft_p95_s: list[float | None] = [None] * hours
        self.delays = Histogram()
        self._models = models
        self._closing: dict[int, tuple[int, Histogram]] = {}

    def close_hour(self, hour: int, delays: Histogram) -> None:
        """Takes one model's delays of an hour; with the last model's the hour has its percentile."""
        seen, joined = self._closing.pop(hour, (0, Histogram()))
        joined.take(delays)
        if seen + 1 < self._models:
            self._closing[hour] = seen + 1, joined
            return
        self.ttft_p95_s[hour] = joined.percentile_s(0.95)
        self.delays.take(joined)
