"""What is written is what is read back: mean, quantiles and scenarios."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.demand.fan import Fan
from planner.demand.fan_csv import fan_csv
from planner.demand.forecast import Forecast
from planner.demand.read import held_quantiles, read_forecast

START = datetime(2026, 12, 1, tzinfo=UTC)
NAMES = st.text(alphabet='ab ,"-', min_size=1, max_size=6).map(str.strip).filter(bool)


@st.composite
def fans(draw: st.DrawFn) -> Fan:
    models = tuple(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))) if draw(st.booleans()) else ("",)
    hours, count = draw(st.integers(1, 5)), draw(st.integers(0, 4))
    quantiles = tuple(sorted(draw(st.sets(st.sampled_from((0.05, 0.25, 0.5, 0.9, 0.975)), max_size=3))))
    rng = np.random.default_rng(draw(st.integers(0, 999)))

    def rates(*shape: int) -> np.ndarray:
        return rng.lognormal(0, 5, (*shape, len(models), hours))

    def series(scenarios: int) -> tuple[np.ndarray, np.ndarray]:
        return rates(scenarios), rates(scenarios)

    (mean_in, mean_out), (band_in, band_out), (path_in, path_out) = (series(n) for n in (1, len(quantiles), count))
    chance = rng.dirichlet(np.ones(count)) if count else np.ones(1)
    return Fan(
        mean=Forecast(start=START, models=models, input_tok_s=mean_in, output_tok_s=mean_out),
        quantiles=quantiles,
        input_tok_s=np.sort(band_in, axis=0),
        output_tok_s=np.sort(band_out, axis=0),
        paths=Forecast(
            start=START,
            models=models,
            scenarios=tuple(f"path-{number}" for number in range(count)),
            probability=tuple(map(float, chance)),
            input_tok_s=path_in,
            output_tok_s=path_out,
        )
        if count
        else None,
    )


@settings(max_examples=60, deadline=None)
@given(fan=fans())
def test_a_fan_is_read_back_to_seven_digits(fan: Fan) -> None:
    text = fan_csv(fan)

    assert held_quantiles(text, source="f") == fan.quantiles
    expected = fan.mean if fan.paths is None else fan.paths
    found = read_forecast(text, source="f")
    assert (found.start, found.models, found.scenarios) == (START, expected.models, expected.scenarios)
    assert found.probability == pytest.approx(expected.probability, abs=1e-8)
    np.testing.assert_allclose(found.input_tok_s, expected.input_tok_s, rtol=1e-6)
    np.testing.assert_allclose(found.output_tok_s, expected.output_tok_s, rtol=1e-6)
    for number, quantile in enumerate(fan.quantiles):
        band = read_forecast(text, source="f", quantile=quantile)
        assert band.scenarios == ("",)
        np.testing.assert_allclose(band.input_tok_s[0], fan.input_tok_s[number], rtol=1e-6)
        np.testing.assert_allclose(band.output_tok_s[0], fan.output_tok_s[number], rtol=1e-6)


def test_a_file_with_mean_and_scenarios_says_which_is_used() -> None:
    text = (
        "timestamp,input_tokens_per_s,output_tokens_per_s,quantile,scenario,probability\n"
        "2026-12-01T00:00Z,4,1,,,\n"
        "2026-12-01T00:00Z,8,2,0.9,,\n"
        "2026-12-01T00:00Z,2,1,,low,0.25\n"
        "2026-12-01T00:00Z,6,1,,high,0.75\n"
    )

    found = read_forecast(text, source="f.csv")

    assert found.scenarios == ("low", "high")
    assert found.input_tok_s[:, 0, 0].tolist() == [2, 6]
    assert found.remarks == ("f.csv: its 2 scenarios are used; the mean rows and the quantiles 0.9 are not",)
    assert read_forecast(text, source="f.csv", quantile=0.9).input_tok_s[0, 0, 0] == 8
