"""The journey of `baseload replay`: traffic in; the bill as table, JSON and picture; comparisons, sweeps, plans."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from autoscaler.replay.controllers import CONTROLLERS
from planner.tasks import engine

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 2, tzinfo=UTC)
SCHEMAS = {
    name: jsonschema.Draft202012Validator(json.loads((ROOT / "docs" / "schemas" / f"{name}.schema.json").read_text()))
    for name in ("replay", "sweep")
}
WORLD = """
tick_s = 60
[serving]
load_s = 0
patience_s = 0
service_s = 0
cache_warmup_s = 0
[[pool]]
offer = "test/burst"
price_usd_hour = 0.20
decode_tok_s = 200
lead_s = [120]
[[base]]
offer = "test/base"
count = 2
decode_tok_s = 300
fee_usd_month = 154
month_h = 730
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run of `baseload replay` ended with."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return dict(json.loads(self.out))


Replay = Callable[..., Ran]


@pytest.fixture
def replay(capsys: pytest.CaptureFixture[str]) -> Replay:
    """Runs `baseload replay` in this process; the exit code is checked where one is given."""

    def replayed(*arguments: str | Path, code: int | None = 0) -> Ran:
        found = run(baseload(), ["replay", *map(str, arguments)])
        said = capsys.readouterr()
        assert code is None or found == code, said.err
        return Ran(code=found, out=said.out, err=said.err)

    return replayed


def a_series(path: Path, output_tok_s: Sequence[float], step_s: int = 300) -> Path:
    rows = [
        f"{START + timedelta(seconds=n * step_s):%Y-%m-%dT%H:%M:%SZ},0,{tok_s:.3f}"
        for n, tok_s in enumerate(output_tok_s)
    ]
    path.write_text("\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s", *rows]) + "\n")
    return path


def waves(hours: int = 3) -> list[float]:
    """Output tok/s from 400 to 1,600, up and down once an hour and a half."""
    return [1000 - 600 * math.cos(2 * math.pi * n / 18) for n in range(12 * hours)]


@pytest.fixture
def given(tmp_path: Path) -> tuple[str, ...]:
    """Three hours of waves over a small world: two base nodes of 300 tok/s, burst of 200 tok/s after two minutes."""
    (tmp_path / "small.toml").write_text(WORLD)
    return ("--traffic", str(a_series(tmp_path / "waves.csv", waves())), "--world", str(tmp_path / "small.toml"))


def checked(document: dict[str, Any], name: str = "replay") -> dict[str, Any]:
    """The document, once it follows its schema and nobody in it pays less than the bound at its own unserved share."""
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in SCHEMAS[name].iter_errors(document)]
    assert errors == []
    for figures in (document, *document.get("policies", {}).values(), *document.get("points", ())):
        if figures.get("bound_at_unserved_usd") is not None:
            assert Decimal(figures["bill_usd"]) >= Decimal(figures["bound_at_unserved_usd"])
    return document


def without_speed(document: dict[str, Any]) -> dict[str, Any]:
    """The document without the one figure that differs from run to run."""
    return {key: value for key, value in document.items() if key != "ticks_per_s"}


# One controller


def test_the_bill_is_base_and_leases_and_every_lease_is_charged_by_its_span(
    replay: Replay, given: Sequence[str]
) -> None:
    document = checked(replay(*given, "--json", code=None).document)
    assert document["base_nodes"] == 2
    assert Decimal(document["base_usd"]) == Decimal(2 * 154 * 3) / 730
    charges = [Decimal(lease["charge_usd"]) for lease in document["leases"]]
    assert Decimal(document["bill_usd"]) == Decimal(document["base_usd"]) + sum(charges)
    for lease, charge in zip(document["leases"], charges, strict=True):
        held_s = max(60, round((lease["end_min"] - lease["start_min"]) * 60))
        assert float(charge) == pytest.approx(lease["count"] * held_s * 0.20 / 3600)
    assert sum(lease["count"] for lease in document["leases"]) == document["launches"] > 0
    assert document["ticks"] == 180
    asked = sum(hour["asked_tokens"] for hour in document["hours"])
    assert asked == pytest.approx(300 * sum(waves()))
    missed = sum(hour["unserved_tokens"] for hour in document["hours"])
    assert document["unserved_ratio"] == pytest.approx(missed / asked)


