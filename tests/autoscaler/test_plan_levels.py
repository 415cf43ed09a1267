"""A saved plan as levels: hour by hour on its own dates, laid over others, base nodes with their bill."""

from dataclasses import replace
from datetime import timedelta

import pytest

from autoscaler.plan_levels import laid_over, reference_of, tariff_of
from planner.plan import Plan
from policies.billing import Billing
from tests.planner.report.plans import POOL, SPOT, START, an_hour, model_hour, small_plan

HOUR = timedelta(hours=1)


def a_week() -> Plan:
    """A plan of a week that wants as many nodes as the hour of the week says."""
    hours = tuple(an_hour(n, {"m": model_hour(500.0, 0.0, burst={POOL: n})}) for n in range(168))
    return replace(small_plan(), hours=168, end=START + timedelta(days=7), hours_detail=hours)


def test_on_its_own_dates_each_hour_is_as_planned() -> None:
    levels, remarks = laid_over(small_plan(), START, 4, models=["m"])
    found = [levels.at("m", START + n * HOUR) for n in range(4)]
    assert [one.burst.get(POOL, 0) for one in found if one is not None] == [0, 1, 2, 0]
    assert [one.work_nodes for one in found if one is not None] == pytest.approx([1.6, 2.4, 3.2, 0.8])
    assert levels.at("m", START + 4 * HOUR) is None
    assert remarks == ()


def test_part_of_a_plan_is_that_part() -> None:
    levels, _ = laid_over(small_plan(), START + HOUR, 2, models=["m"])
    level = levels.at("m", START + HOUR + timedelta(minutes=59))
    assert level is not None
    assert level.burst == {POOL: 1}


def test_a_week_is_laid_over_other_dates_by_hour_of_the_week() -> None:
    later = START + timedelta(days=7 * 9 + 2)
    levels, remarks = laid_over(a_week(), later, 200, models=["m"])
    for n in (0, 100, 150, 199):
        level = levels.at("m", later + n * HOUR)
        assert level is not None
        assert level.burst[POOL] == (48 + n) % 168
    assert "laid over the dates by hour of the week" in remarks[0]


def test_less_than_a_week_is_repeated_from_its_first_hour() -> None:
    other = START.replace(year=2025)
    levels, remarks = laid_over(small_plan(), other, 6, models=["m"])
    found = [levels.at("m", other + n * HOUR) for n in range(6)]
    assert [one.burst.get(POOL, 0) for one in found if one is not None] == [0, 1, 2, 0, 0, 1]
    assert "from its first hour on" in remarks[0]


def test_the_reference_is_the_pool_that_works_most_and_the_cheapest_where_none_does() -> None:
    assert reference_of(small_plan(), "m") == POOL
    idle = replace(small_plan(), hours_detail=(an_hour(0, {"m": model_hour(1.0, 1.0)}),))
    assert reference_of(idle, "m") == POOL  # 0.30 USD/h against 0.50 for the same rates


def test_a_pool_is_charged_by_the_plans_own_rule() -> None:
    assert tariff_of(small_plan(), POOL).billing is Billing.STARTED_HOUR
    assert tariff_of(small_plan(), SPOT).is_spot
