"""What if, on a fleet whose bill one can reckon in the head.

A day of December (744 h): a base node costs 744 USD a month, so 24 for the day; burst 3 USD an hour on demand and half
of that on spot, by the second, ready at once. Every node does 100 tok/s, target 1. Asked for: 100 tok/s for 12 hours,
then 200 for 12, nine tenths of it input. Cheapest: one base node (24) and a spot node for 12 hours (18): 42 USD.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from planner.case import Case, load_case, solve_case
from planner.catalog.read import shipped_catalog
from planner.errors import InputError
from planner.fleet import default_fleet, read_fleet_file
from planner.report.screen import Screen
from planner.report.whatif_json import schema_text, whatif_document
from planner.report.whatif_tables import render_whatif
from planner.report.whatif_why import why
from planner.whatif import Change, Comparison, changed, compare, read_scenarios
from planner.whatif.causes import Cause, Kind

REPOSITORY = Path(__file__).parents[2]
BASE, ON_DEMAND, SPOT = "hz/box", "aws/r", "aws/r/spot"

CATALOG = """
provider = "hz"
price_date = 2026-11-01
currency = "USD"
net_of_vat = true
source = "made up"

[defaults]
region = "r1"
cores = 8
memory_gib = 64

[[offer]]
product = "box"
role = "base"
billing = "month_prorated"
fee_usd_month = 744

[[offer]]
provider = "aws"
product = "r"
role = "burst"
billing = "second"
price_usd_hour = 3
lead_time_s = 0

[[offer]]
provider = "aws"
product = "r"
role = "burst"
billing = "second"
is_spot = true
price_usd_hour = 1.5
lead_time_s = 0
interruptions_per_hour = 0
"""

PROFILE = """
name = "p"
source = "made up"
date = 2026-11-01
machine = [{ server = "hz/box", blended_tok_s = 100 }, { server = "aws/r", blended_tok_s = 100 }]
"""

MACHINE = """
[[machine]]
server = "{server}"
[[machine.workload]]
prompt_tokens = 100
output_tokens = 100
points = [
  {{ concurrency = 1, input_tok_s = 25, output_tok_s = 25, ttft_p95_ms = 300, tpot_ms = 10 }},
  {{ concurrency = 4, input_tok_s = 100, output_tok_s = 100, ttft_p95_ms = 900, tpot_ms = 10 }},
]
"""
BATCHED = 'name = "p"\nsource = "made up"\ndate = 2026-11-01\n' + "".join(
    MACHINE.format(server=server) for server in ("hz/box", "aws/r")
)

FLEET = """
[catalog]
shipped = false
files = ["catalog.toml"]

[profiles]
files = ["profile.toml"]

[policy]
target_utilization = 1.0
lost_work_s = 0
egress_bytes_per_output_token = 0

[[model]]
name = "m"
profile = "p"
load_time_s = 0
"""


def a_case(
    folder: Path,
    tok_s: Sequence[float] = (100.0,) * 12 + (200.0,) * 12,
    input_share: float = 0.9,
    fleet: str = FLEET,
    profile: str = PROFILE,
    catalog: str = CATALOG,
) -> Case:
    """The case of the module's docstring, read from files as a person writes them."""
    (folder / "catalog.toml").write_text(catalog)
    (folder / "profile.toml").write_text(profile)
    (folder / "fleet.toml").write_text(fleet)
    rows = [
        f"2026-12-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z,{asked * input_share},{asked * (1 - input_share)}"
        for hour, asked in enumerate(tok_s)
    ]
    (folder / "f.csv").write_text("\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s", *rows]) + "\n")
    return load_case(forecast=folder / "f.csv", fleet=read_fleet_file(folder / "fleet.toml"))


def a_change(*settings: str, **others: Any) -> Change:
    return replace(Change(settings=settings), **others)


def bills(case: Case, change: Change) -> tuple[float, float]:
    """The bill before and after."""
    found = compare(case, [change])
    return float(found.before.bill_usd), float(found.after[0].figures.bill_usd)


def sentence(case: Case, change: Change) -> str:
    found = compare(case, [change])
    return why(found.before, found.after[0])


NIGHT_AND_DAY = (0.0,) * 12 + (200.0,) * 12
"""Two spot nodes for 12 hours: 36 USD."""


# The bill after each kind of change


