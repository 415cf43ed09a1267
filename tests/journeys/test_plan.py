"""The journey of `baseload plan`: files in; the plan on paper, as JSON, as a file, as a picture; its exit code."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from autoscaler.cli import baseload, run
from tests.verify_bound import is_covered, relaxed_bound_usd
from tests.verify_plan import verify

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SERVEGEN = EXAMPLES / "forecasts" / "servegen_m_large_x0.01.csv"
AZURE = EXAMPLES / "forecasts" / "azure2024_code_week_x0.05.csv"
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "plan.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a run of `baseload plan` ended with."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Json:
        return json.loads(self.out)


Plan = Callable[..., Planned]


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str]) -> Plan:
    """Runs `baseload plan` in this process."""

    def planned(*arguments: str | Path, code: int = 0) -> Planned:
        found = run(baseload(), ["plan", *map(str, arguments)])
        said = capsys.readouterr()
        assert found == code, said.err
        return Planned(code=found, out=said.out, err=said.err)

    return planned


def held_to_account(document: Json) -> Json:
    """The document, once its schema, every sum and its bound have been checked from itself alone."""
    complaints = [f"{'/'.join(map(str, one.absolute_path))}: {one.message}" for one in VALIDATOR.iter_errors(document)]
    assert complaints + verify(document) == []
    if is_covered(document):
        bound = relaxed_bound_usd(document)
        assert bound is not None
        assert float(document["relaxed_bound_usd"]) == pytest.approx(bound, rel=1e-6, abs=1e-6)
    return document


def a_forecast(
    path: Path,
    tok_s: Callable[[int], float],
    *,
    hours: int,
    start: datetime = datetime(2026, 12, 7, tzinfo=UTC),
    rows: Sequence[tuple[Mapping[str, str], float]] = (({}, 1.0),),
) -> Path:
    """A CSV of `hours` hours asking for tok_s(hour) input and a tenth of it output, times the factor of each of `rows`.

    The mapping of `rows` holds further columns, such as a model or a scenario with its probability.
    """
    columns = ["timestamp", "input_tokens_per_s", "output_tokens_per_s", *rows[0][0]]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for further, factor in rows:
            for hour in range(hours):
                asked = tok_s(hour) * factor
                moment = start + timedelta(hours=hour)
                writer.writerow([f"{moment:%Y-%m-%dT%H:%M:%SZ}", asked, asked / 10, *further.values()])
    return path


def by_day(hour: int) -> float:
    """200 tok/s at night, 1,000 for eight hours of the day."""
    return 1000.0 if 8 <= hour % 24 < 16 else 200.0


MODELS = """
[[model]]
name = "chat"
profile = "llama-7b-q4"

[[model]]
name = "code"
profile = "llama-7b-q4"
"""


@pytest.fixture
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A day's forecast: quick to plan, and outside the folder that a test looks into."""
    return a_forecast(tmp_path_factory.mktemp("day") / "day.csv", by_day, hours=24)


# Every example


@pytest.mark.parametrize(
    ("forecast", "fleet"),
    [
        pytest.param(AZURE, None, id="azure code, default fleet"),
        pytest.param(SERVEGEN, None, id="servegen, default fleet"),
        pytest.param(EXAMPLES / "startup" / "forecast.csv", EXAMPLES / "startup" / "fleet.toml", id="startup"),
        pytest.param(EXAMPLES / "hybrid-gpu" / "forecast.csv", EXAMPLES / "hybrid-gpu" / "fleet.toml", id="hybrid-gpu"),
        pytest.param(SERVEGEN, EXAMPLES / "guides" / "fleet.toml", id="the guides"),
        pytest.param(AZURE, EXAMPLES / "guides" / "fleet.toml", id="the guides on code"),
    ],
)
def test_every_example_is_planned_and_its_plan_holds_to_account(
    plan: Plan, tmp_path: Path, forecast: Path, fleet: Path | None
) -> None:
    saved = tmp_path / "plan.json"
    done = plan("-f", forecast, *([] if fleet is None else ["-c", fleet]), "--json", "-o", saved)
    document = held_to_account(done.document)
    assert saved.read_text() == done.out
    assert list(tmp_path.iterdir()) == [saved]
    assert document["provenance"]["forecast"] == str(forecast)
    assert document["unserved_ratio"] <= document["policy"]["max_unserved_ratio"]
    with forecast.open() as file:
        rows = list(csv.reader(file))[1:]
    asked = sum(float(row[-1]) for row in rows)
    told = sum(one["output_tok_s"] for hour in document["hours_detail"] for one in hour["demand"].values())
    assert told == pytest.approx(asked)


