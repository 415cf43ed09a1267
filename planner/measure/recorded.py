"""What the rules of infra/monitoring/throughput.yaml recorded in a Prometheus, over a span, by offer and model."""

from datetime import datetime

from planner.measure.offer_use import STEP, FleetUse, offer_use
from planner.measure.prometheus import Answer, Prometheus
from planner.measure.series import Series

UTILIZATION = "baseload:utilization_ratio:rate5m"
BATCHING = "baseload:batching_ratio:avg5m"
THROUGHPUT = "baseload:saturated_throughput_ratio:rate5m"
RATED = "baseload:rated_tokens_per_second"
RATED_DECODE = f'{RATED}{{phase="decode"}}'


def read_fleet_use(client: Prometheus, *, start: datetime, end: datetime) -> FleetUse:
    """What `client` recorded in (start, end]. Raises MetricsError."""
    if end < start + STEP:  # a month that has just begun
        return FleetUse(rows=(), source=client.shown_url)
    answers = {
        name: client.over(f"avg by (pool, model) ({name})", start=start + STEP, end=end, step=STEP)
        for name in (UTILIZATION, BATCHING, THROUGHPUT, RATED_DECODE)
    }
    warnings = dict.fromkeys(one for answer in answers.values() for one in answer.warnings)
    utilization, batching, throughput, rated = map(_by_offer, answers.values())
    rows = tuple(
        offer_use(*key, samples, batching.get(key, {}), throughput.get(key, {}), rated.get(key))
        for key, samples in sorted(utilization.items())
    )
    return FleetUse(rows=rows, source=client.shown_url, warnings=tuple(warnings))


def _by_offer(answer: Answer) -> dict[tuple[str, str], dict[float, float]]:
    """(model, offer) to samples; what names neither is not ours."""
    found: dict[tuple[str, str], dict[float, float]] = {}
    for one in answer.series:
        if {"pool", "model"} <= one.labels.keys():
            found[one.labels["model"], one.labels["pool"]] = _samples(one)
    return found


def _samples(series: Series) -> dict[float, float]:
    return dict(zip(series.times_s, series.values, strict=True))
