"""The independent verifier finds no fault with plans made by hand, and names each fault put into them."""

import importlib.util
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from planner.report.plan_json import plan_document

HERE = Path(__file__).parent


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


plans = load(HERE / "planner" / "report" / "plans.py")
verifier = load(HERE / "verify_plan.py")
bound = load(HERE / "verify_bound.py")
BASE, POOL, SPOT, CAPPED = plans.BASE, plans.POOL, plans.SPOT, "hetzner-cloud/ccx43"


def document(name: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(plan_document(getattr(plans, name)())))
    return made


def put(target: Any, path: tuple[str | int, ...], value: object) -> None:
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value


@pytest.mark.parametrize("name", ["small_plan", "two_model_plan"])
def test_a_sound_plan_has_no_complaints(name: str) -> None:
    assert verifier.verify(document(name)) == []


BROKEN_SMALL = [
    pytest.param(("horizon", "end"), "2026-12-01T05:00:00Z", "is not 4 hours", id="hours-miscounted"),
    pytest.param(("hours_detail", 1, "hour"), "2026-12-01T02:00:00Z", "expected every hour", id="an-hour-twice"),
    pytest.param(
        ("hours_detail", 0, "demand"), {"n": {"input_tok_s": 1, "output_tok_s": 1}}, "demand names", id="model"
    ),
    pytest.param(("hours_detail", 0, "scenario"), "x", "scenario x, shown is None", id="other-scenario"),
    pytest.param(("offers", BASE, "role"), "burst", "not a base offer", id="base-count-of-a-burst-offer"),
    pytest.param(("offers", POOL, "role"), "base", "without fee_usd_horizon", id="no-fee"),
    pytest.param(("hours_detail", 2, "burst"), {POOL: 1}, "nodes cover 0.750000", id="too-few-nodes"),
    pytest.param(("hours_detail", 2, "unserved_ratio"), 0.1, "unserved_ratio: 0.0, hours make", id="unserved-hidden"),
    pytest.param(("hours_detail", 0, "unserved_ratio"), -0.1, "is not a ratio", id="negative-unserved"),
    pytest.param(("hours_detail", 0, "base"), {BASE: 2}, "2 nodes of hetzner/ax102 serve, 1 are rented", id="unrented"),
    pytest.param(("offers", BASE, "max_count"), 0, "max_count is 0", id="past-max-count"),
    pytest.param(("policy", "max_pool_share"), 0.25, "pass max_pool_share", id="pool-share"),
    pytest.param(("policy", "survive_base_losses"), 1, "with 1 base nodes lost", id="loss-not-survived"),
    pytest.param(("policy", "target_utilization"), 0.7, "nodes cover 0.875000", id="target-passed"),
    pytest.param(("leases", 0, "charge_usd"), "0.89", "started_hour makes 0.9000", id="charge-off-by-a-cent"),
    pytest.param(("leases", 1, "start"), "2026-12-01T01:55:00Z", "2 different times", id="lead-times-differ"),
    pytest.param(("leases", 1, "count"), 2, "started_hour makes 1.2000", id="charge-for-one-of-two"),
    pytest.param(("leases", 1, "model"), "n", "unknown model n", id="lease-of-another-model"),
    pytest.param(("leases", 0, "end"), "2026-12-01T05:00:00Z", "a span from", id="lease-past-the-horizon"),
    pytest.param(
        ("leases", 1, "end"), "2026-12-01T02:30:00Z", "2 nodes of ovh/b3-64 serve, 1 are leased", id="half-hour"
    ),
    pytest.param(("cost", "base_fees_usd"), "1.72", "cost.base_fees_usd", id="fees"),
    pytest.param(("cost", "setup_usd"), "0.11", "cost.setup_usd", id="setup"),
    pytest.param(("cost", "burst_usd"), "1.51", "cost.burst_usd", id="burst"),
    pytest.param(("cost", "egress_usd"), "0.03", "cost.egress_usd", id="egress"),
    pytest.param(("cost", "interruption_usd"), "0.04", "cost.interruption_usd", id="interruption"),
    pytest.param(("cost", "unserved_penalty_usd"), "0.01", "cost.unserved_penalty_usd", id="penalty"),
    pytest.param(("bill_usd",), "3.34", "bill_usd: 3.34", id="bill"),
    pytest.param(("total_usd",), "3.37", "total_usd: 3.37", id="total"),
    pytest.param(("setup_due_usd",), "0", "setup_due_usd", id="setup-due"),
    pytest.param(("policy", "max_usd_month"), "600", "passes the budget", id="budget-of-3.23-for-4-hours"),
    pytest.param(("scenarios", 0, "bill_usd"), "3.34", "scenarios..bill_usd", id="scenario-bill"),
    pytest.param(("scenarios", 0, "total_usd"), "3.37", "expected over scenarios", id="scenario-total"),
    pytest.param(("scenarios", 0, "probability"), 0.9, "probabilities sum to 0.9", id="probability"),
    pytest.param(("scenario_shown",), "x", "x is not a scenario", id="unknown-scenario"),
    pytest.param(("lower_bound_usd",), "3.40", "is above total_usd", id="bound-above-total"),
    pytest.param(("relaxed_bound_usd",), "2.80", "is above lower_bound_usd", id="relaxed-above-lower"),
    pytest.param(("gap", "rounding_usd"), "0.09", "gap: 0.693, recomputed 0.6030", id="gap-does-not-sum"),
    pytest.param(("gap_ratio",), 0.3, "gap_ratio: 0.3", id="gap-ratio"),
    pytest.param(("gap", "search_usd"), "0.10", "search: proven, yet", id="proven-with-a-search-gap"),
    pytest.param(("alternatives", 0, "dearer_by_usd"), "0.30", "alternatives[0].dearer_by_usd", id="alternative"),
    pytest.param(("owned_changes", "buy"), {}, "0 of hetzner/ax102 kept or bought, 1 rented", id="nothing-bought"),
    pytest.param(("utilization", "mean"), 0.7, "utilization.mean: 0.7, hours make 0.742857", id="mean"),
    pytest.param(("utilization", "peak"), 0.85, "utilization: mean", id="peak-above-target"),
    pytest.param(("utilization", "peak"), 0.79, "utilization.peak", id="peak"),
    pytest.param(("cost_usd_mtok", "blended"), "0.43", "cost_usd_mtok.blended: 0.43", id="unit-cost"),
    pytest.param(("cost_usd_mtok", "output"), None, "cost_usd_mtok.output: None", id="unit-cost-unknown"),
    pytest.param(("cost_usd_mtok", "input"), "0.2", "cost_usd_mtok.input", id="input-cost"),
    pytest.param(("models", "m", "rates", POOL, "decode_tok_s"), 40.0, "nodes cover", id="slower-node"),
    pytest.param(("models", "m", "cache_hit_ratio"), 0.5, "utilization.mean", id="other-cache"),
    pytest.param(("offers", POOL, "billing"), "second", "second makes 0.6500", id="other-billing"),
]


