"""`baseload profile show`: every shipped profile, and the examples' fleets."""

import json
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run
from planner.profile.shipped import NAMES

EXAMPLES = Path(__file__).parents[2] / "examples"


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `baseload profile show …`."""
    code = run(baseload(), ["profile", "show", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_profile_is_shown(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, text, _ = shown(capsys, name)
    _, document, _ = shown(capsys, name, "--json")
    read = json.loads(document)
    assert code == 0
    assert f"Profile {name}: " in text
    assert read["profile"]["name"] == name
    costs = [float(offer["usd_mtok"]) for offer in read["offers"]]
    assert costs == sorted(costs)
    assert costs
    assert all(offer["offer"] in text for offer in [*read["offers"], *read["unfit"]])


def test_old_prices_behind_the_costs_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, err = shown(capsys, "llama-7b-q4")
    assert "note: old prices: aws of 2026-07-20, aws spot of 2025-07-01, hetzner of 2026-02-02" in err
    _, _, err = shown(capsys, "llama-7b-q4", "--offer", "ovh/b3-64")
    assert "note: old prices: ovh of 2025-10-01; " in err
    _, _, err = shown(capsys, "llama-7b-q4", "--machines")
    assert "old prices" not in err  # none is shown


@pytest.mark.parametrize(
    ("example", "model", "profile"),
    [
        ("startup", "chat", "llama-7b-q4"),
        ("hybrid-gpu", "llama-3.1-8b", "llama-3.1-8b"),
        ("guides", "7b-1.58bit", "guide-7b-1.58bit"),
    ],
)
def test_the_first_model_of_a_fleet_is_shown(
    capsys: pytest.CaptureFixture[str], example: str, model: str, profile: str
) -> None:
    code, document, err = shown(capsys, "-c", str(EXAMPLES / example / "fleet.toml"), "--json")
    read = json.loads(document)
    assert (code, read["model"], read["profile"]["name"]) == (0, model, profile)
    assert all(line.startswith("note: old prices: ") for line in err.splitlines())
    assert read["offers"]


@pytest.mark.parametrize("name", ["guide-7b-1.58bit", "guide-30b-1.58bit", "guide-chargeback"])
def test_profiles_of_ones_own_are_shown(capsys: pytest.CaptureFixture[str], name: str) -> None:
    code, text, _ = shown(capsys, name, "-c", str(EXAMPLES / "guides" / "fleet.toml"))
    assert code == 0
    assert f"Profile {name}: " in text
    assert "its own estimate" in text


def test_a_profile_of_two_models_is_shown_for_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, err = shown(capsys, "llama-7b-q4", "-c", str(EXAMPLES / "startup" / "fleet.toml"))
    assert code == 0
    assert text.startswith("chat, SLO first token within 2,000 ms (p95), 200 ms per output token\n")
    assert "profile llama-7b-q4: shown for model chat, also of code" in err


def test_another_model_has_its_own_slo(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, err = shown(capsys, "code", "-c", str(EXAMPLES / "startup" / "fleet.toml"))
    assert text.startswith("code, SLO first token within 8,000 ms (p95), 200 ms per output token\n")
    assert [line[:17] for line in err.splitlines()] == ["note: old prices:"]


def test_a_profile_without_a_model_is_shown_at_saturation_or_at_an_slo_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, document, err = shown(capsys, "llama-3.1-8b", "--offer", "aws/g5.xlarge", "--json")
    saturated = json.loads(document)["offers"][0]
    assert "no SLO: rated at saturation" in saturated["remarks"]
    assert "there is no SLO: shown at saturation" in err
    _, document, err = shown(
        capsys, "llama-3.1-8b", "--offer", "aws/g5.xlarge", "--slo", "ttft_ms=2000", "--slo", "tpot_ms=200", "--json"
    )
    bound = json.loads(document)["offers"][0]
    assert bound["ttft_p95_ms"] <= 2000
    assert bound["tpot_ms"] <= 200
    assert bound["concurrency"] < saturated["concurrency"]
    assert "shown at the SLO given" in err


def test_an_offer_is_shown_point_by_point_with_the_rated_one_marked(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = shown(capsys, "--offer", "aws/r7a.8xlarge")
    assert code == 0
    marked = [line for line in text.splitlines() if "← rated point" in line]
    assert len(marked) == 1
    assert marked[0].split()[3] == "2,000"  # the SLO's time to first token is what limits it
    assert "Rule: single stream x CPU batching gain" in text
    assert "left out in turn" not in text


def test_an_estimated_offer_shows_how_wrong_its_rule_is_on_measured_machines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, text, _ = shown(capsys, "--offer", "hetzner/ax102")
    table = text.split("Zen 4 rule: each size left out in turn")[1]
    (row,) = [line.split() for line in table.splitlines() if line.startswith("aws/c7a.2xlarge")]
    assert row == ["aws/c7a.2xlarge", "45.0", "60.9", "+35", "%", "7.9", "12.3", "+55", "%"]
    _, everything, _ = shown(capsys)
    assert "at worst +35 % off for prefill, +55 % for decode" in everything


def test_the_machines_of_a_profile_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = shown(capsys, "llama-3.1-8b", "--machines")
    assert "azure/standard_nc40ads_h100_v5" in text
    _, document, _ = shown(capsys, "llama-7b-q4", "--machines", "--json")
    read = json.loads(document)
    assert len(read["machines"]) == read["profile"]["machines"] == 1031


def test_euros(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = shown(capsys, "--currency", "EUR")
    assert "EUR/Mtok" in text
    assert "Cost: EUR at " in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["llama-7b"], "did you mean 'llama-7b-q4'?"),
        (["--offer", "aws/r7a.8xlarg"], "nearest: aws/r7a.8xlarge"),
        (["--offer", "aws"], "no such offer in the catalog of default fleet"),
        (["--offer", "aws/p5e.48xlarge"], "known but not offered: no price in the list"),
        (["--slo", "ttf_ms=3"], "--slo ttf_ms=3: unknown key 'ttf_ms'; did you mean 'ttft_ms'?"),
        (["--slo", "ttft_ms=-3"], "--slo ttft_ms=-3"),
        (["--slo", "ttft_ms"], "expected KEY=MS"),
        (["--mix", "nan"], "--mix nan: expected a number of 0 or more"),
        (["--machines", "--offer", "aws/r7a.8xlarge"], "expected one of the two"),
    ],
)
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    code, out, err = shown(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