def test_no_example_is_left_out() -> None:
    assert {path.name for path in (EXAMPLES / "forecasts").glob("*.csv*")} == {AZURE.name, SERVEGEN.name}
    fleets = {str(path.parent.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("fleet.toml")}
    assert fleets == {"startup", "hybrid-gpu", "guides"}


# As a person starts it


def test_a_process_of_its_own_prints_one_document_and_nothing_else(day: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from autoscaler.cli import main; main()", "plan", "-f", day, "--json"],
        cwd=tmp_path,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    held_to_account(json.loads(done.stdout))
    assert all(line.startswith("note: ") for line in done.stderr.splitlines())
    assert list(tmp_path.iterdir()) == []


def test_the_same_input_gives_the_same_document(plan: Plan, day: Path) -> None:
    assert plan("-f", day, "--json").out == plan("-f", day, "--json").out


# What it prints


def test_the_table_names_what_to_rent_the_bill_and_its_basis(plan: Plan, day: Path) -> None:
    document = plan("-f", day, "--json").document
    done = plan("-f", day)
    for key, count in document["base"].items():
        assert not count or key in done.out
    assert f"Bill USD {Decimal(document['bill_usd']):,.2f}" in done.out
    assert "net of VAT" in done.out
    assert "estimated" in done.out or "measured" in done.out
    assert "\x1b" not in done.out


def test_no_fleet_given_is_said_and_quiet_says_nothing(plan: Plan, day: Path) -> None:
    assert "using the packaged default fleet" in plan("-f", day).err
    assert plan("-f", day, "-q").err == ""
    assert plan("-f", day, "-q").out == plan("-f", day).out


def test_euros_are_for_reading_and_json_stays_in_dollars(plan: Plan, day: Path) -> None:
    dollars, euros = plan("-f", day), plan("-f", day, "--currency", "EUR")
    assert "Bill USD" in dollars.out
    assert "Bill EUR" in euros.out
    assert plan("-f", day, "--currency", "EUR", "--json").out == plan("-f", day, "--json").out


@pytest.mark.parametrize(("name", "magic"), [("plan.svg", b"<?xml"), ("plan.PNG", b"\x89PNG\r\n\x1a\n")])
def test_a_chart_is_written_beside_the_plan(plan: Plan, day: Path, tmp_path: Path, name: str, magic: bytes) -> None:
    done = plan("-f", day, "--chart", tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert content.startswith(magic)
    assert len(content) > 10_000
    assert f"wrote {tmp_path / name}" in done.err


def test_a_plan_replaces_the_old_file_and_leaves_nothing_else(plan: Plan, day: Path, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    saved.write_text("old")
    plan("-f", day, "-o", saved)
    assert json.loads(saved.read_text())["schema"] == "baseload.plan/1"
    assert list(tmp_path.iterdir()) == [saved]


# Which hours


def test_one_hour_is_a_plan(plan: Plan, tmp_path: Path) -> None:
    forecast = a_forecast(tmp_path / "f.csv", by_day, hours=1)
    document = held_to_account(plan("-f", forecast, "--json").document)
    assert document["horizon"]["hours"] == 1
    assert document["horizon"]["fee_basis"] == "prorated"


def test_a_day_is_a_plan(plan: Plan, tmp_path: Path) -> None:
    forecast = a_forecast(tmp_path / "f.csv", by_day, hours=24)
    assert held_to_account(plan("-f", forecast, "--json").document)["horizon"]["hours"] == 24


def test_two_months_are_charged_twice_the_fee(plan: Plan, tmp_path: Path) -> None:
    # December and January have 744 hours each.
    start = datetime(2026, 12, 1, tzinfo=UTC)
    two = a_forecast(tmp_path / "two.csv", by_day, hours=1488, start=start)
    one = a_forecast(tmp_path / "one.csv", by_day, hours=744, start=start)
    long, short = (held_to_account(plan("-f", path, "--json").document) for path in (two, one))
    assert long["horizon"] | {"hours": 0} == {
        "start": "2026-12-01T00:00:00Z",
        "end": "2027-02-01T00:00:00Z",
        "hours": 0,
        "fee_basis": "month",
    }
    for key in set(long["offers"]) & set(short["offers"]):
        if long["offers"][key]["role"] == "base":
            fees = (Decimal(document["offers"][key]["fee_usd_horizon"]) for document in (long, short))
            assert next(fees) == 2 * next(fees)


def test_a_night_across_the_year_end_is_one_plan(plan: Plan, tmp_path: Path) -> None:
    forecast = a_forecast(tmp_path / "f.csv", by_day, hours=48, start=datetime(2026, 12, 31, tzinfo=UTC))
    document = held_to_account(plan("-f", forecast, "--json").document)
    assert document["horizon"]["end"] == "2027-01-02T00:00:00Z"


def test_a_month_is_cut_out_of_a_longer_forecast(plan: Plan, tmp_path: Path) -> None:
    forecast = a_forecast(tmp_path / "f.csv", by_day, hours=62 * 24, start=datetime(2026, 11, 15, tzinfo=UTC))
    document = held_to_account(plan("-f", forecast, "--month", "2026-12", "--json").document)
    assert document["horizon"]["start"] == "2026-12-01T00:00:00Z"
    assert document["horizon"]["hours"] == 744
    assert document["horizon"]["fee_basis"] == "month"


def test_a_month_is_filled_by_the_last_whole_week_with_a_remark(plan: Plan) -> None:
    # The file covers 3 to 17 March 2025, 336 of 744 hours.
    done = plan("-f", SERVEGEN, "--month", "2025-03", "--fill", "weekly", "--json")
    assert held_to_account(done.document)["horizon"]["hours"] == 744
    assert "408 of the 744 hours of 2025-03 are not in" in done.err


# Which offers and which policy


def test_only_and_without_choose_offers(plan: Plan, day: Path) -> None:
    only = held_to_account(plan("-f", day, "--only", "ovh", "--json").document)
    assert {key.split("/")[0] for key in only["offers"]} == {"ovh"}
    without = held_to_account(plan("-f", day, "--without", "ovh", "--json").document)
    assert "ovh" not in {key.split("/")[0] for key in without["offers"]}
    assert Decimal(without["relaxed_bound_usd"]) <= Decimal(without["total_usd"])


def test_measured_only_leaves_no_estimate_in(plan: Plan, day: Path) -> None:
    document = held_to_account(plan("-f", day, "--measured-only", "--json").document)
    bases = {rate["basis"] for model in document["models"].values() for rate in model["rates"].values()}
    assert bases == {"measured"}


def test_the_enterprise_policy_is_in_force(plan: Plan, day: Path) -> None:
    document = held_to_account(plan("-f", day, "--policy", "enterprise", "--json").document)
    assert document["policy"]["survive_base_losses"] >= 1
    assert "enterprise" in document["provenance"]["policy"]


@pytest.mark.parametrize("losses", [1, 2])
def test_losing_base_nodes_leaves_demand_served(plan: Plan, day: Path, losses: int) -> None:
    # `verify` takes the worst nodes away, hour by hour.
    document = plan("-f", day, "--only", "hetzner", "--set", f"survive_base_losses={losses}", "--json").document
    held_to_account(document)
    assert document["policy"]["survive_base_losses"] == losses
    plain = plan("-f", day, "--only", "hetzner", "--json").document
    assert Decimal(plain["relaxed_bound_usd"]) <= Decimal(document["relaxed_bound_usd"]) + Decimal("0.005")


@pytest.mark.parametrize("key", ["max_spot_share", "max_pool_share"])
def test_shares_hold_in_every_hour(plan: Plan, day: Path, key: str) -> None:
    arguments = ["-f", day, "--only", "aws", "--set", "demand=*4", "--set", f"{key}=0.5", "--json"]
    document = held_to_account(plan(*arguments).document)
    assert document["policy"][key] == 0.5
    assert max(sum(hour["burst"].values()) for hour in document["hours_detail"]) > 2  # the share had something to bind


def test_no_spot_means_no_spot(plan: Plan, day: Path) -> None:
    document = held_to_account(plan("-f", day, "--only", "aws", "--set", "max_spot_share=0", "--json").document)
    assert document["leases"]
    assert not any(document["offers"][lease["offer"]]["is_spot"] for lease in document["leases"])


@pytest.mark.parametrize(("share", "offers"), [(0.5, ["--only", "ovh"]), (0.9, [])])
def test_the_bill_is_within_the_budget(plan: Plan, day: Path, share: float, offers: list[str]) -> None:
    free = plan("-f", day, *offers, "--json").document
    month_part = Decimal(24) / 744  # a day of December
    budget = Decimal(free["bill_usd"]) / month_part * Decimal(str(share))
    document = plan("-f", day, *offers, "--set", f"max_usd_month={budget:.2f}", "--json", code=3).document
    held_to_account(document)
    assert Decimal(document["bill_usd"]) <= budget * month_part + Decimal("0.01")
    assert document["unserved_ratio"] > document["policy"]["max_unserved_ratio"]
    assert Decimal(document["total_usd"]) >= Decimal(free["relaxed_bound_usd"])


# Owned servers


def owned(tmp_path: Path, count: int, fee_usd_month: float) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(
        '[[model]]\nname = "chat"\nprofile = "llama-7b-q4"\n\n[[owned]]\noffer = "hetzner/ax102"\n'
        f"count = {count}\nordered_on = 2025-01-15\nfee_usd_month = {fee_usd_month}\n"
    )
    return path


def test_cheap_owned_servers_are_kept(plan: Plan, day: Path, tmp_path: Path) -> None:
    document = plan("-f", day, "-c", owned(tmp_path, 1, 20.0), "--only", "hetzner", "--json").document
    changes = held_to_account(document)["owned_changes"]
    assert sum(changes["keep"].values()) == 1
    assert sum(changes["cancel"].values()) == 0


def test_dear_owned_servers_are_cancelled(plan: Plan, day: Path, tmp_path: Path) -> None:
    document = plan("-f", day, "-c", owned(tmp_path, 2, 9000.0), "--json").document
    changes = held_to_account(document)["owned_changes"]
    assert sum(changes["keep"].values()) == 0
    assert sum(changes["cancel"].values()) == 2


CATALOG = """
provider = "hetzner"
price_date = 2025-10-01
currency = "USD"
net_of_vat = true
source = "made for the test"

[defaults]
role = "base"
billing = "month_prorated"
region = "FSN1"
vcpu = 16
memory_gib = 128

[[offer]]
product = "ax102"
fee_usd_month = 150
"""


def test_owned_servers_keep_the_recorded_price_of_the_day_of_their_order(
    plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASELOAD_DATABASE_URL", f"sqlite:///{tmp_path}/ledger.sqlite")
    (tmp_path / "hetzner.toml").write_text(CATALOG)
    (tmp_path / "prices.csv").write_text(
        "offer,billing,currency,fee_month,effective_from\n"
        "hetzner/ax102,month_prorated,USD,100,2026-01-01\n"
        "hetzner/ax102,month_prorated,USD,200,2026-06-01\n"
    )
    days = ("2025-12-01", "2026-03-01", "2026-07-01", "2026-08-01\nfee_usd_month = 175")
    (tmp_path / "fleet.toml").write_text(
        '[[model]]\nname = "chat"\nprofile = "llama-7b-q4"\n\n'
        '[catalog]\nshipped = false\nfiles = ["hetzner.toml"]\nprices = "ledger"\n'
        + "".join(f'\n[[owned]]\noffer = "hetzner/ax102"\nordered_on = {day}\n' for day in days)
    )
    assert run(baseload(), ["ledger", "import", str(tmp_path / "prices.csv"), "-c", str(tmp_path / "fleet.toml")]) == 0
    capsys.readouterr()
    forecast = a_forecast(tmp_path / "f.csv", lambda _: 200.0, hours=744, start=datetime(2026, 12, 1, tzinfo=UTC))
    document = plan("-f", forecast, "-c", tmp_path / "fleet.toml", "--json").document
    terms = [one for key, one in document["offers"].items() if "#owned" in key]
    found = sorted((Decimal(one["fee_usd_horizon"]), one["price_date"], one["source"]) for one in terms)
    assert found == [
        (Decimal(100), "2026-01-01", str(tmp_path / "prices.csv")),
        (Decimal(150), "2025-10-01", "made for the test"),  # ordered before the first recorded price
        (Decimal(175), "2026-08-01", f"{tmp_path / 'fleet.toml'}, [[owned]]"),
        (Decimal(200), "2026-06-01", str(tmp_path / "prices.csv")),
    ]


def test_more_than_is_owned_is_bought(plan: Plan, tmp_path: Path) -> None:
    forecast = a_forecast(tmp_path / "f.csv", lambda _: 2000.0, hours=744, start=datetime(2026, 12, 1, tzinfo=UTC))
    arguments = ["-f", forecast, "-c", owned(tmp_path, 1, 20.0), "--only", "hetzner.base", "--json"]
    changes = held_to_account(plan(*arguments).document)["owned_changes"]
    assert sum(changes["keep"].values()) == 1
    assert sum(changes["buy"].values()) > 1


# Several models, several scenarios


def two_models(tmp_path: Path, sharing: str) -> tuple[Path, Path]:
    """Two models that peak in turn: chat by day, code by night."""
    fleet = tmp_path / "fleet.toml"
    fleet.write_text(
        f'{MODELS}\n[catalog]\nonly = ["hetzner.base"]\n\n[policy]\nmax_unserved_ratio = 0.01\nsharing = "{sharing}"\n'
    )
    path = tmp_path / "f.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "model", "input_tokens_per_s", "output_tokens_per_s"])
        for hour in range(6, 10):
            moment = datetime(2026, 12, 7, tzinfo=UTC) + timedelta(hours=hour)
            for model, asked in (("chat", by_day(hour)), ("code", 1200.0 - by_day(hour))):
                writer.writerow([f"{moment:%Y-%m-%dT%H:%M:%SZ}", model, asked, asked / 10])
    return path, fleet


def test_models_that_peak_in_turn_share_base_nodes_by_the_hour(plan: Plan, tmp_path: Path) -> None:
    totals = {}
    for sharing in ("none", "hourly"):
        forecast, fleet = two_models(tmp_path, sharing)
        document = held_to_account(plan("-f", forecast, "-c", fleet, "--json").document)
        assert document["policy"]["sharing"] == sharing
        assert set(document["models"]) == {"chat", "code"}
        totals[sharing] = Decimal(document["total_usd"]), sum(document["base"].values())
    assert totals["hourly"] < totals["none"]
    assert totals["hourly"][1] < totals["none"][1]


def test_scenarios_are_expected_and_the_nearest_is_shown(plan: Plan, tmp_path: Path) -> None:
    rows = [
        ({"scenario": "quiet", "probability": "0.3"}, 0.5),
        ({"scenario": "usual", "probability": "0.5"}, 1.0),
        ({"scenario": "rush", "probability": "0.2"}, 2.0),
    ]
    forecast = a_forecast(tmp_path / "f.csv", by_day, hours=48, rows=rows)
    document = held_to_account(plan("-f", forecast, "--json").document)
    assert [one["name"] for one in document["scenarios"]] == ["quiet", "usual", "rush"]
    bills = [Decimal(one["bill_usd"]) for one in document["scenarios"]]
    assert bills == sorted(bills)
    expected = Decimal("0.3") * bills[0] + Decimal("0.5") * bills[1] + Decimal("0.2") * bills[2]
    assert Decimal(document["bill_usd"]) == pytest.approx(expected, abs=Decimal("0.005"))
    total = Decimal(document["total_usd"])
    nearest = min(document["scenarios"], key=lambda one: abs(Decimal(one["total_usd"]) - total))
    assert document["scenario_shown"] == nearest["name"]


# Explained


def test_explain_says_why_and_agrees_with_the_plan(plan: Plan, tmp_path: Path) -> None:
    forecast = a_forecast(tmp_path / "f.csv", by_day, hours=72)
    plain = plan("-f", forecast, "--json").document
    document = held_to_account(plan("-f", forecast, "--explain", "--json").document)
    for key in ("base", "bill_usd", "total_usd", "relaxed_bound_usd", "leases"):
        assert document[key] == plain[key]
    assert document["rejected"]
    chosen = {key for key, count in document["base"].items() if count} | {one["offer"] for one in document["leases"]}
    assert not chosen & {one["offer"] for one in document["rejected"]}
    assert len(plan("-f", forecast, "--explain").out) > len(plan("-f", forecast).out)


# Verdicts


def test_unserved_beyond_the_policy_is_exit_3_with_the_whole_plan(plan: Plan, day: Path, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    arguments = ["-f", day, "--only", "hetzner-cloud", "--set", "demand=*20", "-o", saved]
    done = plan(*arguments, code=3)
    assert "more than max_unserved_ratio" in done.err
    assert "Bill USD" in done.out
    document = held_to_account(json.loads(saved.read_text()))
    assert document["unserved_ratio"] > document["policy"]["max_unserved_ratio"]


def test_the_total_is_proven_with_launches_and_no_overhead_is_left(plan: Plan, tmp_path: Path) -> None:
    forecast = a_forecast(tmp_path / "f.csv", by_day, hours=48)
    before = held_to_account(plan("-f", forecast, "--without-launches", "--json").document)
    done = plan("-f", forecast, "--json")
    document = held_to_account(done.document)
    assert Decimal(document["gap"]["launch_overhead_usd"]) == 0
    assert document["search"] == "proven"
    assert (before["has_launches"], document["has_launches"]) == (False, True)
    assert document["gap_ratio"] <= 1e-4
    assert Decimal(before["lower_bound_usd"]) <= Decimal(document["lower_bound_usd"])
    assert Decimal(document["total_usd"]) < Decimal(before["total_usd"])
    assert "the total is the proven minimum" in plan("-f", forecast).out
    assert "Base counts proven optimal before launch overhead" in plan("-f", forecast, "--without-launches").out


def test_with_launches_a_problem_that_joins_all_hours_says_so(plan: Plan, tmp_path: Path) -> None:
    forecast = a_forecast(tmp_path / "f.csv", by_day, hours=24)
    done = plan("-f", forecast, "--with-launches", "--set", "sharing=hourly", "--json")
    assert "launches stay outside the optimum: base nodes may change model between hours" in done.err
    assert done.document["has_launches"] is False
    assert "launches" not in plan("-f", forecast, "--set", "sharing=hourly", "--json").err
    assert "--with-launches does not go with --maximize" in (
        plan("-f", forecast, "--with-launches", "--maximize", "traffic", code=2).err
    )


def test_a_search_ended_early_with_more_to_gain_is_exit_4(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Dear nodes and few hours: whole nodes are far from the relaxed optimum, and no effort is allowed to prove more.
    from planner import case
    from planner.optimize.walk import Effort

    solve_case = case.solve_case
    monkeypatch.setattr(
        case,
        "solve_case",
        lambda one, _, on_progress: solve_case(one, Effort(dispatched_cells=0, boxes=0), on_progress),
    )
    forecast = a_forecast(tmp_path / "f.csv", by_day, hours=24)
    done = plan("-f", forecast, "--set", "max_search_gap=0", "--json", code=4)
    document = held_to_account(done.document)
    assert document["search"] == "limit"
    assert Decimal(document["gap"]["search_usd"]) > 0
    assert "ended at its limit" in done.err
