"""`baseload plan` where the forecast has scenarios: aims, what knowing more is worth, in the table and in the JSON."""

import json
from pathlib import Path

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from planner.exchange.plan_file import read_plan
from planner.report.plan_json import plan_text
from tests.verify_plan import verify

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "plan.schema.json").read_text())
FUTURES = {"calm": (0.5, 300.0), "usual": (0.3, 600.0), "rush": (0.2, 2400.0)}


@pytest.fixture
def forecast(tmp_path: Path) -> Path:
    """Two days in three scenarios; a third of the traffic at night."""
    rows = ["timestamp,scenario,probability,input_tokens_per_s,output_tokens_per_s"]
    for name, (probability, tok_s) in FUTURES.items():
        for hour in range(48):
            now = tok_s if 8 <= hour % 24 < 20 else tok_s / 3
            rows.append(f"2026-12-{7 + hour // 24:02d}T{hour % 24:02d}:00:00Z,{name},{probability},{now},{now / 10}")
    path = tmp_path / "futures.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def planned(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> str:
    found = run(baseload(), ["plan", *map(str, arguments)])
    said = capsys.readouterr()
    assert found == code, said.err
    return said.out if code == 0 else said.err


def held_to_account(text: str) -> dict:
    document = json.loads(text)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert verify(document) == []
    assert plan_text(read_plan(text, source="plan.json")) == text
    return document


def test_each_aim_is_least_at_what_it_aims_at(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plans = {
        aim: held_to_account(planned(capsys, "-f", forecast, "--aim", aim, "--set", "cvar_level=0.8", "--json"))
        for aim in ("expected", "cvar", "regret")
    }
    for aim, plan in plans.items():
        known = plan["uncertainty"]
        assert known["aim"] == plan["policy"]["aim"] == aim
        assert float(known["aimed_bound_usd"]) <= float(known["aimed_usd"])
        # No aim beats another at its own game, but for the launch overhead that is charged afterwards.
        for other in plans.values():
            assert float(plans["expected"]["lower_bound_usd"]) <= float(other["total_usd"])
            assert float(plans["cvar"]["uncertainty"]["aimed_bound_usd"]) <= float(other["uncertainty"]["cvar_usd"])
            regret = float(other["uncertainty"]["foresight"]["regret_usd"])
            assert float(plans["regret"]["uncertainty"]["aimed_bound_usd"]) <= regret + 1e-6
    assert plans["cvar"]["base"] != plans["expected"]["base"]
    assert float(plans["cvar"]["gap"]["aim_usd"]) > 0
    assert "aim_usd" not in plans["expected"]["gap"]


def test_the_table_says_what_knowing_more_is_worth(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = planned(capsys, "-f", forecast)
    for words in (
        "A perfect forecast would save at most USD",
        "Planning on the mean (",
        "Hindsight would save at most",
    ):
        assert words in said
    assert "Totals by scenario: dearest rush" in said


def test_the_table_says_what_an_aim_costs(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = planned(capsys, "-f", forecast, "--aim", "cvar", "--set", "cvar_level=0.8", "--set", "cvar_weight=0.5")
    assert "Aim cvar: 50 % of the mean total of the dearest 20 % of outcomes with 50 % of the expected total" in said
    assert "In expectation this costs at most USD" in said


def test_explain_says_for_which_aim_it_speaks(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = json.loads(planned(capsys, "-f", forecast, "--aim", "regret", "--explain", "--json"))
    assert any("told for aim expected only" in remark for remark in plan["remarks"])


def test_a_level_outside_its_range_is_named(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "cvar_level must be in [0, 1)" in planned(capsys, "-f", forecast, "--set", "cvar_level=1", code=2)


def test_fewer_scenarios_say_what_that_may_cost(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = held_to_account(planned(capsys, "-f", forecast, "--reduce-scenarios", "2", "--json"))
    found = document["uncertainty"]["reduction"]
    assert [one["name"] for one in document["scenarios"]] == ["calm", "rush"]  # usual is nearer to calm
    assert [one["probability"] for one in document["scenarios"]] == pytest.approx([0.8, 0.2])
    assert (found["scenarios"], found["kept"]) == (3, 2)
    assert float(found["least_usd"]) <= float(found["all_usd"])
    few = float(document["relaxed_bound_usd"])
    assert abs(few - float(found["least_usd"])) <= float(found["bound_usd"])
    said = planned(capsys, "-f", forecast, "--reduce-scenarios", "2")
    assert "Planned for 2 of 3 scenarios" in said


def test_scenarios_are_not_reduced_under_maximize(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--reduce-scenarios", "2", "--maximize", "traffic", "--set", "max_usd_month=500")
    assert "does not go with --maximize" in planned(capsys, "-f", forecast, *arguments, code=2)


def test_surviving_the_loss_of_spot_has_its_price(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("-f", forecast, "--only", "aws,hetzner", "--survive-spot-loss", "provider")
    document = held_to_account(planned(capsys, *arguments, "--json"))
    loss = document["uncertainty"]["spot_loss"]
    assert document["policy"]["survive_spot_loss"] == "provider"
    assert all(pool.endswith("/spot") for pool in loss["pools"])
    assert 0 < loss["probability"] < 0.2  # two days
    assert float(loss["unaware_usd"]) < float(document["total_usd"]) <= float(loss["ignored_usd"]) * 1.001
    assert {one["name"].partition(", ")[0] for one in document["scenarios"]} == set(FUTURES)
    # On-demand twins of lost spot are not set aside as dominated.
    assert any(key.startswith("aws/") and not key.endswith("/spot") for key in document["offers"])
    assert "surviving it costs USD" in planned(capsys, *arguments)


def test_waiting_a_month_is_weighed_against_setup_fees(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = held_to_account(planned(capsys, "-f", forecast, "--wait", "--json"))["uncertainty"]["waiting"]
    assert value["months"] == 12
    assert float(value["adjust_usd"]) <= min(float(value["keep_usd"]), float(value["wait_usd"]))
    assert "Over 12 months, if the scenario that shows in the first goes on" in planned(
        capsys, "-f", forecast, "--wait"
    )


def test_a_service_level_is_kept_and_said(forecast: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Unserved tokens cost next to nothing here, so that only the service level asks for nodes.
    arguments = ("-f", forecast, "--aim", "service", "--set", "unserved_usd_mtok=0.2", "--set", "max_search_gap=1")
    allowed = ("--set", "max_short_probability=0.2")
    strict = ("--set", "max_short_probability=0")
    lax = held_to_account(planned(capsys, *arguments, *allowed, "--set", "max_unserved_ratio=0.01", "--json"))
    known = lax["uncertainty"]
    assert known["short_probability"] == pytest.approx(0.2)  # the rush is left short
    tight = held_to_account(planned(capsys, *arguments, *strict, "--set", "max_unserved_ratio=0.01", "--json"))
    assert tight["uncertainty"]["short_probability"] == 0
    assert float(tight["total_usd"]) > float(lax["total_usd"])