@pytest.mark.parametrize(
    ("change", "bill"),
    [
        pytest.param(a_change("demand=*2"), 84, id="demand: 2 and 4 nodes, all of it twice"),
        pytest.param(a_change("m.demand=*2"), 84, id="demand of the one model"),
        pytest.param(a_change("demand.input=*0.5"), 42, id="input: 55 and 110 tok/s still need 1 and 2 nodes"),
        pytest.param(a_change("demand.input=*0.4"), 24, id="input: 46 and 92 tok/s need one node"),
        pytest.param(a_change("demand.output=*6"), 66, id="output: 150 and 300 need 2 and 3: 48 and 18"),
        pytest.param(a_change("price.aws=*2"), 48, id="burst at 3: a second base node costs 24 and not 36"),
        pytest.param(a_change("price.aws.spot=0.6"), 45.6, id="spot at 0.6 of 3: 12 hours at 1.8"),
        pytest.param(a_change("price.aws/r/spot=1"), 24 + 12, id="an offer's own price: 12 hours at 1"),
        pytest.param(a_change("price.hz/box=1488"), 54, id="base at 48 a day: all on spot, 36 hours"),
        pytest.param(a_change("price.spot=*1.2"), 24 + 12 * 1.8, id="the spot market of every provider"),
        pytest.param(a_change("max_count.aws.spot=0"), 48, id="no spot node: on demand 36 is above 24"),
        pytest.param(a_change("max_count.hz=0"), 54, id="no base node"),
        pytest.param(a_change("target_utilization=0.5"), 84, id="half busy: twice the nodes"),
        pytest.param(a_change("cache_hit_ratio=0.6"), 24, id="cache: 36 + 10 and 72 + 20 tok/s need one node"),
        pytest.param(a_change("m.cache_hit_ratio=0.6"), 24, id="cache of the one model"),
        pytest.param(a_change(without=("hz",)), 54, id="without base: 36 spot hours"),
        pytest.param(a_change(only=("aws.on-demand",)), 108, id="on demand alone: 36 hours at 3"),
        pytest.param(a_change(without=("spot",)), 48, id="a market of every provider left out"),
        pytest.param(a_change("price.aws=*2", without=("hz",)), 108, id="two changes at once"),
    ],
)
def test_the_bill_after_a_change_is_what_one_reckons(tmp_path: Path, change: Change, bill: float) -> None:
    assert bills(a_case(tmp_path), change) == pytest.approx((42, bill))


# The pricing guide's strategies to improve utilization


@pytest.mark.parametrize(
    ("change", "bill"),
    [
        pytest.param(a_change(without=("burst",)), 48, id="without burst: two base nodes"),
        pytest.param(a_change(only=("base",)), 48, id="only base"),
        pytest.param(a_change(without=("base",)), 54, id="without base: 36 spot hours"),
    ],
)
def test_a_hybrid_is_cheaper_than_base_or_burst_alone(tmp_path: Path, change: Change, bill: float) -> None:
    assert bills(a_case(tmp_path), change) == pytest.approx((42, bill))


@pytest.mark.parametrize(
    ("change", "bill"),
    [
        pytest.param(a_change("max_concurrency=1"), 96, id="one request at a time"),
        pytest.param(a_change(slo=("ttft_ms=300",)), 96, id="one at a time meets 300 ms"),
        pytest.param(a_change(slo=("m.ttft_ms=500",)), 48, id="two at a time meet 500 ms"),
    ],
)
def test_without_batching_a_node_does_a_quarter(tmp_path: Path, change: Change, bill: float) -> None:
    # 100 input and 100 output tok/s are what one node does with 4 requests in flight, and four nodes with one each.
    case = a_case(tmp_path, (190.0,) * 24, input_share=0.5, profile=BATCHED)
    assert bills(case, change) == pytest.approx((24, bill))


def test_prompt_caching_takes_input_off_the_nodes(tmp_path: Path) -> None:
    assert "the cache serves 60.0 % of the input tokens of m instead of 0.0 %" in sentence(
        a_case(tmp_path), a_change("cache_hit_ratio=0.6")
    )


def test_following_the_sun_fills_the_night(tmp_path: Path) -> None:
    case = a_case(tmp_path, NIGHT_AND_DAY)
    found = compare(case, [a_change("demand.shift=0.5@12h")])
    before, after = found.before, found.after[0].figures
    assert (float(before.bill_usd), float(after.bill_usd)) == pytest.approx((36, 24))  # one base node, always busy
    assert after.demand.mtok == pytest.approx(before.demand.mtok)
    assert after.demand.peak_tok_s == pytest.approx(100)


