"""The loop is closed: what was measured is what is planned with, and what is planned is what is charged."""

from decimal import Decimal
from pathlib import Path

import pytest

from planner.profile.document import read_profile
from tests.measured.loop import MIXES, close_the_loop


def test_a_chat_request_is_charged_what_the_measured_machine_costs(tmp_path: Path) -> None:
    shown: list[str] = []
    found = close_the_loop(tmp_path, window_s=1.5, repeats=2, show=shown.append)

    # measured: every mix has its three loads, and the profile that was saved is the one that was fitted
    profile = read_profile((tmp_path / "tiny.toml").read_text(), "tiny.toml")
    curves = profile.machines["hetzner/ax102"].curves
    assert sorted(curve.workload for curve in curves) == sorted(MIXES)
    assert all(len(curve.points) == 3 for curve in curves)
    (machine,) = found.fit["machines"]
    assert machine["prefill_tok_s"] > 0
    assert machine["decode_tok_s"] > 0
    assert len(machine["foretold"]) == 3

    # planned: the plan's rates are those of the fit at the model's lengths
    rates = found.plan["models"]["tiny"]["rates"]["hetzner/ax102"]
    assert rates["basis"] == "measured"
    assert rates["prefill_tok_s"] > 0

    # published: input and output together earn the plan's bill
    (entry,) = found.published["model_list"]
    low, high = (Decimal(str(entry["litellm_params"][f"{kind}_cost_per_token"])) for kind in ("input", "output"))
    hours = range(24)
    tokens_in, tokens_out = (sum(3600 * (a + b * hour) for hour in hours) for a, b in ((200, 60), (100, 30)))
    assert low * tokens_in + high * tokens_out == pytest.approx(Decimal(found.plan["bill_usd"]), rel=Decimal("0.001"))

    # charged: by the probe and by somebody else
    (model,) = found.probed["models"]
    (probe,) = found.probed["probes"]
    assert (model["became"], probe["alarm"]) == ("kept", None)
    expected = found.usage["prompt_tokens"] * low + found.usage["completion_tokens"] * high
    assert found.charged_usd == pytest.approx(expected, rel=Decimal("1e-9"))
    assert found.usage["completion_tokens"] > 0
    assert f"USD {low * 1_000_000:.4f} input, {high * 1_000_000:.4f} output per million tokens" in found.report
    (served,) = found.month["model_months"]
    assert (served["input_tokens"], served["output_tokens"]) == (
        found.usage["prompt_tokens"],
        found.usage["completion_tokens"],
    )
    assert any("charged USD" in line for line in shown)