def test_the_same_seed_gives_the_same_document_and_another_seed_another_world(
    replay: Replay, given: Sequence[str]
) -> None:
    stormy = (*given, "--faults", "storm", "--json")
    first, again, other = (replay(*stormy, "--seed", seed, code=None).document for seed in ("3", "3", "4"))
    assert without_speed(first) == without_speed(again)
    assert without_speed(first) != without_speed(other)
    assert first["world"]["faults"] == "storm"
    assert first["world"]["seed"] == 3


def test_what_is_saved_is_what_json_prints_and_the_table_says_the_same(
    replay: Replay, given: Sequence[str], tmp_path: Path
) -> None:
    saved, chart = tmp_path / "out.json", tmp_path / "out.png"
    table = replay(*given, "-o", saved, "--chart", chart, code=None)
    document = checked(json.loads(saved.read_text()))
    assert f"baseload cost {Decimal(document['bill_usd']):.2f} USD" in table.out
    assert f"{document['launches']} launches" in table.out
    assert chart.read_bytes().startswith(b"\x89PNG")
    assert f"note: wrote {saved}" in table.err


def test_hours_and_leases_are_shown_where_asked_for(replay: Replay, given: Sequence[str]) -> None:
    plain = replay(*given, code=None).out
    assert "By hour" not in plain
    assert "Leases of burst nodes" not in plain
    assert "By hour" in replay(*given, "--hours", code=None).out
    assert "Leases of burst nodes" in replay(*given, "--leases", code=None).out
    both = replay(*given, "-v", code=None).out
    assert "By hour" in both
    assert "Leases of burst nodes" in both


def test_more_unserved_than_the_policy_allows_is_exit_code_3_with_the_table_printed(
    replay: Replay, tmp_path: Path
) -> None:
    (tmp_path / "small.toml").write_text(WORLD.replace("lead_s = [120]", "lead_s = [3000]"))
    jump = a_series(tmp_path / "jump.csv", [100.0] * 12 + [4000.0] * 12)
    ran = replay("--traffic", jump, "--world", tmp_path / "small.toml", code=3)
    assert "baseload cost" in ran.out
    assert "more than max_unserved_ratio 0.100 %" in ran.err
    calm = a_series(tmp_path / "calm.csv", [100.0] * 12)
    assert replay("--traffic", calm, "--world", tmp_path / "small.toml").code == 0


def test_a_launch_timeout_below_the_lead_time_is_remarked(replay: Replay, given: Sequence[str]) -> None:
    said = "launch_timeout_s is 60 s, and a node of test/burst is expected to serve llama-7b-q4 only 120 s after"
    assert said in replay(*given, "--set", "scaling.launch_timeout_s=60", code=3).err
    assert "launch_timeout_s" not in replay(*given).err


def test_days_demand_and_quiet_mean_what_they_mean_elsewhere(replay: Replay, given: Sequence[str]) -> None:
    whole = replay(*given, "--json", code=None).document
    ran = replay(*given, "--days", "0.0833334", "--set", "demand=*0.5", "-q", "--json", code=None)
    assert ran.err == ""
    document = checked(ran.document)
    assert document["minutes"] == 120
    assert document["world"]["traffic"].endswith("waves.csv, demand=*0.5")
    for hour, half in zip(whole["hours"], document["hours"], strict=False):
        assert half["asked_tokens"] == pytest.approx(hour["asked_tokens"] / 2)