def test_guaranteed_usage_raises_tokens_and_lowers_the_unit_cost(tmp_path: Path) -> None:
    found = compare(a_case(tmp_path, NIGHT_AND_DAY), [a_change("demand.floor=0.5")])
    before, after = found.before, found.after[0].figures
    assert (before.demand.mtok, after.demand.mtok) == pytest.approx((8.64, 10.8))  # mean 100, so at least 50
    assert (float(before.bill_usd), float(after.bill_usd)) == pytest.approx((36, 42))
    assert float(after.cost_usd_mtok.blended or 0) == pytest.approx(42 / 10.8)


# What a change does to a case


def demand_of(case: Case) -> list[float]:
    return [round(float(x), 9) for x in (case.forecast.input_tok_s + case.forecast.output_tok_s)[0, 0]]


@pytest.mark.parametrize(
    ("setting", "asked"),
    [
        ("demand=*1.5", [15, 30, 45, 60]),
        ("demand=*0", [0, 0, 0, 0]),
        ("demand.shift=1h", [40, 10, 20, 30]),
        ("demand.shift=-1h", [20, 30, 40, 10]),
        ("demand.shift=0.5@2h", [20, 30, 20, 30]),
        ("demand.shift=0.1@5h", [13, 19, 29, 39]),
        ("demand.shift=0@2h", [10, 20, 30, 40]),
        ("demand.floor=0", [10, 20, 30, 40]),
        ("demand.floor=1", [25, 25, 30, 40]),
        (" demand = *2 ", [20, 40, 60, 80]),
    ],
)
def test_demand_is_reshaped_as_written(tmp_path: Path, setting: str, asked: list[float]) -> None:
    assert demand_of(changed(a_case(tmp_path, (10, 20, 30, 40)), a_change(setting))) == asked


@given(share=st.floats(0, 1), hours=st.integers(-100, 100))
def test_a_shift_keeps_the_tokens(share: float, hours: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    case = a_case(tmp_path_factory.getbasetemp(), (10, 0, 30, 40, 5))
    moved = changed(case, a_change(f"demand.shift={share}@{hours}h")).forecast
    assert moved.input_tok_s.sum() == pytest.approx(case.forecast.input_tok_s.sum())
    assert moved.output_tok_s.sum() == pytest.approx(case.forecast.output_tok_s.sum())
    assert (moved.input_tok_s >= 0).all()


TWO_MODELS = FLEET + '\n[[model]]\nname = "llama-3.1-8b"\nprofile = "p"\n'


def a_two_model_case(folder: Path) -> Case:
    (folder / "catalog.toml").write_text(CATALOG)
    (folder / "profile.toml").write_text(PROFILE)
    (folder / "fleet.toml").write_text(TWO_MODELS)
    header = "timestamp,model,input_tokens_per_s,output_tokens_per_s\n"
    rows = [f"2026-12-01T0{h}:00:00Z,{model},10,10\n" for h in range(2) for model in ("m", "llama-3.1-8b")]
    (folder / "f.csv").write_text(header + "".join(rows))
    return load_case(forecast=folder / "f.csv", fleet=read_fleet_file(folder / "fleet.toml"))


def test_a_setting_of_one_model_leaves_the_others(tmp_path: Path) -> None:
    case = a_two_model_case(tmp_path)
    change = a_change("llama-3.1-8b.demand=*3", "m.cache_hit_ratio=0.2", slo=("llama-3.1-8b.ttft_ms=500",))
    after = changed(case, change)
    assert after.forecast.input_tok_s[0, :, 0].tolist() == [10, 30]
    assert [model.cache_hit_ratio for model in after.models] == [0.2, 0.0]
    assert [model.slo.ttft_ms for model in after.models] == [None, 500]


def test_every_scenario_of_the_forecast_is_changed(tmp_path: Path) -> None:
    case = a_case(tmp_path, (10, 20))
    one = case.forecast
    both = replace(
        one,
        scenarios=("low", "high"),
        probability=(0.5, 0.5),
        input_tok_s=np.concatenate([one.input_tok_s, 2 * one.input_tok_s]),
        output_tok_s=np.concatenate([one.output_tok_s, 2 * one.output_tok_s]),
    )
    after = changed(replace(case, forecast=both), a_change("demand.floor=1")).forecast
    asked = after.input_tok_s + after.output_tok_s
    assert asked[:, 0].tolist() == pytest.approx(np.array([[15, 20], [30, 40]]))
    assert after.probability == (0.5, 0.5)


def test_changes_are_made_in_the_order_only_without_settings(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    after = changed(case, a_change("price.aws=*2", only=("aws",), without=("aws.spot",)))
    assert [(offer.id, offer.price_usd_hour) for offer in after.catalog] == [(ON_DEMAND, Decimal(6))]


def test_settings_refine_the_policy_that_is_named(tmp_path: Path) -> None:
    after = changed(a_case(tmp_path), a_change("target_utilization=0.33", policy="funded"))
    assert after.fleet.policy.target_utilization == 0.33
    assert after.fleet.policy_source == "preset funded, target_utilization=0.33"


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("survive_base_losses=1", "survive_base_losses", 1),
        ("max_usd_month=2000", "max_usd_month", Decimal(2000)),
        ("max_spot_share=0.5", "max_spot_share", 0.5),
        ("measured_only=true", "measured_only", True),
    ],
)
def test_policy_keys_are_settings(tmp_path: Path, setting: str, key: str, value: object) -> None:
    assert getattr(changed(a_case(tmp_path), a_change(setting)).fleet.policy, key) == value


