"""The sections of `baseload price` as text: the golden page of a small plan, narrow screens, registry and schema."""

import importlib.util
import os
from decimal import Decimal
from pathlib import Path

import pytest

from planner.economics.curve import plan_curves
from planner.economics.pattern import levels_of_plan, measure
from planner.economics.plan_spend import spend_of_plan
from planner.economics.quote import Machine
from planner.economics.true_cost import true_cost
from planner.report.numbers import Currency
from planner.report.price.curve import curve_section
from planner.report.price.document import PriceHead, in_order, price_document, render_price
from planner.report.price.patterns import patterns_section
from planner.report.price.quotes import quotes_section
from planner.report.price.registry import SECTIONS, section_keys
from planner.report.price.section import Section
from planner.report.price.splits import splits_section
from planner.report.price.true_cost import Target, true_cost_section
from planner.report.price.unit import unit_section
from planner.report.screen import Screen
from policies.hidden import HiddenBasis, HiddenCost, HiddenKind

GOLDEN = Path(__file__).parents[3] / "golden" / "price_small.txt"
_spec = importlib.util.spec_from_file_location("plans", Path(__file__).parents[1] / "plans.py")
assert _spec is not None
assert _spec.loader is not None
plans = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plans)


def sections() -> list[Section]:
    """Every section of the small plan."""
    plan = plans.small_plan()
    spend = spend_of_plan(plan, source="plan.json")
    support = HiddenCost(kind=HiddenKind.SUPPORT, basis=HiddenBasis.MTOK, price_usd=Decimal("0.08"))
    cost = true_cost(spend, [support])
    earned = cost.at_price(Decimal(1))
    assert earned is not None
    pattern = measure(
        levels_of_plan(plan), name="the plan", source="four-hours.csv", target_utilization=0.8, burst_price_ratio=1.33
    )
    return [
        curve_section(plan_curves(plan, spend, factors=(0.5, 1.0, 2.0))),
        patterns_section([pattern], target_utilization=0.8, burst_price_ratio=1.33, is_assumed=False),
        splits_section(spend),
        unit_section(spend),
        true_cost_section(cost, Target(margin_ratio=Decimal("0.5"), price_usd_mtok=Decimal(1)), [earned]),
    ]


def head() -> PriceHead:
    plan = plans.small_plan()
    return PriceHead(basis="plan", source="plan.json", price_basis=plan.price_basis, start=plan.start, end=plan.end)


def test_the_page_of_a_small_plan_is_the_golden_one() -> None:
    """`UPDATE_GOLDEN=1 pytest …` writes it anew; a changed page is a change of behaviour to explain."""
    page = render_price(head(), sections())
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(page)
    assert page == GOLDEN.read_text()


@pytest.mark.parametrize("width", [80, 100, 120])
def test_a_terminal_keeps_every_name_whole_and_no_line_longer(width: int) -> None:
    page = render_price(head(), sections(), screen=Screen(width=width))
    assert max(len(line) for line in page.splitlines()) <= width
    for name in (plans.BASE, plans.POOL, plans.SPOT, "measured-work", "the plan"):
        assert name in page


def test_in_euros_amounts_are_fewer_and_the_rate_is_said() -> None:
    page = render_price(head(), sections(), currency=Currency(code="EUR", usd_per_unit=Decimal(2)))
    assert "allocation    0.2100    0.1155    1.1550" in page
    assert page.splitlines()[-1].endswith("shown in EUR at 2 USD/EUR; JSON stays in USD.")


def test_sections_come_in_the_registrys_order_whatever_order_they_are_made_in() -> None:
    order = [section.key for section in in_order(sections())]
    assert order == [key for key in section_keys() if key in order]
    document = price_document(head(), sections())
    assert [key for key in document if key in order] == order
    assert len(set(section_keys())) == len(SECTIONS)


def test_a_fraction_of_a_percent_is_not_rounded_away() -> None:
    machine = Machine(name="a", price_usd_hour=Decimal("0.36"), tok_s=Decimal(100))
    section = quotes_section([machine], [Decimal(1), Decimal("0.725")])
    page = render_price(head(), [section])
    assert "at 100 %" in page
    assert "at 72.5 %" in page


def test_an_unknown_utilization_is_a_dash_and_null() -> None:
    plan = plans.small_plan()
    hours = tuple(plans.an_hour(at, {"m": plans.model_hour(0, 0, base={plans.BASE: 1})}) for at in range(4))
    section = unit_section(spend_of_plan(plans.replace(plan, hours_detail=hours)))
    assert section.document["models"][0]["allocation_usd_mtok"]["blended"] is None
    (line,) = [line for line in render_price(head(), [section]).splitlines() if "allocation   " in line]
    assert line.split() == ["allocation", "–", "–", "–", "3.33"]