@pytest.mark.parametrize(("path", "value", "complaint"), BROKEN_SMALL)
def test_a_fault_is_named(path: tuple[str | int, ...], value: object, complaint: str) -> None:
    broken = document("small_plan")
    put(broken, path, value)
    assert any(complaint in found for found in verifier.verify(broken)), verifier.verify(broken)


BROKEN_TWO = [
    pytest.param(("offers", CAPPED, "group_max"), 1, "2 nodes of group hetzner-cloud", id="past-group-max"),
    pytest.param(("policy", "max_spot_share"), 0.0, "1 spot nodes of 1 burst nodes", id="no-spot-allowed"),
    pytest.param(("policy", "survive_base_losses"), 2, "with 2 base nodes lost", id="second-loss-not-survived"),
    pytest.param(("hours_detail", 1, "burst"), {CAPPED: 3}, "burst by model does not sum", id="models-do-not-sum"),
    pytest.param(("hours_detail", 2, "unserved_ratio"), 0.2, "unserved_ratio is not that of its models", id="unserved"),
    pytest.param(("leases", 0, "model"), "b", "2 nodes of hetzner-cloud/ccx43 serve, 0 are leased", id="wrong-model"),
    pytest.param(("offers", CAPPED, "cap_usd_month"), "0.40", "started_hour_capped makes 0.8000", id="other-cap"),
    pytest.param(("leases", 1, "charge_usd"), "1.20", "second makes 0.6500", id="seconds-charged-as-hours"),
    pytest.param(("bill_usd",), "2.65", "expected over scenarios", id="a-scenario-instead-of-the-expectation"),
    pytest.param(("unserved_ratio",), 0.06, "outside its scenarios", id="unserved-beyond-scenarios"),
    pytest.param(("scenarios", 1, "bill_usd"), "2.75", "scenarios.high.bill_usd", id="shown-scenario"),
    pytest.param(("base", BASE), 3, "4 nodes of hetzner/ax102 serve one model each", id="a-node-for-two-models"),
    pytest.param(("models", "b", "rates", SPOT), None, "serves without a rate", id="unmeasured"),
]