def test_measured_only_leaves_out_estimates(tmp_path: Path) -> None:
    case = a_case(tmp_path, profile=PROFILE + 'basis = "estimated"\n')
    with pytest.raises(InputError, match=r"model m: no offer can serve it; .*estimate"):
        compare(case, [a_change(measured_only=True)])


GROUPED = CATALOG.replace('product = "box"', 'product = "box"\ncount_group = "g"') + "\n[group_max]\ng = 1\n"


@pytest.mark.parametrize(("most", "left"), [("5", {"g": 5}), ("0", {"g": 0}), ("none", {})])
def test_a_group_may_have_another_limit_or_none(tmp_path: Path, most: str, left: dict[str, int]) -> None:
    case = a_case(tmp_path, catalog=GROUPED)
    after = changed(case, a_change(f"group_max.g={most}")).catalog
    assert (case.catalog.group_max, after.group_max) == ({"g": 1}, left)
    assert after[BASE].count_group == (None if most == "none" else "g")


def test_max_count_none_lifts_the_limit(tmp_path: Path) -> None:
    case = a_case(tmp_path, catalog=CATALOG.replace('product = "box"', 'product = "box"\nmax_count = 3'))
    assert case.catalog[BASE].max_count == 3
    assert changed(case, a_change("max_count.hz=none")).catalog[BASE].max_count is None


OWNED = FLEET + f'\n[[owned]]\noffer = "{BASE}"\ncount = 2\nfee_usd_month = 372\n'


def test_owned_servers_go_with_their_offer_and_a_remark_says_so(tmp_path: Path) -> None:
    case = a_case(tmp_path, fleet=OWNED)
    after = changed(case, a_change(without=("hz",)))
    assert after.fleet.owned == ()
    assert f"owned servers left out with their offers: 2 {BASE}" in after.remarks
    assert bills(case, a_change(without=("hz",))) == pytest.approx((24, 54))  # two at 12 a day; 36 spot hours


def test_the_price_in_force_of_owned_servers_does_not_follow_the_list_price(tmp_path: Path) -> None:
    assert bills(a_case(tmp_path, fleet=OWNED), a_change("price.hz=*3")) == pytest.approx((24, 24))


