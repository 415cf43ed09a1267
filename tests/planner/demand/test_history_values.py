"""History and fan refuse what is not one."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from planner.demand.fan import Fan
from planner.demand.forecast import Forecast
from planner.demand.history import History

START = datetime(2026, 10, 1, tzinfo=UTC)


def a_history(**changes) -> History:
    values = {"start": START, "models": ("chat",), "input_tok_s": np.ones((1, 3)), "output_tok_s": np.ones((1, 3))}
    return History(**{**values, **changes})


def test_a_gap_is_not_measured_and_nothing_asked_is():
    gap = np.array([[1.0, np.nan, 0.0]])
    assert a_history(input_tok_s=gap, output_tok_s=gap).is_measured.tolist() == [[True, False, True]]
    assert a_history().end == START + timedelta(hours=3)
    assert a_history().hour(3) == START + timedelta(hours=3)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"start": datetime(2026, 10, 1)}, "UTC"),  # noqa: DTZ001 - the naive time is the point
        ({"start": datetime(2026, 10, 1, tzinfo=timezone(timedelta(hours=2)))}, "UTC"),
        ({"start": datetime(2026, 10, 1, 0, 30, tzinfo=UTC)}, "whole hour"),
        ({"output_tok_s": np.ones((1, 2))}, "shape"),
        ({"output_tok_s": np.array([[1.0, np.nan, 1.0]])}, "both directions"),
    ],
)
def test_a_history_that_is_none_is_refused(changes: dict, what: str):
    with pytest.raises(ValueError, match=what):
        a_history(**changes)


def a_fan(**changes) -> Fan:
    band = np.array([[[1.0, 1.0]], [[2.0, 3.0]]])
    mean = Forecast(start=START, models=("chat",), input_tok_s=np.ones((1, 1, 2)), output_tok_s=np.ones((1, 1, 2)))
    values = {"mean": mean, "quantiles": (0.05, 0.95), "input_tok_s": band, "output_tok_s": band}
    return Fan(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"quantiles": (0.95, 0.05)}, "rise"),
        ({"quantiles": (0.5, 1.0)}, "rise"),
        ({"quantiles": (0.5,)}, "shape"),
        ({"output_tok_s": np.array([[[1.0, 3.0]], [[2.0, 2.0]]])}, "never below"),
    ],
)
def test_a_fan_that_is_none_is_refused(changes: dict, what: str):
    with pytest.raises(ValueError, match=what):
        a_fan(**changes)
    assert a_fan().quantiles == (0.05, 0.95)