def test_the_reference_world_has_a_mean_of_4000_and_base_for_what_lasts(replay: Replay, tmp_path: Path) -> None:
    traffic = a_series(tmp_path / "waves.csv", waves(4), step_s=600)
    document = checked(replay("--traffic", traffic, "--world", "reference", "--json", code=None).document)
    minutes = document["minutes"]
    assert sum(hour["asked_tokens"] for hour in document["hours"]) == pytest.approx(4000 * 60 * minutes)
    assert document["world"]["tick_s"] == 60
    assert [base["offer"] for base in document["world"]["base"]] == ["reference/base"]
    nodes = document["base_nodes"]
    assert Decimal(document["base_usd"]) == Decimal(154 * nodes) * Decimal(minutes) / 60 / 730


def test_a_trace_of_single_requests_is_replayed_request_by_request(replay: Replay, tmp_path: Path) -> None:
    rows = "".join(f"{second},0,500\n" for second in range(600))
    (tmp_path / "requests.csv").write_text("arrival_s,input_tokens,output_tokens\n" + rows)
    (tmp_path / "small.toml").write_text(WORLD.replace("patience_s = 0", "patience_s = 30"))
    ran = replay("--traffic", tmp_path / "requests.csv", "--world", tmp_path / "small.toml", "--json")
    assert ran.document["hours"][0]["asked_tokens"] == pytest.approx(300_000)
    assert ran.document["unserved_ratio"] == 0
    assert "600 single requests" in ran.err


def test_requests_of_other_lengths_than_the_rates_hold_for_are_remarked(replay: Replay, tmp_path: Path) -> None:
    def said(tokens_in: int, tokens_out: int, *more: str) -> str:
        rows = "".join(f"{10 * number},{tokens_in},{tokens_out}\n" for number in range(60))
        (tmp_path / "requests.csv").write_text("arrival_s,input_tokens,output_tokens\n" + rows)
        return replay("--traffic", tmp_path / "requests.csv", "--no-bound", *more, code=None).err

    (tmp_path / "small.toml").write_text(WORLD)
    assert (
        "llama-7b-q4: requests of this traffic are 1,000 tokens in and 200 out on average, rates are for 128 and 128: "
        "set input_tokens and output_tokens of the model"
    ) in said(1000, 200)
    assert "on average" not in said(128, 150)  # a sixth longer answers: alike
    assert "on average" not in said(1000, 200, "--world", str(tmp_path / "small.toml"))  # rates of the world file


def test_the_default_world_takes_its_base_from_a_plan_of_the_traffic(replay: Replay, tmp_path: Path) -> None:
    traffic = a_series(tmp_path / "waves.csv", [tok_s / 20 for tok_s in waves(2)])
    document = checked(replay("--traffic", traffic, "--faults", "none", "--json", code=None).document)
    assert document["world"]["name"] == "realistic"
    assert document["world"]["faults"] == "none"
    assert len(document["world"]["pools"]) >= 4
    assert any(one["ttft_p95_ms"] for one in document["expected"])


# Several


def test_a_comparison_runs_every_controller_that_can_and_ranks_them(replay: Replay, given: Sequence[str]) -> None:
    document = checked(replay(*given, "--compare", "--json", code=None).document)
    assert set(document["policies"]) == set(CONTROLLERS) - {"static-plan"}  # this world has no plan
    assert len({figures["base_usd"] for figures in document["policies"].values()}) == 1
    table = replay(*given, "--compare", code=None).out
    legend = {line.split("  ")[0] for line in table.splitlines() if "  " in line}
    assert set(document["policies"]) <= legend


def test_named_controllers_are_compared_and_a_file_changes_the_policy(
    replay: Replay, given: Sequence[str], tmp_path: Path
) -> None:
    (tmp_path / "lax.toml").write_text("[planning]\nmax_unserved_ratio = 1.0\n")
    names = ("--policy", "hpa", "--policy", "threshold", "--policy", str(tmp_path / "lax.toml"))
    document = replay(*given, *names, "--json").document
    assert list(document["policies"]) == ["hpa", "threshold"]
    assert document["world"]["max_unserved_ratio"] == 1