def test_a_change_leaves_the_case_it_is_made_of(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    before = (case.forecast.input_tok_s.copy(), case.catalog, case.fleet)
    changed(case, a_change("demand=*2", "price.aws=*2", "target_utilization=0.5"))
    assert np.array_equal(case.forecast.input_tok_s, before[0])
    assert (case.catalog, case.fleet) == before[1:]


def test_a_changed_plan_says_what_was_changed(tmp_path: Path) -> None:
    plan = solve_case(changed(a_case(tmp_path), a_change("demand=*2", "target_utilization=0.9", without=("hz",)))).plan
    assert plan.provenance.forecast.endswith("f.csv, demand=*2")
    assert plan.provenance.policy.endswith("fleet.toml, target_utilization=0.9")
    assert "planned with changed inputs: without hz; demand=*2; target_utilization=0.9" in plan.remarks


def test_no_change_is_the_same_case(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    assert changed(case, Change()) is case


# What is wrong, in one line


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("demnad=*2", "unknown key 'demnad'; did you mean 'demand'?"),
        ("demand.inptu=*2", "unknown key 'demand.inptu'; did you mean 'demand.input'?"),
        ("m.demnad=*2", "unknown key 'm.demnad'; did you mean 'm.demand'?"),
        ("prise.aws=*2", "unknown key 'prise.aws'; did you mean 'price.aws'?"),
        ("max_cuont.aws=2", "unknown key 'max_cuont.aws'; did you mean 'max_count.aws'?"),
        ("target_utilisation=0.6", "unknown key 'target_utilisation'; did you mean 'target_utilization'?"),
        ("ttft_ms=500", "unknown key 'ttft_ms'; did you mean 'slo.ttft_ms'?"),
        ("zzz=1", "unknown key 'zzz'; expected one of demand, demand.input"),
        ("price=*2", "price of what? expected price.aws=*1.2"),
        ("price.asw=*2", "selector 'asw' matches no offer; nearest: aws"),
        ("price.aws=abc", "expected a factor such as *1.2 or a number, got 'abc'"),
        ("price.aws=*0", "must be above 0, got *0"),
        ("price.aws=*1e99", "makes a price of over 1,000,000,000 USD; expected one that could be paid"),
        ("price.aws=*9e999999", "makes a price without end; expected one that could be paid"),
        ("price.aws.spot=35", "expected a share of the on-demand price such as 0.35, got 35"),
        ("max_count.aws=-1", "expected a number of nodes such as 5, or none for no limit, got '-1'"),
        ("max_count.aws=2.5", "expected a number of nodes such as 5, or none for no limit, got '2.5'"),
        ("group_max.x=2", "unknown group 'x'; expected none in this catalog"),
        ("demand=2", "expected a factor such as *1.5, from *0 to *1,000,000, got '2'"),
        ("demand=*-1", "expected a factor such as *1.5"),
        ("demand=*nan", "expected a factor such as *1.5"),
        ("demand=*inf", "expected a factor such as *1.5"),
        ("demand.shift=0.3", "expected a share of 0 to 1 and whole hours such as 0.3@12h, got '0.3'"),
        ("demand.shift=1.3@2h", "expected a share of 0 to 1"),
        ("demand.shift=0.3@1.5h", "expected a share of 0 to 1 and whole hours"),
        ("demand.floor=2", "expected a share of the mean hour, 0 to 1, such as 0.5, got '2'"),
        ("cache_hit_ratio=1.5", "cache_hit_ratio must be in [0, 1), got 1.5"),
        ("target_utilization=0", "target_utilization must be in (0, 1], got 0"),
        ("target_utilization=a lot", "target_utilization is 'a lot'; expected a valid number"),
        ("demand=", "expected KEY=VALUE, such as demand=*1.5"),
        ("demand", "expected KEY=VALUE, such as demand=*1.5"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(tmp_path: Path, setting: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        changed(a_case(tmp_path), a_change(setting))
    assert str(caught.value).startswith(f"--set {setting}")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("slo", "said"),
    [
        ("tfft_ms=500", "unknown key 'tfft_ms'; did you mean 'ttft_ms'?"),
        ("mm.ttft_ms=500", "unknown model 'mm'; did you mean 'm'?"),
        ("ttft_ms=soon", "slo.ttft_ms is 'soon'; expected a valid number"),
        ("ttft_ms=0", "slo.ttft_ms must be above 0, got 0"),
        ("ttft_ms", "expected KEY=MS, such as ttft_ms=500"),
    ],
)
def test_a_wrong_slo_is_one_line_that_names_it(tmp_path: Path, slo: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        changed(a_case(tmp_path), a_change(slo=(slo,)))
    assert str(caught.value).startswith(f"--slo {slo}")
    assert said in str(caught.value)


def test_a_scenario_nothing_can_serve_stops_with_its_name(tmp_path: Path) -> None:
    case = a_case(tmp_path, profile=PROFILE.replace(', { server = "aws/r", blended_tok_s = 100 }', ""))
    with pytest.raises(InputError, match=r"scenario 'no base': model m: no offer can serve it"):
        compare(case, [a_change("demand=*2", name="more"), a_change(without=("hz",), name="no base")])


def test_a_wrong_scenario_stops_before_any_plan_is_made(tmp_path: Path) -> None:
    def never(_: Case) -> None:
        raise AssertionError("planned")

    with pytest.raises(InputError, match=r"scenario 'second': --set demnad"):
        compare(a_case(tmp_path), [a_change("demand=*2"), a_change("demnad=*2", name="second")], never)  # type: ignore[arg-type]


# The sentence


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            a_change("demand=*2"),
            "The bill rises by USD 42.00 (+100.0 %) to USD 84.00 because 100.0 % more tokens are asked for: base fees "
            f"+USD 24.00 (1 more {BASE}), burst +USD 18.00 (12 more node-hours); a million tokens costs USD 3.2407, "
            "as before.",
            id="demand",
        ),
        pytest.param(
            a_change("price.aws=*2"),
            f"The bill rises by USD 6.00 (+14.3 %) to USD 48.00 because {SPOT} costs 100.0 % more: base fees +USD "
            f"24.00 (1 more {BASE}), burst −USD 18.00 (12 fewer node-hours).",
            id="a price that changes the plan",
        ),
        pytest.param(
            a_change("price.aws.spot=0.6"),
            f"The bill rises by USD 3.60 (+8.6 %) to USD 45.60 because {SPOT} costs 20.0 % more: burst +USD 3.60 (for "
            "the same node-hours, one comes to USD 1.8000 instead of 1.5000).",
            id="a price that does not",
        ),
        pytest.param(
            a_change("price.hz=*0.5"),
            f"The bill falls by USD 18.00 (−42.9 %) to USD 24.00 because {BASE} costs 50.0 % less: burst −USD 18.00 "
            f"(12 fewer node-hours), base fees ±USD 0.00 (1 more {BASE}).",
            id="two nodes at half the price",
        ),
        pytest.param(
            a_change("price.aws.on-demand=*2"),
            "The plan and its bill of USD 42.00 stay as they are: neither plan rents the offer concerned.",
            id="a price of what is not rented",
        ),
        pytest.param(
            a_change("demand.input=*0.9"),
            "The bill stays at USD 42.00 because 9.0 % fewer tokens are asked for; a million tokens costs USD 3.5613 "
            "instead of 3.2407.",
            id="fewer tokens on the same nodes",
        ),
        pytest.param(
            a_change("tenure_months=24"),
            "The plan and its bill of USD 42.00 stay as they are.",
            id="a policy key that does not matter here",
        ),
        pytest.param(
            a_change("target_utilization=0.5"),
            "The bill rises by USD 42.00 (+100.0 %) to USD 84.00 because target_utilization is 0.5 instead of 1.0: "
            f"base fees +USD 24.00 (1 more {BASE}), burst +USD 18.00 (12 more node-hours).",
            id="policy",
        ),
        pytest.param(
            a_change(without=("hz",)),
            f"The bill rises by USD 12.00 (+28.6 %) to USD 54.00 because {BASE} is left out: burst +USD 36.00 (24 more "
            f"node-hours), base fees −USD 24.00 (1 fewer {BASE}).",
            id="an offer left out",
        ),
        pytest.param(
            a_change("max_count.aws=0", "max_count.hz=1"),
            f"The bill falls by USD 18.00 (−42.9 %) to USD 24.00 because {SPOT} may have at most 0 nodes instead of "
            f"any number of nodes, and because {BASE} may have at most 1 node instead of any number of nodes: burst "
            "−USD 18.00 (12 fewer node-hours); 33.33 % of tokens go unserved instead of 0.00 %; with risks and "
            "penalties the total rises by USD 414.00.",
            id="unserved: 100 tok/s for 12 hours are 4.32 Mtok at 100 USD",
        ),
        pytest.param(
            a_change("demand.shift=12h"),
            "The plan and its bill of USD 42.00 stay as they are.",
            id="the same day, turned round",
        ),
        pytest.param(
            a_change("demand=*0"),
            "The bill falls by USD 42.00 (−100.0 %) to USD 0.00 because 100.0 % fewer tokens are asked for: base fees "
            f"−USD 24.00 (1 fewer {BASE}), burst −USD 18.00 (12 fewer node-hours).",
            id="nothing asked for",
        ),
    ],
)
def test_the_sentence_says_what_changes_and_why(tmp_path: Path, change: Change, said: str) -> None:
    assert sentence(a_case(tmp_path), change) == said


def test_the_parts_of_a_sentence_sum_to_the_change_of_the_bill(tmp_path: Path) -> None:
    found = compare(a_case(tmp_path), [a_change("price.aws=*2")])
    before, after = found.before.cost, found.after[0].figures.cost
    parts = ("base_fees_usd", "setup_usd", "burst_usd", "egress_usd")
    change = sum(getattr(after, part) - getattr(before, part) for part in parts)
    assert change == found.after[0].figures.bill_usd - found.before.bill_usd == Decimal(6)


def test_no_batching_is_explained_by_the_rate(tmp_path: Path) -> None:
    case = a_case(tmp_path, (200.0,) * 24, input_share=0.5, profile=BATCHED)
    found = compare(case, [a_change("max_concurrency=1")])
    (rate,) = [cause for cause in found.after[0].causes if cause.kind is Kind.OUTPUT_RATE]
    assert (rate.subject, rate.model) == (BASE, "m")
    assert rate.before == found.plan.models["m"].rates[BASE].decode_tok_s
    assert rate.after == found.after[0].plan.models["m"].rates[BASE].decode_tok_s
    assert f"because {BASE} sustains " in why(found.before, found.after[0])


def test_an_offer_too_slow_for_the_slo_is_named_with_the_reason(tmp_path: Path) -> None:
    slow = BATCHED.replace("tpot_ms = 10", "tpot_ms = 20", 2)  # both points of the base server
    said = sentence(a_case(tmp_path, (190.0,) * 24, 0.5, profile=slow), a_change(slo=("tpot_ms=15",)))
    assert said.startswith(f"The bill rises by USD 12.00 (+50.0 %) to USD 36.00 because {BASE} can no longer be used (")


def test_offers_out_for_like_reasons_are_said_together(tmp_path: Path) -> None:
    found = compare(a_case(tmp_path), [a_change("demand=*2")])
    slow = tuple(
        Cause(kind=Kind.OUT, subject=offer, detail=f"too slow for the SLO (one user): first token after {ms} ms")
        for offer, ms in (("a", 800), ("b", 900), ("c", 950), ("d", 999))
    )
    said = why(found.before, replace(found.after[0], causes=slow))
    assert "because a, b, c and 1 more can no longer be used (too slow for the SLO): base fees" in said


def test_a_named_scenario_begins_its_sentence(tmp_path: Path) -> None:
    assert sentence(a_case(tmp_path), a_change("demand=*2", name="Black Friday")).startswith("Black Friday: the bill")


# Scenario files


def test_scenarios_are_read_in_their_order() -> None:
    text = """
    [[scenario]]
    name = "dear"
    set = ["price.aws=*1.2", "demand=*2"]
    without = ["ovh"]

    [[scenario]]
    name = "strict"
    only = ["hetzner"]
    slo = ["ttft_ms=500"]
    policy = "funded"
    measured_only = true
    """
    assert read_scenarios(text, "s.toml") == (
        Change(name="dear", settings=("price.aws=*1.2", "demand=*2"), without=("ovh",)),
        Change(name="strict", only=("hetzner",), slo=("ttft_ms=500",), policy="funded", measured_only=True),
    )


def test_a_policy_file_is_looked_for_beside_the_scenarios() -> None:
    text = '[[scenario]]\nname = "a"\npolicy = "mine.toml"'
    assert read_scenarios(text, "there/s.toml", "there")[0].policy == str(Path("there/mine.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "s.toml: no scenario; expected at least one [[scenario]]"),
        ("scenario = []", "s.toml: no scenario"),
        ("scenario = [1]", "s.toml: no scenario"),
        ("[[scenarios]]\nname='a'", "s.toml: unknown key 'scenarios'; did you mean 'scenario'?"),
        ("[scenario]\nname='a'", "s.toml: [scenario] has one bracket"),
        ("[[scenario]]\nset=['demand=*2']", "s.toml, [[scenario]] number 1 name is None; expected a short text"),
        ("[[scenario]]\nname=' '\nset=['demand=*2']", "number 1 name is ' '; expected a short text"),
        ("[[scenario]]\nname='a'", "[[scenario]] 'a' changes nothing; expected one of set, without, only, slo"),
        ("[[scenario]]\nname='a'\nsets=['x']", "[[scenario]] 'a': unknown key 'sets'; did you mean 'set'?"),
        ("[[scenario]]\nname='a'\nwithuot=['x']", "unknown key 'withuot'; did you mean 'without'?"),
        ("[[scenario]]\nname='a'\nset='demand=*2'", "set is 'demand=*2'; expected a list of texts such as"),
        ("[[scenario]]\nname='a'\nslo=[500]", 'slo is [500]; expected a list of texts such as ["ttft_ms=500"]'),
        ("[[scenario]]\nname='a'\nmeasured_only='yes'", "measured_only is 'yes'; expected true or false"),
        ("[[scenario]]\nname='a'\npolicy=3", "policy is 3; expected bootstrapped, funded, enterprise or a file"),
        ("[[scenario]]\nname='a'\nonly=['x']\n[[scenario]]\nname='a'\nonly=['y']", "the name appears twice"),
        ("[[scenario]\n", "s.toml: not readable as TOML"),
    ],
)
def test_a_wrong_scenario_file_is_one_line_that_names_the_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_scenarios(text, "s.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_documented_scenario_file_is_read_and_every_documented_setting_applies(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/whatif.md").read_text()
    (change,) = read_scenarios(page.split("```toml")[1].split("```")[0], "page")
    assert change.name == "Black Friday"
    settings = re.findall(r"`--set ([^`…]+)`", page)
    assert len(settings) > 10
    fleet = replace(default_fleet(), models=(replace(default_fleet().models[0], name="chat"),))
    case = a_case(tmp_path, (0.0,) * 12 + (100.0,) * 6 + (200.0,) * 6)
    case = replace(case, fleet=fleet, catalog=shipped_catalog(), forecast=replace(case.forecast, models=("chat",)))
    for setting in settings:
        if not re.search(r"=\*?[A-Z]|[A-Z]{2}", setting):  # placeholders such as *F or OFFERS
            after = changed(case, a_change(setting))
            same_demand = np.array_equal(after.forecast.input_tok_s, case.forecast.input_tok_s) and np.array_equal(
                after.forecast.output_tok_s, case.forecast.output_tok_s
            )
            assert not (same_demand and (after.catalog, after.fleet) == (case.catalog, case.fleet)), setting


def test_the_shipped_levers_are_read() -> None:
    path = REPOSITORY / "examples/scenarios/levers.toml"
    names = [change.name for change in read_scenarios(path.read_text(), str(path))]
    assert names[:6] == ["cloud only", "base only", "no batching", "prompt cache", "follow the sun", "contracts"]


# The table and the document


def a_comparison(folder: Path) -> Comparison:
    return compare(a_case(folder), [a_change("demand=*2", name="double"), a_change(without=("hz",), name="cloud only")])


def test_the_table_opens_with_its_legend_and_ends_with_the_reasons(tmp_path: Path) -> None:
    lines = render_whatif(a_comparison(tmp_path)).splitlines()
    assert lines[0] == "What if: m, 2026-12-01 to 2026-12-02 UTC (24 h)"
    assert lines[1].split()[:2] == ["before", "forecast"]
    assert lines[2:4] == ["double      demand=*2", "cloud only  without hz"]
    assert [line.split() for line in lines if line.startswith("bill ")] == [["bill", "USD", "42.00", "84.00", "54.00"]]
    assert [line.split(":")[0] for line in lines if "the bill" in line] == ["double", "cloud only"]
    assert lines[-1].startswith("Basis: USD net of VAT")


def test_a_narrow_terminal_gets_tables_that_fit_each_beginning_with_before(tmp_path: Path) -> None:
    case = a_case(tmp_path)
    changes = [a_change(f"demand=*{factor}", name=f"demand x{factor}") for factor in (2, 3, 4, 5, 6)]
    text = render_whatif(compare(case, changes), screen=Screen(width=80))
    assert max(map(len, text.splitlines())) <= 80
    heads = [line.split() for line in text.splitlines() if line.startswith("figure")]
    assert len(heads) > 1
    assert all(head[:3] == ["figure", "unit", "before"] for head in heads)
    assert all(any(f"x{factor}" in head for head in heads) for factor in (2, 3, 4, 5, 6))


def test_the_document_obeys_its_published_schema(tmp_path: Path) -> None:
    published = (REPOSITORY / "docs/schemas/whatif.schema.json").read_text()
    assert published == schema_text()
    schema = json.loads(published)
    Draft202012Validator.check_schema(schema)
    document = json.loads(json.dumps(whatif_document(a_comparison(tmp_path)), allow_nan=False))
    Draft202012Validator(schema).validate(document)
    double = document["after"][0]
    assert (double["name"], double["change"]["set"]) == ("double", ["demand=*2"])
    assert Decimal(double["difference"]["bill_usd"]) == 42
    assert double["base"] == {BASE: 2}
    assert double["burst_node_hours"] == {SPOT: 24.0}
    assert [cause["kind"] for cause in double["causes"]] == ["tokens"]