@pytest.mark.parametrize(("path", "value", "complaint"), BROKEN_TWO)
def test_a_fault_of_models_and_scenarios_is_named(path: tuple[str | int, ...], value: object, complaint: str) -> None:
    broken = document("two_model_plan")
    put(broken, path, value)
    if value is None:
        del broken["models"]["b"]["rates"][SPOT]
    assert any(complaint in found for found in verifier.verify(broken)), verifier.verify(broken)


def test_hourly_sharing_lets_a_node_change_model() -> None:
    shared = document("two_model_plan")
    shared["policy"] |= {"sharing": "hourly", "survive_base_losses": 0}
    last = shared["hours_detail"][2]["by_model"]
    last["a"]["base"], last["b"]["base"] = {}, {BASE: 4}
    assert verifier.verify(shared) == []
    shared["policy"]["sharing"] = "none"
    assert verifier.verify(shared) == ["base: 6 nodes of hetzner/ax102 serve one model each, 4 are rented"]


def test_a_stated_lead_time_is_held_against_leases() -> None:
    stated = document("small_plan")
    (model,) = stated["models"]
    stated["offers"][POOL]["lead_time_s"] = {model: 600}
    assert verifier.verify(stated) == []
    stated["offers"][POOL]["lead_time_s"] = {model: 900}
    assert any("not one lead time before an hour" in found for found in verifier.verify(stated))


@pytest.mark.parametrize(
    ("offer", "end", "charge"),
    [
        pytest.param({"billing": "started_hour"}, "2026-12-31T22:20:00Z", "0.60", id="20-minutes-are-an-hour"),
        pytest.param({"billing": "started_hour"}, "2026-12-31T23:01:00Z", "1.20", id="61-minutes-are-two"),
        pytest.param({"billing": "second"}, "2026-12-31T22:00:20Z", "0.01", id="a-minute-at-least"),
        pytest.param({"billing": "second"}, "2026-12-31T23:01:00Z", "0.61", id="61-minutes-by-the-second"),
        pytest.param({"billing": "started_hour_capped"}, "2027-01-01T00:30:00Z", "1.80", id="months-apart"),
        pytest.param(
            {"billing": "started_hour_capped", "cap_usd_month": "1.00"}, "2027-01-01T00:30:00Z", "1.60", id="capped"
        ),
    ],
)
def test_the_billing_rules_are_those_of_the_contract(offer: dict[str, str], end: str, charge: str) -> None:
    start = datetime(2026, 12, 31, 22, tzinfo=UTC)
    found = verifier.lease_charge_usd(offer | {"rate_usd_hour": "0.60"}, start, datetime.fromisoformat(end))
    assert found == Decimal(charge)


def test_the_command_prints_complaints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(document("small_plan")), encoding="utf-8")
    bad.write_text(json.dumps(document("small_plan") | {"gap_ratio": 0.5}), encoding="utf-8")
    assert verifier.main([str(good)]) == 0
    assert capsys.readouterr().out == ""
    assert verifier.main([str(good), str(bad)]) == 1
    assert "bad.json: gap_ratio: 0.5, the amounts make 0.179657" in capsys.readouterr().out


def test_the_relaxed_bound_is_solved_anew() -> None:
    sound = document("small_plan")
    # one base node for 1.8048, three node-hours at 0.309, egress of 0.216 Mtok at 0.1
    assert bound.relaxed_bound_usd(sound) == pytest.approx(1.8048 + 3 * 0.309 + 0.0216)
    assert float(sound["relaxed_bound_usd"]) == pytest.approx(bound.relaxed_bound_usd(sound))


def test_the_relaxed_bound_obeys_counts_and_groups() -> None:
    limited = document("small_plan")
    limited["offers"][POOL] |= {"max_count": 1}
    limited["offers"][SPOT] |= {"max_count": 0}
    limited["offers"][BASE] |= {"max_count": 1}
    # hour 3: one node of the pool takes a quarter of 880 tok/s, another quarter stays unserved at 100 USD/Mtok
    unserved = 0.25 * 880 * 0.0036 * 100
    expected = 1.8048 + 2 * 0.309 + 0.1 * (20 + 20) * 0.0036 + unserved
    assert bound.relaxed_bound_usd(limited) == pytest.approx(expected)
    for key in (POOL, BASE):
        limited["offers"][key] |= {"max_count": None, "count_group": "all", "group_max": 2}
    assert bound.relaxed_bound_usd(limited) == pytest.approx(2 * 1.8048)  # two base nodes fill the group


def test_bounds_of_other_kinds_of_plan_are_left_alone() -> None:
    assert bound.relaxed_bound_usd(document("two_model_plan")) is None
