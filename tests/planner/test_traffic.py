"""The most traffic a budget serves, on a fleet whose bill one can reckon in the head.

A day of December (744 h): a base node costs 744 USD a month, so 24 for the day, and does 100 tok/s at target 1; a spot
node costs 1.5 USD an hour, 36 for the day. Demand is flat, so n hundred tok/s are served cheapest by n base nodes. A
budget is of a month: 31 times what the day may cost. A thousandth of the demand may go unserved.
"""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from planner.case import Case, load_case, solve_case
from planner.errors import InputError
from planner.fleet import read_fleet_file
from planner.whatif.traffic import CLOSE, most_traffic

DAYS = 31
CATALOG = """
provider = "hz"
price_date = 2026-12-01
currency = "USD"
net_of_vat = true
source = "made up"

[defaults]
region = "r"
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
is_spot = true
price_usd_hour = 1.5
lead_time_s = 0
interruptions_per_hour = 0
"""
PROFILE = """
name = "p"
source = "made up"
date = 2026-12-01
machine = [{ server = "hz/box", blended_tok_s = 100 }, { server = "aws/r", blended_tok_s = 100 }]
"""
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
max_unserved_ratio = 0.001

[[model]]
name = "m"
profile = "p"
load_time_s = 0
"""


def flat(folder: Path, tok_s: int, *, usd_day: int | None) -> Case:
    """`tok_s` through all of a day, nine tenths of it input, with a budget of `usd_day` for the day."""
    (folder / "catalog.toml").write_text(CATALOG)
    (folder / "profile.toml").write_text(PROFILE)
    (folder / "fleet.toml").write_text(FLEET)
    rows = [f"2026-12-01T{hour:02d}:00:00Z,{tok_s * 0.9},{tok_s * 0.1}" for hour in range(24)]
    (folder / "f.csv").write_text("\n".join(["timestamp,input_tokens_per_s,output_tokens_per_s", *rows]) + "\n")
    case = load_case(forecast=folder / "f.csv", fleet=read_fleet_file(folder / "fleet.toml"))
    return with_budget(case, None if usd_day is None else Decimal(usd_day * DAYS))


def with_budget(case: Case, usd_month: Decimal | None) -> Case:
    return replace(case, fleet=replace(case.fleet, policy=replace(case.fleet.policy, max_usd_month=usd_month)))


def fits(case: Case, factor: float, usd_day: int) -> bool:
    """Whether the plan of `factor` times the demand costs at most `usd_day` and leaves no more than is allowed."""
    free = with_budget(case, None)
    plan = solve_case(replace(free, forecast=free.forecast.scaled(factor))).plan
    return plan.bill_usd <= usd_day and plan.unserved_ratio <= 0.001


@pytest.mark.parametrize(
    ("tok_s", "usd_day", "factor", "bill"),
    [
        pytest.param(100, 73, 3.0, 72, id="three nodes where one is asked for"),
        pytest.param(200, 73, 1.5, 72, id="three where two are asked for"),
        pytest.param(100, 25, 1.0, 24, id="the budget of just the forecast"),
        pytest.param(400, 73, 0.75, 72, id="three nodes where four are asked for"),
        pytest.param(
            2000,
            25,
            0.05,
            24,
            id="one where twenty are asked for",
        ),
    ],
)
def test_the_factor_is_the_nodes_the_budget_buys_over_those_asked_for(
    tmp_path: Path, tok_s: int, usd_day: int, factor: float, bill: int
) -> None:
    case = flat(tmp_path, tok_s, usd_day=usd_day)
    found = most_traffic(case)
    # A thousandth unserved lets the factor be a thousandth more; the bracket may leave it a thousandth below.
    assert factor * (1 - CLOSE) <= found.factor <= factor * (1 + 2 * CLOSE)
    assert float(found.solved.plan.bill_usd) == pytest.approx(bill)
    assert found.solved.plan.unserved_ratio <= 0.001
    assert found.factor < found.too_much <= found.factor * (1 + 2 * CLOSE)
    assert fits(case, found.factor, usd_day)
    assert not fits(case, found.factor * 1.01, usd_day)


def test_the_plan_says_its_factor_and_the_budget_it_was_made_for(tmp_path: Path) -> None:
    case = flat(tmp_path, 100, usd_day=73)
    found = most_traffic(case)
    plan = found.solved.plan
    assert plan.demand_factor == found.factor
    assert plan.policy == case.fleet.policy
    assert plan.policy.max_usd_month == 2263  # 31 x 73
    assert plan.remarks[0].startswith("the budget of 2263 USD a month serves 3.00")
    assert "times the forecast, 300 tok/s (input + output) on average" in plan.remarks[0]
    asked, made = case.forecast, found.case.forecast
    assert np.allclose(made.input_tok_s, asked.input_tok_s * found.factor)
    assert np.allclose(made.output_tok_s, asked.output_tok_s * found.factor)


def test_the_search_reports_what_it_does_and_a_growing_share(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    most_traffic(flat(tmp_path, 100, usd_day=73), lambda what, share: told.append((what, share)))
    shares = [share for _, share in told]
    assert {what for what, _ in told} == {"searching for the most traffic"}
    assert shares == sorted(shares)
    assert len(shares) > 2
    assert 0 < shares[0] < shares[-1] <= 1


def test_without_a_budget_there_is_nothing_to_stay_within(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^--maximize traffic needs a budget; expected max_usd_month in \[policy\]"):
        most_traffic(flat(tmp_path, 100, usd_day=None))


def test_a_budget_below_a_single_node_serves_less_than_a_thousandth(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="max_usd_month: 31 USD serve less than a thousandth of the forecast"):
        most_traffic(flat(tmp_path, 100, usd_day=1))  # every hour needs a node, the cheapest at 24 for the day
