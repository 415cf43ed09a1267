"""`baseload catalog list`: the whole command, on the shipped catalog and on the examples."""

import json
from pathlib import Path

import pytest

from autoscaler.cli import baseload, run

EXAMPLES = Path(__file__).parents[2] / "examples"


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `baseload catalog list …`."""
    code = run(baseload(), ["catalog", "list", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def rows_of(text: str) -> list[list[str]]:
    """The words of each row of the table."""
    lines = text.splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("───")) + 1
    return [line.split() for line in lines[first : lines.index("", first)]]


def test_every_offer_is_listed_once_cheapest_first(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, err = listed(capsys)
    _, document, _ = listed(capsys, "--json")
    offers = json.loads(document)["offers"]
    assert code == 0
    assert [row[0] for row in rows_of(text)] == [offer["id"] for offer in offers]
    costs = [float(offer["usd_mtok"]) for offer in offers if offer["usd_mtok"] is not None]
    assert costs == sorted(costs)
    assert 0 < len(costs) < len(offers)
    assert all(offer["usd_mtok"] is None and offer["no_rate_reason"] for offer in offers[len(costs) :])
    assert "net of VAT" in text
    assert err.startswith("note: no fleet.toml given (-c): using the packaged default fleet")


def test_providers_and_markets_choose_what_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = listed(capsys, "aws.spot", "hetzner/*")
    ids = [row[0] for row in rows_of(text)]
    assert {"hetzner/ax102", "hetzner/ax162-r", "aws/r7a.4xlarge/spot"} <= set(ids)
    assert all(one.endswith("/spot") or one.startswith("hetzner/") for one in ids)


def test_a_base_offer_is_quoted_at_720_hours(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = listed(capsys, "hetzner/*", "--currency", "EUR")
    (row,) = [row for row in rows_of(text) if row[0] == "hetzner/ax102"]
    assert row[1:8] == ["base", "EU", "32", "128", "0.1694", "122.00", "269"]  # 122 / 720 = 0.1694


def test_what_is_left_out_is_listed_for_the_providers_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = listed(capsys, "aws", "--left-out")
    assert "aws/p5e.48xlarge" in text
    _, text, _ = listed(capsys, "ovh", "--left-out")
    assert "aws/" not in text


def test_verbose_says_why_offers_have_no_rate(capsys: pytest.CaptureFixture[str]) -> None:
    _, text, _ = listed(capsys, "hetzner-cloud", "-v")
    assert "No rate for llama-7b-q4:" in text
    assert "hetzner-cloud/ccx33" in text.split("No rate for")[1]
    assert "too slow for the SLO with one user" in text


def test_the_cost_of_another_model_and_mix(capsys: pytest.CaptureFixture[str]) -> None:
    _, document, err = listed(capsys, "aws/g5.xlarge", "--model", "llama-3.1-8b", "--mix", "0", "--json")
    read = json.loads(document)
    assert (read["model"], read["input_per_output"], len(read["offers"])) == ("llama-3.1-8b", 0.0, 1)
    assert "shown at saturation" in err


def test_a_models_own_lengths_are_the_mix(capsys: pytest.CaptureFixture[str]) -> None:
    _, document, _ = listed(capsys, "-c", str(EXAMPLES / "hybrid-gpu" / "fleet.toml"), "--json")
    assert json.loads(document)["input_per_output"] == pytest.approx(930 / 146)


def test_measured_only_leaves_estimates_without_a_cost(capsys: pytest.CaptureFixture[str]) -> None:
    _, document, _ = listed(capsys, "hetzner/ax102", "--measured-only", "--json")
    (offer,) = json.loads(document)["offers"]
    assert offer["usd_mtok"] is None
    assert offer["no_rate_reason"] == "no measured rate: only an estimate exists, and estimates are left out"


def test_the_guides_prices_per_million_tokens(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, err = listed(capsys, "-c", str(EXAMPLES / "guides" / "fleet.toml"))
    assert (code, err) == (0, "")
    cost = {row[0]: row[-3] for row in rows_of(text)}
    # USD/h over tok/s: 154 / 720 / 300, 0.16 / 150 and 0.91 / 200, each times 10^6 / 3600
    assert [cost[name] for name in ("hetzner/ax102", "ovh/b3-64", "aws/r7a.4xlarge")] == ["0.198", "0.296", "1.264"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hetzne"], "'hetzne' matches no offer; nearest: hetzner"),
        (["aws/r7a.4xlarg"], "nearest: aws/r7a.4xlarge"),
        (["aws/p5e.48xlarge"], "left out of the catalog: no price in the list"),
        (["--model", "llama-7b"], "did you mean 'llama-7b-q4'?"),
        (["--mix", "-1"], "--mix -1.0: expected a number of 0 or more"),
        (["--mix", "inf"], "--mix inf: expected a number of 0 or more"),
        (["--currency", "GBP"], "'GBP' is not one of 'USD', 'EUR'"),
        (["-c", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_bad_input_is_one_line_with_the_nearest_right_name(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, out, err = listed(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
