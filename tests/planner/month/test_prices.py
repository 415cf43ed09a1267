"""Prices and break-even of the month made by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from planner.economics.breakeven import TrafficCost
from planner.economics.market import HostedModel, HostedPrices
from planner.month.facts import MonthFacts, reckon
from planner.month.prices import break_evens, price_rows, traffic_cost
from planner.month.report import month_report
from planner.month.spend import spend_of_month
from policies.pricing import PricingPolicy, Tier
from tests.planner.month.months import (
    IS_BUSY,
    base_lease,
    burst_leases,
    monitoring,
    pool_price,
    small_facts,
    small_fleet,
)


def cost_of(facts: MonthFacts) -> TrafficCost:
    month = reckon(facts)
    found = traffic_cost(month, spend_of_month(month))
    assert found is not None
    return found


def near(value: str) -> object:
    return pytest.approx(Decimal(value), rel=Decimal("1e-9"))


def test_the_cost_of_the_months_own_traffic_is_its_bill() -> None:
    """2,200 million tokens for 100.00, of which base and monitoring are 92.00 whatever the traffic."""
    cost = cost_of(small_facts())
    assert cost.usd(Decimal(2200)) == near("100")
    assert cost.fixed_usd == 92


def test_burst_grows_with_what_base_nodes_leave() -> None:
    """At the target of 0.9 one base node leaves 0.9 of 1.8 busy nodes; at half the traffic nothing, at double 2.7."""
    cost = cost_of(small_facts())
    assert cost.usd(Decimal(1100)) == near("92")
    assert cost.usd(Decimal(4400)) == near("116")


def test_quiet_hours_need_burst_too_once_the_base_is_full_in_them() -> None:
    """Quiet hours at 0.04 nodes: the base leaves 80 x 0.9 node-hours, at 50 times the traffic 80 x 89.1 + 640 x 1.1."""
    facts = small_facts()
    assert facts.served is not None
    is_quiet = ~IS_BUSY[facts.served.hour]
    tokens = {
        name: np.where(is_quiet, getattr(facts.served, name) // 10, getattr(facts.served, name))
        for name in ("input_tokens", "output_tokens")
    }
    month = reckon(replace(facts, served=replace(facts.served, **tokens)))
    spend = spend_of_month(month)
    cost = traffic_cost(month, spend)
    assert cost is not None
    mtok = Decimal(str(spend.tokens)) / 1_000_000
    assert cost.usd(mtok * 50) == near(str(92 + Decimal(8) * 7832 / 72))


def test_without_burst_the_cost_ends_where_the_busiest_hour_fills_the_nodes() -> None:
    """Two base nodes and 1.8 busy in the busiest hours: traffic can grow by a ninth."""
    cost = cost_of(small_facts(leases=(base_lease(), base_lease(id="base-2"))))
    assert cost.capacity_mtok is not None
    assert cost.capacity_mtok == pytest.approx(Decimal(2200) / Decimal("0.9"))
    assert cost.usd(Decimal(1000)) == 164


def test_egress_is_by_the_token() -> None:
    egress = replace(monitoring("11"), id="egress", what="egress")
    cost = cost_of(small_facts(others=(egress,)))
    assert cost.fixed_usd == 72
    assert cost.usd(Decimal(2200)) == near("91")
    assert cost.usd(Decimal(1100)) == near("77.5")


def test_tiers_are_priced_at_the_months_cost() -> None:
    tiers = (Tier(name="own", at_cost=True), Tier(name="half", margin_ratio=Decimal("0.5")))
    fleet = replace(small_fleet(), pricing=PricingPolicy(margin_ratio=Decimal("0.5"), tiers=tiers))
    month = reckon(small_facts(fleet=fleet))
    spend = spend_of_month(month)
    rows, said = price_rows(month, spend)
    assert said == ()
    assert [(row.tier, row.margin_ratio) for row in rows] == [("own", 0), ("half", 0.5)]
    assert rows[1].price_usd_mtok == near(str(Decimal(200) / 2200))
    assert (rows[1].input_usd_mtok, rows[1].output_usd_mtok) == (pytest.approx(Decimal("0.05")), near("0.5"))
    paid, _ = break_evens(month, spend, rows)
    # At 0.0909 revenue meets 92.00 at 1,012 million tokens, before any burst is needed.
    assert paid[-1].tokens_month == near("1012e6")
    assert paid[-1].until_tokens_month is None


def test_a_price_below_the_slope_of_burst_is_a_loss_again_beyond_some_traffic() -> None:
    """Burst at 2.00: at f times the traffic 92 + 320 (f - 0.5), revenue 220 f: equal at 0.4182 and at 0.68."""
    facts = small_facts(leases=(base_lease(), *burst_leases(pool_price("2.00"))))
    tiers = (Tier(name="flat", price_usd_mtok=Decimal("0.1")),)
    fleet = replace(small_fleet(), pricing=PricingPolicy(margin_ratio=Decimal("0.5"), tiers=tiers))
    month = reckon(replace(facts, fleet=fleet))
    spend = spend_of_month(month)
    paid, _ = break_evens(month, spend, price_rows(month, spend)[0])
    assert paid[0].tokens_month == near("920e6")
    assert paid[0].until_tokens_month == near("1496e6")


def test_a_share_of_an_unknown_market_has_no_price() -> None:
    tiers = (Tier(name="value", market_ratio=Decimal(1)),)
    fleet = replace(small_fleet(), pricing=PricingPolicy(margin_ratio=Decimal("0.5"), tiers=tiers))
    month = reckon(small_facts(fleet=fleet))
    rows, said = price_rows(month, spend_of_month(month))
    assert rows == ()
    assert said == ("tier value: a share of the market, and no reference is given; it has no price here",)


def test_a_share_of_the_market_is_of_the_list_at_the_months_mix() -> None:
    """Two models, 0.11 and 0.55 whatever the mix; their median is 0.33."""
    listed = tuple(
        HostedModel(
            provider=provider,
            model="x-7b",
            input_usd_mtok=Decimal(usd),
            output_usd_mtok=Decimal(usd),
            model_class="7-8B",
        )
        for provider, usd in (("a", "0.11"), ("b", "0.55"))
    )
    hosted = HostedPrices(models=listed, price_date=date(2026, 11, 12), source="list")
    tiers = (Tier(name="value", market_ratio=Decimal("0.5")),)
    pricing = PricingPolicy(margin_ratio=Decimal("0.5"), tiers=tiers, market_class="7-8B")
    facts = replace(small_facts(fleet=replace(small_fleet(), pricing=pricing)), hosted=hosted)
    report = month_report(facts)
    assert [(row.tier, row.price_usd_mtok) for row in report.prices] == [("value", near("0.165"))]
    (said,) = [one for one in report.assumptions if one.what == "market reference of 7-8B"]
    assert said.value == "0.3300 USD/Mtok at the month's mix, quantile 0.5 of 2 prices"
    assert (said.dated, said.source) == (date(2026, 11, 12), "list")
    own = replace(pricing, reference_usd_mtok=Decimal(2))
    month = reckon(replace(facts, fleet=replace(small_fleet(), pricing=own)))
    assert price_rows(month, spend_of_month(month))[0][0].price_usd_mtok == 1


def test_no_break_even_of_a_part_of_a_month() -> None:
    facts = small_facts(as_of=small_facts().start + (small_facts().end - small_facts().start) / 2)
    month = reckon(facts)
    spend = spend_of_month(month)
    assert break_evens(month, spend, price_rows(month, spend)[0])[0] == ()