def test_a_sweep_gives_the_same_bytes_whoever_runs_it(replay: Replay, given: Sequence[str], tmp_path: Path) -> None:
    sweep = (*given, "--faults", "storm", "--sweep", "seed=0..2", "--policy", "hpa", "--json")
    here = replay(*sweep, "--chart", tmp_path / "pareto.png", code=None)
    document = checked(here.document, "sweep")
    assert [point["settings"] for point in document["points"]] == [{"seed": "0"}, {"seed": "1"}, {"seed": "2"}]
    assert len({json.dumps({**point, "settings": 0}) for point in document["points"]}) > 1
    assert set(document["frontier"]) <= {0, 1, 2}
    assert (tmp_path / "pareto.png").read_bytes().startswith(b"\x89PNG")
    for who in ("loky", "dask"):
        assert in_a_process_of_its_own(*sweep, "--workers", "2", "--engine", who) == here.out


def in_a_process_of_its_own(*arguments: str) -> str:
    """Stdout of `baseload replay` as a shell starts it: workers come and go with it, and leave nothing to this one."""
    program = [str(Path(sys.executable).with_name("baseload")), "replay", *map(str, arguments)]
    ended = subprocess.run(program, capture_output=True, text=True, check=False, timeout=240, cwd=ROOT)
    assert ended.returncode in {0, 3}, ended.stderr
    return ended.stdout


# A plan


