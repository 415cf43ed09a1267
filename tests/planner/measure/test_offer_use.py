"""Use of an offer from recorded samples, in figures one can check in the head."""

from pathlib import Path

import pytest
import yaml

from planner.measure.offer_use import OfferUse, offer_use
from planner.measure.recorded import BATCHING, RATED, THROUGHPUT, UTILIZATION

RULES = Path(__file__).parents[3] / "infra" / "monitoring" / "throughput.yaml"
STEP_S = 300.0


def steps(*values: float) -> dict[float, float]:
    return {number * STEP_S: value for number, value in enumerate(values)}


def used(throughput: dict[float, float], batching: dict[float, float] | None = None) -> OfferUse:
    return offer_use("m", "o", steps(0.5), batching or {}, throughput)


def test_hours_mean_and_the_highest_twentieth() -> None:
    # 19 steps at 0.5 and one at 1.0, five minutes each: 0.525 on average, and 95 % of them at 0.5 or below.
    found = offer_use("m", "o", steps(*[0.5] * 19, 1.0), {}, {})
    assert (found.measured_hours, found.utilization_mean, found.utilization_p95) == pytest.approx((20 / 12, 0.525, 0.5))
    assert (found.batching_ratio, found.throughput_ratio, found.saturated_hours) == (None, None, 0.0)
    assert not found.has_drifted


@pytest.mark.parametrize(
    ("ratio", "count", "batching", "drifted"),
    [
        (0.8, 6, None, True),
        (0.8, 5, None, False),  # 25 minutes tell nothing
        (0.9, 6, None, False),
        (1.3, 6, None, True),
        (1.3, 6, 1.0, True),
        (1.3, 6, 1.1, False),  # more requests at once than rated
        (0.8, 6, 1.1, True),
    ],
)
def test_drift_has_the_bounds_of_the_alert(ratio: float, count: int, batching: float | None, drifted: bool) -> None:
    held = None if batching is None else steps(*[batching] * count, 0.1)
    assert used(steps(*[ratio] * count), held).has_drifted is drifted


def test_a_ratio_of_other_rates_is_told_of_those_of_now() -> None:
    # 0.5 of 100 tok/s: 50, which is 1.25 of a node rated at 40; the step without work is not looked at
    found = offer_use("m", "o", steps(0.5), {}, steps(0.5, 0.5), {0.0: 100.0, 300.0: 100.0, 600.0: 900.0})
    assert found.ratio_to(40.0) == pytest.approx(1.25)
    assert offer_use("m", "o", steps(0.5), {}, steps(0.5)).ratio_to(40.0) == 0.5  # not recorded: taken as rated now
    assert offer_use("m", "o", steps(0.5), {}, {}).ratio_to(40.0) is None


def test_the_names_asked_for_are_those_the_rules_record() -> None:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    assert {UTILIZATION, BATCHING, THROUGHPUT, RATED} <= {rule.get("record") for rule in group["rules"]}