@pytest.fixture
def planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The plan of six hours in which demand trebles for two."""
    forecast = a_series(tmp_path / "forecast.csv", [20, 20, 60, 60, 20, 20], step_s=3600)
    assert run(baseload(), ["plan", "-q", "-f", str(forecast), "-o", str(tmp_path / "plan.json")]) in {0, 3, 4}
    capsys.readouterr()
    return tmp_path / "plan.json"


def test_a_plan_is_held_against_its_replay_line_by_line(replay: Replay, planned: Path) -> None:
    document = checked(replay("--plan", planned, "--json", code=None).document)
    plan = json.loads(planned.read_text())
    (found,) = document["planned"]
    assert found["planned_bill_usd"] == plan["bill_usd"]
    assert found["replayed_bill_usd"] == document["bill_usd"]
    inside = [line for line in found["lines"] if line["line"] != "unserved"]
    for key in ("planned_usd", "replayed_usd"):
        assert sum(Decimal(line[key]) for line in inside) == pytest.approx(
            Decimal(found[key.replace("_usd", "_bill_usd")])
        )
    for line in found["lines"]:
        if line["causes"] is not None:
            total = sum(map(Decimal, line["causes"].values()))
            assert total == pytest.approx(Decimal(line["replayed_usd"]) - Decimal(line["planned_usd"]))
    assert {base["offer"]: base["count"] for base in document["world"]["base"]} == plan["base"]
    assert "Planned against replayed" in replay("--plan", planned, code=None).out


def test_part_of_an_hour_is_held_against_as_much_of_the_plan(replay: Replay, planned: Path, tmp_path: Path) -> None:
    twenty_minutes = a_series(tmp_path / "twenty.csv", [20] * 4)
    document = replay("--traffic", twenty_minutes, "--plan", planned, "--no-bound", "--json", code=None).document
    (found,) = document["planned"]
    assert found["share_of_horizon"] == pytest.approx(1 / 18)  # of six hours
    bill = Decimal(json.loads(planned.read_text())["bill_usd"])
    assert Decimal(found["planned_bill_usd"]) == pytest.approx(bill / 18)
    (base,) = [line for line in found["lines"] if line["line"] == "base"]
    assert Decimal(base["planned_usd"]) == pytest.approx(Decimal(base["replayed_usd"]))


def test_a_price_that_moved_since_the_plan_is_named_as_the_cause(replay: Replay, planned: Path) -> None:
    def price_usd(*more: str) -> Decimal:
        document = replay("--plan", planned, "--policy", "static-plan", "--json", *more, code=None).document
        return sum(
            (Decimal(one["causes"]["price_usd"]) for one in document["planned"][0]["lines"] if one["causes"]),
            Decimal(0),
        )

    assert price_usd() == 0
    assert price_usd("--set", "price.burst=*1.5") > 0


def test_a_plan_is_replayed_under_the_scenarios_of_its_forecast(
    replay: Replay, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},0,{tok_s},{name},{probability}"
        for name, probability, tok_s in (("low", 0.75, 20), ("high", 0.25, 60))
        for hour in range(3)
    ]
    forecast = tmp_path / "scenarios.csv"
    forecast.write_text(
        "\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s,scenario,probability", *rows]) + "\n"
    )
    assert run(baseload(), ["plan", "-q", "-f", str(forecast), "-o", str(tmp_path / "plan.json")]) in {0, 3, 4}
    capsys.readouterr()
    given = ("--plan", str(tmp_path / "plan.json"), "--traffic", str(forecast))
    document = checked(replay(*given, "--json", code=None).document)
    assert [(one["scenario"], one["probability"]) for one in document["planned"]] == [("low", 0.75), ("high", 0.25)]
    assert sum(bool(one["lines"]) for one in document["planned"]) == 1
    assert "expected" in replay(*given, code=None).out
    assert "holds 2 scenarios" in replay("--traffic", forecast, code=2).err
    other = tmp_path / "other.csv"
    other.write_text(forecast.read_text().replace("high", "highest"))
    said = replay("--plan", tmp_path / "plan.json", "--traffic", other, code=2).err
    assert "scenario 'highest' is not in" in said
    assert "its scenarios: low, high" in said


def test_every_controller_can_be_run_on_a_plan_whose_bill_stands_beside_them(replay: Replay, planned: Path) -> None:
    ran = replay("--plan", planned, "--compare", "--no-bound", code=None)
    plan = json.loads(planned.read_text())
    assert f"The plan expects {Decimal(plan['bill_usd']):.2f} USD." in ran.out
    assert "static-plan" in ran.out


# The SLO


def test_a_target_from_the_slo_is_stated_and_a_stricter_slo_lowers_it(replay: Replay, tmp_path: Path) -> None:
    traffic = a_series(tmp_path / "waves.csv", [tok_s / 20 for tok_s in waves(1)])

    def target(*more: str) -> float:
        ran = replay("--traffic", traffic, "--set", "scaling.target_utilization=slo", "--json", *more, code=None)
        found = float(ran.document["world"]["target_utilization"])
        assert f"target utilization {found:g}: the highest at which the SLO is met" in ran.err
        return found

    assert 0 < target("--slo", "ttft_ms=1500") < target("--slo", "ttft_ms=4000") < 1


# Wrong input


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((), "nothing to replay; expected --traffic FILE or --plan plan.json", id="nothing"),
        pytest.param(("--traffic", "{}/none.csv"), "none.csv: no such file", id="no such traffic"),
        pytest.param(("--traffic", "{}/bad.csv"), "bad.csv, row 2: output_tokens_per_s is 'x'", id="bad traffic"),
        pytest.param(("--plan", "{}/waves.csv"), "not readable as JSON", id="a plan that is none"),
        pytest.param(("--traffic", "{}/waves.csv", "--world", "mars"), "no such file or world", id="no such world"),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--policy", "hpaa"),
            "a controller (baseload, oracle",
            id="no such controller",
        ),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--policy", "funded", "--policy", "enterprise"),
            "--policy enterprise: expected one preset",
            id="two presets",
        ),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--policy", "hpa", "--compare"), "--compare runs every", id="named and all"
        ),
        pytest.param(
            ("--traffic", "{}/huge.csv"),
            "huge.csv: asks for up to 1,000,000,000 tok/s, 7,418,216 of the fastest nodes; expected tokens per second, "
            "for at most 10,000 nodes (a part of them by --set demand=*0.001)",
            id="more than can be replayed",
        ),
        pytest.param(("--traffic", "{}/waves.csv", "--days", "9"), "--days 9: ", id="more days than there are"),
        pytest.param(("--traffic", "{}/waves.csv", "--days", "0"), "expected more than 0", id="no days"),
        pytest.param(("--traffic", "{}/waves.csv", "--sweep", "seed"), "expected KEY=a,b,c", id="no values"),
        pytest.param(("--traffic", "{}/waves.csv", "--sweep", "seed=a,b"), "seeds as whole numbers", id="no seeds"),
        pytest.param(("--traffic", "{}/waves.csv", "--sweep", "seed=3..1"), "a rising range", id="range that falls"),
        pytest.param(("--traffic", "{}/waves.csv", "--sweep", "seed=1,1"), "values that differ", id="twice the same"),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--sweep", "scaling.hold=1,2"),
            "baseload: --sweep scaling.hold=1: ",
            id="a swept key that is none",
        ),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--sweep", "scaling.hold_s=5,-1"),
            "baseload: --sweep scaling.hold_s=-1, [policy.scaling]: ",
            id="a swept value that is none",
        ),
        pytest.param(("--traffic", "{}/waves.csv", "--set", "demnd=*2"), "did you mean 'demand'?", id="misspelt key"),
        pytest.param(("--traffic", "{}/waves.csv", "--set", "demand.shift=6h"), "hourly rows to shift", id="a shift"),
        pytest.param(("--traffic", "{}/waves.csv", "--faults", "hail"), "'hail'", id="no such mix"),
        pytest.param(("--traffic", "{}/waves.csv", "--workers", "0"), "--workers", id="no worker"),
        pytest.param(("--traffic", "{}/waves.csv", "--engine", "ray"), "expected loky, dask, or", id="no such engine"),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--checkpoint", "{}/waves.csv"),
            "is also the file of --traffic",
            id="checkpoint over its input",
        ),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--sweep", "seed=0,1", "--checkpoint", "{}/bad.csv"),
            "bad.csv: is no checkpoint",
            id="another file as checkpoint",
        ),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--compare", "--hours"), "expected one controller", id="hours of all"
        ),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--sweep", "seed=0,1", "--leases"), "expected one", id="leases of a sweep"
        ),
        pytest.param(
            ("--traffic", "{}/waves.csv", "-o", "{}/waves.csv"), "is also the file of --traffic", id="over its input"
        ),
        pytest.param(("--traffic", "{}/waves.csv", "--chart", "{}/x.pdf"), "as .svg or .png", id="no picture"),
        pytest.param(("--traffic", "{}/seven.csv", "--world", "reference"), "whole minutes", id="seconds in reference"),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--world", "{}/small.toml", "--set", "scaling.target_utilization=slo"),
            "no offer of the world has a measured curve",
            id="no curve to meet an SLO by",
        ),
        pytest.param(
            ("--traffic", "{}/waves.csv", "--world", "{}/small.toml", "--policy", "static-plan"),
            "static-plan needs a plan",
            id="no plan to follow",
        ),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    replay: Replay, given: Sequence[str], tmp_path: Path, arguments: Sequence[str], said: str
) -> None:
    (tmp_path / "bad.csv").write_text("timestamp,input_tokens_per_s,output_tokens_per_s\n2026-03-02T00:00:00Z,1,x\n")
    a_series(tmp_path / "seven.csv", [1.0] * 4, step_s=10)
    a_series(tmp_path / "huge.csv", [1e9] * 24)
    before = sorted(tmp_path.iterdir())
    ran = replay(*(one.format(tmp_path) for one in arguments), code=2)
    assert ran.out == ""
    assert said in ran.err
    assert len(ran.err.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_cluster_that_does_not_answer_is_exit_code_5(
    replay: Replay, given: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ANSWER_WITHIN_S", 0.5)
    nowhere = ("--engine", "tcp://127.0.0.1:9", "--sweep", "seed=0,1")
    ran = replay(*given, *nowhere, code=5)
    assert "no Dask scheduler answers" in ran.err
